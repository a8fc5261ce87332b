"""Outputs, gradients and δ are finite at x and at x + δ, or the images are named."""

from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Normal
from support.toy import LinearClassifier
from torch import Tensor

from pyrosnn.attacks import FGM, PGD, SPSA, loss_gradient
from pyrosnn.checks.on_model import check_model
from pyrosnn.conditions import attack_geometry
from pyrosnn.errors import NotFiniteError
from pyrosnn.evaluation import attack_moments, evaluate, gradient_moments
from pyrosnn.sampling import disjoint_sample_sets, predict
from pyrosnn.shapes import Sites

NUMBER = 12
BAD = (3, 7)


class Roots(LinearClassifier):
    """A linear function of the roots of pixels: NaN below 0, and without a gradient at 0."""

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x.sqrt(), sites)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        return {"weight": pyro.sample("weight", Normal(self.mean, 0.1).to_event(2))}


def batch(bad: float) -> tuple[Roots, Tensor, Tensor]:
    """Images that attacks keep positive, but two with a pixel of a value."""
    classifier = Roots(4, 3)
    x = torch.rand(NUMBER, 4).double() + 2
    x[BAD, 1] = bad
    return classifier, x, torch.zeros(NUMBER).long()


def run(bad: float, attack: Any, **named: Any) -> Any:
    classifier, x, y = batch(bad)
    a, i = disjoint_sample_sets(classifier, x, attack=3, inference=5, seed=0)
    return evaluate(classifier, x, y, attack=attack, attack_samples=a, inference_samples=i, **named)


def run_both_ways(attack: Any) -> None:
    """Attack with either sign of the weights: one of them lowers the pixels near 0."""
    for seed in range(4):
        torch.manual_seed(seed)
        run(1e-3, attack, strengths=[0.0, 0.5])


MOVED = r"logits are NaN or infinite at x \+ δ for 2 of 12 images \(first at index 3\); mend"
GRADIENTS = (
    r"gradients of the classifier's outputs are NaN or infinite.* for 2 of 12 images \(first"
)


@pytest.mark.parametrize(
    "attack",
    [
        FGM(strength=0.5, norm="linf"),
        PGD(strength=0.5, norm="linf", steps=4, relative_step=0.5),
        PGD(strength=0.5, norm="linf", steps=4, relative_step=0.5, gradient="mean_loss"),
        SPSA(strength=0.5, norm="linf", radius=1e-4),
        lambda module, x, y, strength: x - strength / 2,
    ],
    ids=["fgm", "pgd", "mean-loss", "spsa", "function"],
)
def test_nan_at_an_attacked_image_is_no_class(attack: Any) -> None:
    """Else argmax says that NaN is class 0, which is the label here: withstood."""
    with pytest.raises(NotFiniteError, match=MOVED) as error:
        run_both_ways(attack)
    assert tuple(error.value.images) == BAD


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("gradient", ["mean_prediction", "mean_loss"])
def test_infinite_gradients_are_no_direction(norm: str, gradient: str) -> None:
    """The sign of NaN is 0: an image would stay where it is, and count as withstanding."""
    classifier, x, y = batch(0.0)
    a, _ = disjoint_sample_sets(classifier, x, attack=3, inference=5, seed=0)
    for attack in (
        FGM(norm=norm, gradient=gradient),
        PGD(norm=norm, gradient=gradient, steps=3, relative_step=0.5),
    ):
        with pytest.raises(NotFiniteError, match=GRADIENTS) as error:
            attack(classifier, x, y, a)
        assert tuple(error.value.images) == BAD
    with pytest.raises(NotFiniteError, match=GRADIENTS):
        loss_gradient(classifier, x, y, a, loss="margin", gradient=gradient)


def test_the_judge_has_finite_gradients_too() -> None:
    """The attack is a function, so that only I asks for a gradient."""
    with pytest.raises(NotFiniteError, match=GRADIENTS):
        run(0.0, lambda module, x, y, strength: x + strength / 4, strengths=[0.5])
    classifier, x, y = batch(1.0)
    a, i = disjoint_sample_sets(classifier, x, attack=3, inference=5, seed=0)
    result = FGM(strength=0.5)(classifier, x, y, a)
    x[BAD, 1] = 0.0
    with pytest.raises(NotFiniteError, match=GRADIENTS):
        attack_geometry(classifier, x, y, result, i)


def test_moments_and_checks_name_the_images() -> None:
    classifier, x, y = batch(0.0)
    with pytest.raises(NotFiniteError, match=GRADIENTS):
        gradient_moments(classifier, x, y, num_samples=3)
    with pytest.raises(NotFiniteError, match=GRADIENTS):
        attack_moments(classifier, x, y, attack=FGM(), num_samples=40)
    with pytest.raises(NotFiniteError, match=GRADIENTS):
        check_model(classifier, x, y, attack=FGM(strength=0.5), inference_samples=3)
    x[BAD, 1] = -1.0
    a, _ = disjoint_sample_sets(classifier, x, attack=3, inference=5, seed=0)
    with pytest.raises(NotFiniteError, match=r"logits are NaN or infinite for 2 of 12 images"):
        predict(classifier, x, a)


def test_images_that_go_on_are_named_by_their_own_index() -> None:
    """An attack that rests asks for some images only: theirs is not the index in the batch."""
    classifier, x, y = batch(0.3)
    a, _ = disjoint_sample_sets(classifier, x, attack=3, inference=5, seed=0)
    wrong = predict(classifier, x, a).predicted
    y = wrong.clone()
    y[[0, 1, 2, 5]] = (wrong[[0, 1, 2, 5]] + 1) % 3  # finished with at once
    attack = PGD(
        strength=1.9, norm="linf", loss="cw", fixed_samples=True, steps=20, relative_step=0.1
    )
    with pytest.raises(NotFiniteError, match=r"at x \+ δ") as error:
        attack(classifier, x, y, a)
    assert set(error.value.images) <= set(BAD)
