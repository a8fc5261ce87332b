"""Where to compute."""

import torch

from pyrosnn.errors import ArgumentError, brief, require


def open_device(name: str | torch.device) -> torch.device:
    """Return the torch device, refusing one that is not there.

    Args:
        name: its name, or the device itself.

    Raises:
        ArgumentError: ``device 'cuda' cannot be used here (…); use --device cpu``.

    Example:
        >>> open_device("cpu")
        device(type='cpu')
    """
    known = isinstance(name, str | torch.device)
    require(known, f"device must be a name such as cpu or cuda, got {brief(name)}")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ArgumentError(
            f"device '{name}' cannot be used here ({reason}); use --device cpu"
        ) from None
    return device
