"""MIM: its steps, its candidates, and its settings."""

from typing import Any

import pytest
import torch

from pyrosnn.attacks import FGM, MIM, loss_gradient
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set, predict


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("fixed", [True, False])
def test_the_steps_are_those_of_the_docstring(
    norm: str, fixed: bool, bnn: StochasticClassifier, digits: Dataset
) -> None:
    """A loop with the samples written out; each image keeps the point that V finds worst."""
    x, y = digits.test_images(20)
    strength = {"l2": 4.0, "linf": 0.5}[norm]  # so far that the last point is not always the worst
    stream = draw_sample_set(bnn, x, 12, seed=0, stream="attack")
    V = draw_sample_set(bnn, x, 5, seed=0, stream="selection")
    delta, velocity, points, margins = torch.zeros_like(x), torch.zeros_like(x), [], []
    for step in range(4):
        used = stream[:3] if fixed else stream[3 * step : 3 * step + 3]
        g = loss_gradient(
            bnn, x + delta, y, used, loss="cross-entropy", gradient="mean_prediction"
        ).direction
        velocity = 0.9 * velocity + g / g.flatten(1).norm(p=1, dim=1).reshape(-1, 1, 1, 1)
        unit = velocity / velocity.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        delta = delta + strength / 4 * (unit if norm == "l2" else velocity.sign())
        points.append(delta)
        margins.append(predict(bnn, x + delta, V).margin(y))
    worst = torch.stack(margins).argmin(0)
    assert len(worst.unique()) > 1
    attack = MIM(
        norm=norm,
        strength=strength,
        steps=4,
        momentum=0.9,
        fixed_samples=fixed,
        selection_samples=5,
    )
    result = attack(bnn, x, y, stream[:3])
    expected = torch.stack(points)[worst, torch.arange(20)]
    torch.testing.assert_close(result.perturbation, expected, atol=1e-5, rtol=1e-4)
    assert (result.num_gradients, result.num_queries) == (4 * 3, 4 * 5)
    assert result.origin.stop == (3 if fixed else 12)


def test_one_step_is_fgm(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(10)
    A = draw_sample_set(bnn, x, 3, seed=0, stream="attack")
    attack = MIM(strength=0.5, steps=1, selection_samples=1)
    assert attack.one_step == FGM(strength=0.5)
    one, fgm = (made(bnn, x, y, A).perturbation for made in (attack, attack.one_step))
    torch.testing.assert_close(one, fgm)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"momentum": -0.5}, r"momentum must be >= 0 and finite, got -0\.5"),
    ],
)
def test_bad_settings_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MIM(**wrong)
