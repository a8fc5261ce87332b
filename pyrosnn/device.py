"""Where to compute."""

import torch

from pyrosnn.errors import ArgumentError, brief, first_line, require

DEVICES = ("cpu", "cuda", "cuda:1", "mps")  # as they are written; torch has more


def open_device(name: str | torch.device) -> torch.device:
    """Return the torch device, refusing one that is not there.

    Args:
        name: its name, or the device itself.

    Raises:
        ArgumentError: ``unknown device 'gpu'; did you mean 'cuda'? (…)``, or ``device 'cuda' cannot
            be used here (…); use --device cpu``.

    Example:
        >>> open_device("cpu")
        device(type='cpu')
    """
    known = isinstance(name, str | torch.device)
    require(known, f"device must be a name such as cpu or cuda, got {brief(name)}")
    try:
        device = torch.device(name)
    except (RuntimeError, ValueError):
        meant = "; did you mean 'cuda'?" if "gpu" in str(name).lower() else "; choose one of"
        raise ArgumentError(f"unknown device '{name}'{meant} ({', '.join(DEVICES)})") from None
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = first_line(error).partition(". ")[0]  # torch adds where drivers are had
        raise ArgumentError(
            f"device '{name}' cannot be used here ({reason}); use --device cpu"
        ) from None
    return device
