"""A function of one sample evaluated for many, vectorised by torch where possible."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError

# One sample of each tensor, by name, to logits.
OfSample = Callable[[Mapping[str, Tensor]], Tensor]

TOLERANCE = 1e-4


def over_samples(function: OfSample, batch: Mapping[str, Tensor], *, vectorised: bool) -> Tensor:
    """Return the function's values, stacked.

    Args:
        function: of one sample.
        batch: tensors with a leading axis of samples.
        vectorised: by ``torch.func.vmap``, or in a loop.
    """
    if vectorised:
        # draws that change no output, as of labels that are not used, may happen
        mapped: Tensor = torch.func.vmap(function, randomness="different")(dict(batch))
        return mapped
    number = len(next(iter(batch.values())))
    return torch.stack([function({k: v[s] for k, v in batch.items()}) for s in range(number)])


def choose(function: OfSample, batch: Mapping[str, Tensor], asked: bool | None) -> bool:
    """Return whether to vectorise: as requested, or if a trial gives the values of the loop.

    Args:
        function: of one sample.
        batch: a few samples.
        asked: None leaves it to the trial.

    Raises:
        ArgumentError: if it was asked for and is not possible, with the reason.
    """
    if asked is False:
        return False
    reason: Any = "it gives other values than one sample after the other"
    with torch.no_grad():
        expected = over_samples(function, batch, vectorised=False)
        try:
            outputs = over_samples(function, batch, vectorised=True)
            scale = float(expected.abs().max())
            if torch.allclose(outputs, expected, rtol=TOLERANCE, atol=TOLERANCE * scale):
                return True
        except Exception as error:
            reason = str(error).splitlines()[0]
    if asked:
        raise ArgumentError(
            f"the model cannot be vectorised over samples ({reason}); use vectorised=False"
        )
    return False
