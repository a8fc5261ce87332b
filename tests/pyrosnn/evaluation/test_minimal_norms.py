"""Minimal norms: fresh samples judge what the attacker's own found."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from support.toy import LinearClassifier, NoiseAlone, sample_set
from torch import Tensor

from pyrosnn.attacks import FGM, FMN, Attack, Problem
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, OverlapError
from pyrosnn.evaluation import minimal_norms
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, predict

QUICK = FMN(steps=20, selection_samples=10)


@dataclass(frozen=True, kw_only=True)
class OneUnit(Attack):
    """A δ of norm 1 along the first input, said to be the shortest."""

    minimises_norm: ClassVar[bool] = True

    def run(self, problem: Problem, strength: float) -> Tensor:
        delta = torch.zeros_like(problem.x)
        delta[:, 0] = 1.0
        return delta


def test_the_first_multiple_that_fools_i_counts() -> None:
    """Class 1 wins beyond x_0 = 0: five images at known distances from it."""
    classifier = LinearClassifier(2, 2)
    weight = torch.zeros(3, 3, 2, dtype=torch.float64)
    weight[:, 0, 1] = 1.0
    distances = [-0.5, 0.98, 1.02, 1.07, 1.2]
    x = torch.tensor([[-away, 5.0] for away in distances], dtype=torch.float64)
    made = minimal_norms(
        classifier,
        x,
        torch.zeros(5, dtype=torch.long),
        attack=OneUnit(strength=0.1),  # which does not matter
        attack_samples=sample_set(weight),
        inference_samples=sample_set(weight, "inference"),
        first_example=7,
    )
    assert made["minimal_norm"].values.tolist() == pytest.approx([0.0, 1.0, 1.05, 1.1, np.inf])
    assert made["found_norm"].values.tolist() == [1.0] * 5
    assert made["example"].values.tolist() == [7, 8, 9, 10, 11]
    assert made["minimal_norm"].attrs["units"] == "pixel value"


def test_multiples_stay_within_the_bounds() -> None:
    """δ times 1.1 would leave them: its norm is what is left."""
    classifier = LinearClassifier(2, 2)
    weight = torch.zeros(3, 3, 2, dtype=torch.float64)
    weight[:, 0, 1], weight[:, 2, 1] = 1.0, -0.04
    x = torch.tensor([[-1.0, 0.0]], dtype=torch.float64)
    made = minimal_norms(
        classifier,
        x,
        torch.zeros(1, dtype=torch.long),
        attack=OneUnit(clip=(-1.0, 0.06)),
        attack_samples=sample_set(weight),
        inference_samples=sample_set(weight, "inference"),
        factors=(1.1, 1.0),
    )
    assert made["minimal_norm"].values.tolist() == pytest.approx([1.06])


def test_fresh_samples_need_longer_perturbations(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """V chose the δ that fool V: on I some have to be longer, and none of them is shorter."""
    x, y = digits.test_images(60)
    a, i = disjoint_sample_sets(bnn, x, attack=3, inference=50, seed=0)
    attack = replace(QUICK, clip=digits.bounds)
    made = minimal_norms(bnn, x, y, attack=attack, attack_samples=a, inference_samples=i)
    found, minimal = made["found_norm"].values, made["minimal_norm"].values
    wrong = (predict(bnn, x, i).predicted != y).numpy()
    assert (minimal[wrong] == 0).all()
    judged = ~wrong & np.isfinite(found)  # where V was not fooled, I may be
    assert judged.sum() > 40
    assert (minimal[judged] >= found[judged] * (1 - 1e-6)).all()
    assert 0.2 < (minimal[judged] > found[judged] * 1.01).mean() < 0.9
    result = replace(attack, strength=1e6)(bnn, x, y, a)
    assert result.fooled is not None
    np.testing.assert_allclose(
        found, np.where(result.fooled, result.norm, np.inf).astype(float), rtol=1e-6
    )


@pytest.mark.statistical
def test_noise_alone_gives_no_norm_but_those_of_wrong_images() -> None:
    """A model that errs in a share q of its draws, whatever δ: I of one draw errs for q of them.

    Each of 2,000 images has its own draw; 4 standard errors, a failure rate of 6e-5.
    """
    classifier = NoiseAlone(3)
    x, y = torch.randn(2000, 3), torch.zeros(2000, dtype=torch.long)
    a, i = disjoint_sample_sets(classifier, x, attack=2, inference=1, seed=0)
    attack = FMN(steps=3, bisections=2, selection_samples=100)
    made = minimal_norms(classifier, x, y, attack=attack, attack_samples=a, inference_samples=i)
    minimal = made["minimal_norm"].values
    assert set(np.unique(minimal)) == {0.0, np.inf}
    q = classifier.error
    assert abs(float((minimal == 0).mean()) - q) < 4 * (q * (1 - q) / 2000) ** 0.5
    assert np.isinf(made["found_norm"].values).all()


def test_what_cannot_be_judged_is_refused(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(5)
    a, i = disjoint_sample_sets(bnn, x, attack=3, inference=5, seed=0)
    with pytest.raises(ArgumentError, match=r"minimises the norm, such as FMN\(\), got FGM"):
        minimal_norms(bnn, x, y, attack=FGM(), attack_samples=a, inference_samples=i)
    with pytest.raises(ArgumentError, match="got no factors"):
        minimal_norms(bnn, x, y, attack=QUICK, attack_samples=a, inference_samples=i, factors=[])
    later = draw_sample_set(bnn, x, 3, seed=0, stream="attack", start=6)  # of the third step
    for judges in (a, later):
        with pytest.raises(OverlapError):
            minimal_norms(bnn, x, y, attack=QUICK, attack_samples=a, inference_samples=judges)
