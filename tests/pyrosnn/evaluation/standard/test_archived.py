"""Attacks in turn: the archive keeps of each image what V finds worst, whoever found it."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from pyrosnn.attacks import FGM, PGD, Attack
from pyrosnn.attacks.problem import Problem
from pyrosnn.errors import PyrosnnWarning
from pyrosnn.evaluation.standard import attack_in_turn
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, draw_sample_set, predict
from pyrosnn.testing.toy_models import NoisyLinear, PureNoise

Setting = tuple[StochasticClassifier, Tensor, Tensor, SampleSet, SampleSet]


@dataclass(frozen=True, kw_only=True)
class Push(Attack):
    """Moves every image along the first pixel by a share of η."""

    share: float = 1.0

    def run(self, problem: Problem, strength: float) -> Tensor:
        delta = torch.zeros_like(problem.x)
        delta[:, 0] = self.share * strength
        return delta


@pytest.fixture
def setting() -> Setting:
    """The margin is the first pixel, with noise; images at -1 … 2 along it."""
    classifier = NoisyLinear(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.zeros(2), noise=0.1)
    x = torch.tensor([[-1.0, 0.0], [0.5, 0.0], [2.0, 0.0]])
    y = torch.zeros(3, dtype=torch.long)
    a = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    v = draw_sample_set(classifier, x, 50, seed=0, stream="selection")
    return classifier, x, y, a, v


@pytest.mark.parametrize("shares", [(-0.5, -1.0, 0.5), (-1.0, -0.5, 0.5), (0.5, -0.5, -1.0)])
def test_the_worst_is_kept_whatever_the_order(setting: Setting, shares: tuple[float, ...]) -> None:
    classifier, x, y, a, v = setting
    attacks = [(Push(strength=1.0, share=share), False) for share in shares]
    found = attack_in_turn(classifier, x, y, attacks, a, v)
    assert found.delta[:, 0].tolist() == [-1.0] * 3
    assert found.winner.tolist() == [shares.index(-1.0)] * 3
    expected = predict(classifier, x + found.delta, v).margin(y)
    assert torch.equal(found.margin, expected)
    for step, share in zip(found.steps, shares, strict=True):
        assert step.delta[:, 0].tolist() == [share] * 3
        assert torch.equal(step.margin, predict(classifier, x + step.delta, v).margin(y))


def test_what_makes_it_better_leaves_the_image(setting: Setting) -> None:
    classifier, x, y, a, v = setting
    found = attack_in_turn(classifier, x, y, [(Push(strength=1.0), False)], a, v)
    assert not found.delta.any()
    assert found.winner.tolist() == [-1] * 3
    assert torch.equal(found.margin, found.clean_margin)


def test_remaining_attacks_leave_out_what_is_clearly_misclassified(setting: Setting) -> None:
    """The image at -1 is misclassified by 70 standard errors, the others are not."""
    classifier, x, y, a, v = setting
    first, second = Push(strength=0.1, share=-1.0), Push(strength=0.4, share=-1.0)
    found = attack_in_turn(classifier, x, y, [(first, False), (second, True)], a, v)
    assert found.steps[0].run.tolist() == [True, True, True]
    assert found.steps[1].run.tolist() == [False, True, True]
    assert found.winner.tolist() == [0, 1, 1]
    torch.testing.assert_close(found.delta[:, 0], torch.tensor([-0.1, -0.4, -0.4]))


def test_an_attack_on_some_images_is_that_on_a_batch_of_them(setting: Setting) -> None:
    """Each image keeps the noise that was drawn for it."""
    classifier, x, y, a, v = setting
    attack = PGD(strength=0.2, steps=3, relative_step=0.5, fixed_samples=True, restarts=2)
    found = attack_in_turn(classifier, x, y, [(attack, True)], a, v)
    rows = torch.tensor([1, 2])
    alone = attack(
        classifier, x[rows], y[rows], a.for_examples(rows), selection=v.for_examples(rows)
    )
    torch.testing.assert_close(found.steps[0].delta[rows], alone.perturbation)


def test_without_gradients_an_attack_is_left_out() -> None:
    class Rounded(PureNoise):
        def logits(self, x: Tensor, sites: dict[str, Tensor]) -> Tensor:  # type: ignore[override]
            return super().logits(x, sites).detach()

    classifier, x = Rounded((2,), error=0.1), torch.zeros(2, 2)
    y = torch.zeros(2, dtype=torch.long)
    a = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    v = draw_sample_set(classifier, x, 9, seed=0, stream="selection")
    attacks = [(FGM(strength=1.0), False), (Push(strength=1.0), False)]
    with pytest.warns(PyrosnnWarning, match="left out fgm"):
        found = attack_in_turn(classifier, x, y, attacks, a, v)
    assert [step.run.tolist() for step in found.steps] == [[False] * 2, [True] * 2]
