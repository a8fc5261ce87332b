"""Where to compute."""

import torch

from pyrosnn.errors import ArgumentError


def open_device(name: str) -> torch.device:
    """Return the torch device, refusing one that is not there.

    Raises:
        ArgumentError: ``device 'cuda' cannot be used here (…); use --device cpu``.

    Example:
        >>> open_device("cpu")
        device(type='cpu')
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ArgumentError(
            f"device '{name}' cannot be used here ({reason}); use --device cpu"
        ) from None
    return device
