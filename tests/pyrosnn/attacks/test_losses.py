"""Every loss of every average: its cotangents are the derivatives of its value, in float64."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pyrosnn.attacks import GRADIENTS, LOSSES, Loss
from pyrosnn.errors import ArgumentError
from pyrosnn.outputs import OUTPUTS
from pyrosnn.outputs.mean import MeanPrediction

STEP = 1e-6
# every loss away from the label, and toward a class where it has such a form
TARGETS = (torch.arange(6) + 1 + torch.arange(6) // 4) % 4
ROWS = LOSSES | {
    f"{name}, toward": row.toward(TARGETS) for name, row in LOSSES.items() if row.toward
}


@pytest.mark.parametrize("output", list(OUTPUTS))
@pytest.mark.parametrize("gradient", list(GRADIENTS))
@pytest.mark.parametrize("loss", list(ROWS))
def test_cotangents_are_the_derivatives_of_the_value(loss: str, gradient: str, output: str) -> None:
    logits = torch.randn(3, 6, 4, dtype=torch.float64)
    y = torch.arange(6) % 4
    row, average = ROWS[loss], GRADIENTS[gradient]

    def value(z: Tensor) -> Tensor:
        losses = average.value(row, z, y, MeanPrediction(output).add(z))
        return losses.mean(0) if average.apart else losses

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
@pytest.mark.parametrize("loss", list(ROWS))
def test_what_is_apart_is_a_mean_over_chunks(loss: str, gradient: str, output: str) -> None:
    """Chunks of samples give the value and the cotangents that all of them give."""
    logits, y = torch.randn(5, 6, 4, dtype=torch.float64), torch.arange(6) % 4
    row, average, mean = ROWS[loss], GRADIENTS[gradient], MeanPrediction(output).add(logits)
    parts = logits.split((2, 3))
    values = torch.cat([average.value(row, part, y, mean) for part in parts])
    torch.testing.assert_close(values, average.value(row, logits, y, mean))
    number = MeanPrediction(output)
    number.total = 5.0
    cotangents = torch.cat([average.cotangents(row, part, y, number) for part in parts])
    assert torch.equal(cotangents, average.cotangents(row, logits, y, mean))


@pytest.mark.parametrize("output", list(OUTPUTS))
@pytest.mark.parametrize("row", [LOSSES["dlr"], ROWS["dlr, toward"]], ids=["plain", "toward"])
@given(scale=st.floats(1e-2, 1e2), shift=st.floats(-50, 50), seed=st.integers(0, 2**16))
def test_dlr_depends_on_no_scale_or_shift(
    output: str, row: Loss, scale: float, shift: float, seed: int
) -> None:
    """Of a single sample: the same value at a z + b, and a gradient of the same direction, / a."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 6, 5, dtype=torch.float64, generator=generator)
    y, moved = torch.arange(6) % 4, scale * logits + shift
    plain, other = (MeanPrediction(output).add(z) for z in (logits, moved))
    torch.testing.assert_close(row.value(other, y), row.value(plain, y), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(
        scale * row.cotangents(moved, y, other),
        row.cotangents(logits, y, plain),
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.parametrize("output", list(OUTPUTS))
@pytest.mark.parametrize("row", [LOSSES["dlr"], ROWS["dlr, toward"]], ids=["plain", "toward"])
def test_dlr_is_finite_where_logits_are_equal_or_saturated(output: str, row: Loss) -> None:
    equal = torch.zeros(6, 5, dtype=torch.float64)
    saturated = torch.full((6, 5), -300.0, dtype=torch.float64)
    saturated[:, 2] = 300.0
    apart = torch.tensor([300.0, -300.0, 0.0, -300.0, 300.0]).double().repeat(6, 1)
    y = torch.arange(6) % 4
    for logits in (equal, saturated, apart):
        mean = MeanPrediction(output).add(logits.unsqueeze(0))
        assert row.value(mean, y).isfinite().all()
        assert row.cotangents(logits.unsqueeze(0), y, mean).isfinite().all()
    level = MeanPrediction(output).add(equal.unsqueeze(0))
    assert not row.value(level, y).any()


def test_dlr_is_that_of_its_paper() -> None:
    """z = (5, 3, 1, 0): -(5 - 3) / (5 - 1) for the first class, and (3 - 5) the other way round."""
    z = torch.tensor([[[5.0, 3.0, 1.0, 0.0]] * 3]).double()
    mean, y = MeanPrediction("logits").add(z), torch.tensor([0, 1, 3])
    torch.testing.assert_close(
        LOSSES["dlr"].value(mean, y), torch.tensor([-0.5, 0.5, 1.25]).double()
    )
    toward = LOSSES["dlr"].toward
    assert toward is not None
    led = toward(torch.tensor([1, 0, 2])).value(mean, y)
    torch.testing.assert_close(led, torch.tensor([-2.0, 2.0, 1.0]).double() / 4.5)


@pytest.mark.parametrize(("toward", "classes"), [(False, 3), (True, 4)])
def test_dlr_of_too_few_classes_is_refused(toward: bool, classes: int) -> None:
    y = torch.zeros(2, dtype=torch.long)
    plain = LOSSES["dlr"]
    row = plain.toward(y + 1) if toward and plain.toward is not None else plain
    few = MeanPrediction("logits").add(torch.randn(1, 2, classes - 1).double())
    with pytest.raises(ArgumentError, match=f"with {classes} classes, the classifier has"):
        row.value(few, y)
    assert row.value(MeanPrediction("logits").add(torch.randn(1, 2, classes).double()), y).any()
