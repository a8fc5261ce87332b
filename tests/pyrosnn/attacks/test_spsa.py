"""SPSA: its differences are central ones, its estimate is unbiased, and many steps beat one."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from support.toy import LinearClassifier, QuadraticClassifier, sample_set
from torch import Tensor

from pyrosnn.attacks import NORMS, SPSA, Problem
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, disjoint_sample_sets, predict


def problem_of(
    attack: SPSA, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> Problem:
    """Return the problem that an attack is given."""
    return Problem(
        classifier=classifier,
        x=x,
        labels=y,
        samples=samples,
        maximised=attack.maximised,
        norm=NORMS[attack.norm],
        clip=None,
        selection=attack.num_selection(samples),
    )


def test_differences_are_central() -> None:
    """In one dimension a central difference of a quadratic loss has the gradient's sign exactly.

    A forward difference with so large a radius has the curvature's.
    """
    classifier = QuadraticClassifier(1, 2)
    weight = torch.randn(4, 2, 2).double()
    x, y = torch.randn(50, 1).double(), torch.randint(2, (50,))
    slope, bend = weight.mean(0)[0], classifier.curvature[:, 0, 0]
    slopes = slope + bend * x  # of both classes at every image
    rising = slopes.gather(1, (1 - y).unsqueeze(1)) - slopes.gather(1, y.unsqueeze(1))
    attack = SPSA(loss="margin", strength=0.7, directions=1, radius=10.0)
    result = attack(classifier, x, y, sample_set(weight))
    torch.testing.assert_close(result.perturbation, 0.7 * rising.sign())
    assert result.num_queries == 2 * 4


def test_the_estimate_is_the_gradient_on_average() -> None:
    """On a linear classifier E g = w exactly, with the variance (|w|² - w_i²) / K of each entry."""
    classifier = LinearClassifier(5, 2)
    weight = torch.randn(3, 6, 2).double()
    x, y = torch.randn(400, 5).double(), torch.zeros(400, dtype=torch.long)
    slope = (weight.mean(0)[:-1, 1] - weight.mean(0)[:-1, 0]).expand(400, 5)
    attack = SPSA(loss="margin", directions=50, radius=0.3)
    problem = problem_of(attack, classifier, x, y, sample_set(weight))
    estimates = attack._estimate(problem) / (2 * attack.radius * attack.directions)
    variance = ((slope[0] ** 2).sum() - slope[0] ** 2) / 50
    standard = (estimates.mean(0) - slope[0]) / (variance / 400).sqrt()
    assert float(standard.abs().max()) < 4  # fails once in 3,000 runs
    torch.testing.assert_close(estimates.var(0), variance, rtol=0.4, atol=0.0)


def test_the_radius_grows_with_the_range_of_pixels() -> None:
    """A curved loss has the same estimate on pixels up to 255, where it is as curved."""
    classifier, weight = QuadraticClassifier(3, 2), torch.randn(2, 4, 2).double()
    x, y = torch.rand(20, 3).double(), torch.zeros(20, dtype=torch.long)
    wide = torch.cat([weight[:, :-1] / 255, weight[:, -1:]], 1)
    attack = SPSA(loss="cross-entropy", directions=2, radius=0.3, strength=0.1, clip=(0.0, 1.0))
    near = attack(classifier, x, y, sample_set(weight)).perturbation
    classifier.curvature = classifier.curvature / 255**2
    scaled = replace(attack, strength=25.5, clip=(0.0, 255.0))
    far = scaled(classifier, 255 * x, y, sample_set(wide)).perturbation
    torch.testing.assert_close(far / 255, near)


def test_both_losses_of_a_difference_have_the_same_samples_and_steps_have_fresh_ones() -> None:
    torch.manual_seed(1)
    classifier = LinearClassifier(4, 3)
    x, y = torch.randn(6, 4).double(), torch.zeros(6, dtype=torch.long)
    A, _ = disjoint_sample_sets(classifier, x, attack=2, inference=1, seed=0)
    attack = SPSA(steps=4, relative_step=0.5, directions=3, selection_samples=5)
    seen: list[int] = []
    problem = problem_of(attack, classifier, x, y, A)
    value = problem.value

    def spied(delta: Any, page: Any = None, *rest: Any) -> Tensor:
        seen.append(page.origin.start)
        return value(delta, page, *rest)

    problem.value = spied  # type: ignore[method-assign, assignment]
    delta = attack.run(problem, 0.5)
    assert seen == [2 * step for step in range(4) for _ in range(2 * 3)]
    assert torch.equal(delta, problem.archive.delta)
    assert problem.num_queries == 6 * (4 * 3 * 2 * 2 + 4 * 5)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_many_steps_beat_one(
    norm: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    bnn = classifiers["bnn"]
    x, y = digits.test_images(40)
    A, other = disjoint_sample_sets(bnn, x, attack=3, inference=50, seed=0)
    one = SPSA(norm=norm, strength={"l2": 0.6, "linf": 0.1}[norm], directions=16)
    many = replace(one, steps=10, relative_step=0.2, selection_samples=20)
    left = [
        int((predict(bnn, x + attack(bnn, x, y, A).perturbation, other).predicted == y).sum())
        for attack in (one, many)
    ]
    assert left[1] <= left[0] - 4
    assert many.one_step.linear_in_strength
    assert not many.linear_in_strength
    assert many.iterated


def test_steps_that_do_not_reach_the_strength_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"5 steps of 0.1 η reach 0.5 η at most"):
        SPSA(steps=5)
    assert not SPSA().iterated  # one step is η long whatever the relative step
