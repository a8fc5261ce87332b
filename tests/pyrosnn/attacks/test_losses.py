"""Every loss of every average: its cotangents are the derivatives of its value, in float64."""

import pytest
import torch
from torch import Tensor

from pyrosnn.attacks import GRADIENTS, LOSSES
from pyrosnn.outputs import OUTPUTS
from pyrosnn.outputs.mean import MeanPrediction

STEP = 1e-6


@pytest.mark.parametrize("output", list(OUTPUTS))
@pytest.mark.parametrize("gradient", list(GRADIENTS))
@pytest.mark.parametrize("loss", list(LOSSES))
def test_cotangents_are_the_derivatives_of_the_value(loss: str, gradient: str, output: str) -> None:
    logits = torch.randn(3, 6, 4, dtype=torch.float64)
    y = torch.arange(6) % 4
    row, average = LOSSES[loss], GRADIENTS[gradient]

    def value(z: Tensor) -> Tensor:
        return average.value(row, z, y, MeanPrediction(output).add(z))

    mean = MeanPrediction(output).add(logits)
    cotangents = average.cotangents(row, logits, y, mean)
    assert cotangents.dtype == torch.float64
    slopes = torch.zeros_like(logits)
    for place in range(slopes[:, 0].numel()):
        step = torch.zeros(12, dtype=torch.float64)
        step[place] = STEP
        step = step.reshape(3, 1, 4)
        difference = (value(logits + step) - value(logits - step)) / (2 * STEP)
        slopes[place // 4, :, place % 4] = difference
    torch.testing.assert_close(cotangents, slopes, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("output", list(OUTPUTS))
@pytest.mark.parametrize("gradient", [name for name, row in GRADIENTS.items() if row.apart])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_what_is_apart_is_a_mean_over_chunks(loss: str, gradient: str, output: str) -> None:
    """Chunks of samples give the value and the cotangents that all of them give."""
    logits, y = torch.randn(5, 6, 4, dtype=torch.float64), torch.arange(6) % 4
    row, average, mean = LOSSES[loss], GRADIENTS[gradient], MeanPrediction(output).add(logits)
    parts = logits.split((2, 3))
    values = [len(part) / 5 * average.value(row, part, y, mean) for part in parts]
    torch.testing.assert_close(sum(values), average.value(row, logits, y, mean))
    number = MeanPrediction(output)
    number.num_samples = 5
    cotangents = torch.cat([average.cotangents(row, part, y, number) for part in parts])
    assert torch.equal(cotangents, average.cotangents(row, logits, y, mean))
