"""Settings outside a module's parameters: a noise layer's variance, a dropout's probability."""

import hashlib
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module


def module_settings(module: Module) -> dict[str, str]:
    """Return the plain attributes of a module and its submodules, and the layers' reprs.

    Two classifiers with the same weights and other settings are other classifiers. What is no
    number, text or array, or a list of these, is not seen. Settings that are too long for a
    result are their digest alone.

    Args:
        module: the module.

    Example:
        >>> module_settings(torch.nn.Sequential(torch.nn.Dropout(0.3)))
        {'0.extra_repr': 'p=0.3, inplace=False'}
    """
    settings = {}
    for path, part in module.named_modules():
        begin = f"{path}." if path else ""
        if part.extra_repr():
            settings[f"{begin}extra_repr"] = part.extra_repr()
        if not type(part).__module__.startswith("torch.nn."):  # whose layers print theirs
            for name, value in sorted(vars(part).items()):
                text = None if name in INHERITED else _text(value)
                if text is not None:
                    settings[f"{begin}{name}"] = text
    whole = json.dumps(settings)
    return settings if len(whole) <= LONGEST else {"digest": _digest(whole.encode())}


LONGEST = 100_000  # characters; a result's provenance may have ten times as many
INHERITED = vars(Module()).keys()  # ``training``, hooks and such


def _text(value: Any) -> str | None:
    """Return a value as text, an array as its digest; None for anything else."""
    if isinstance(value, Tensor):  # as bytes, for numpy has no bfloat16
        value = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    if isinstance(value, np.ndarray):
        return None if value.dtype.hasobject else _digest(value.tobytes())
    if isinstance(value, bool | int | float | str | torch.dtype | np.number):
        return str(value)
    if isinstance(value, dict):
        value = [part for item in sorted(value.items(), key=str) for part in item]
    if isinstance(value, list | tuple):
        parts = [_text(part) for part in value]
        return None if None in parts else f"[{', '.join(map(str, parts))}]"
    return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
