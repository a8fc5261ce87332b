"""Every model keeps the contract that users inherit, and the contract notices who does not."""

import copy
from collections.abc import Sequence
from typing import Any

import pyro
import pytest
import torch
from support.guarantees import record_checks
from support.toy import LinearClassifier, LinearProbabilities
from torch import Tensor, nn

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import loss_gradient
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, NotStochasticError, resolve
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.networks.function import Differentiated, Identity
from pyrosnn.networks.network import Parts
from pyrosnn.sampling import draw_sample_set
from pyrosnn.shapes import Sites
from pyrosnn.testing import GUARANTEES, ClassifierContract, check_contract, trial_images


@pytest.fixture(scope="module", params=[*MODELS, "smoothed"])
def classifier(
    request: pytest.FixtureRequest, classifiers: dict[str, StochasticClassifier]
) -> StochasticClassifier:
    if request.param == "smoothed":
        return Smoothed(classifiers["bnn"], variance=0.1, num_noise=3)
    return classifiers[request.param]


class TestOwnModels(ClassifierContract):
    """The models of the library, and a smoothed one."""

    @pytest.fixture
    def images(self, digits: Dataset) -> Tensor:
        return digits.x_test[:4]


def test_all_guarantees_are_checked_without_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = record_checks(monkeypatch, "pyrosnn.testing.guarantees")
    assert check_contract(LinearProbabilities(6, 3)) == list(GUARANTEES)
    assert passed == list(GUARANTEES)


class WrongShape(LinearClassifier):
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x, sites).unsqueeze(0)


class OtherModel(LinearClassifier):
    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().model(1.01 * x, y)


class OtherParts(LinearClassifier):
    def parts(self, sites: Sites) -> Parts:
        return super().parts({name: 1.01 * value for name, value in sites.items()})


class OtherTangent(LinearClassifier):
    """Its derivative along a direction is not that of its outputs."""

    def parts(self, sites: Sites) -> Parts:
        return Parts(Identity(), WrongTangent(lambda x: self.logits(x, sites)))


class WrongTangent(Differentiated):
    def jvp(self, h: Tensor, steps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        value, tangents = super().jvp(h, steps)
        return value, [1.01 * tangent for tangent in tangents]


class Constant(LinearClassifier):
    """Its outputs have a gradient, which is zero."""

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x.round() + 0 * x, sites)


class Restless(LinearClassifier):
    """Has noise that is no sample site."""

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x, sites) + torch.rand(())


class Together(LinearClassifier):
    """Normalises by the batch."""

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x - x.mean(0), sites)


class Still(LinearClassifier):
    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        law = pyro.distributions.Delta(self.mean).to_event(2)
        return {"weight": pyro.sample("weight", law)}


class Counting(LinearClassifier):
    """Counts its evaluations in a buffer."""

    count: Tensor

    def __init__(self, num_inputs: int, num_classes: int):
        super().__init__(num_inputs, num_classes)
        self.register_buffer("count", torch.zeros(()))

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        self.count += 1
        return super().logits(x, sites)


class Infinite(LinearClassifier):
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x, sites) / (x.sum(-1, keepdim=True) * 0)


BROKEN = [
    ("shapes", WrongShape, "logits have shape"),
    ("shapes", Infinite, "NaN or infinite"),
    ("pyro-model", OtherModel, "the model and logits\\(\\) differ"),
    ("parts", OtherParts, "not close"),
    ("gradients", OtherTangent, r"\(jvp\) and the gradient \(vjp\) are not close"),
    ("gradients", Constant, "the gradient at the images is zero everywhere"),
    ("replay", Restless, "other outputs when replayed"),
    ("prefix", Restless, "not close"),
    ("images-apart", Together, "depend on the other images"),
    ("disjoint", Still, "A and I are the same samples"),
    ("memory-budget", Restless, "not close"),
    ("untouched", Counting, "parameters or buffers changed"),
    ("untouched", Restless, "torch's random state was changed"),
]


@pytest.mark.parametrize(("guarantee", "broken", "message"), BROKEN)
def test_a_broken_classifier_is_found(
    guarantee: str, broken: type[LinearClassifier], message: str
) -> None:
    good, bad = LinearClassifier(6, 3), broken(6, 3)
    check = resolve(GUARANTEES, guarantee, "guarantee")
    check(good, trial_images(good))
    with pytest.raises(AssertionError, match=message):
        check(bad, trial_images(bad))


class Rounded(nn.Module):
    """Rounds the image; the gradient is that of the image as it was."""

    def forward(self, x: Tensor) -> Tensor:
        return x + ((8 * x).round() / 8 - x).detach()


class StraightThrough(torch.autograd.Function):
    """The same as a function of its own, without a forward mode."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (8 * x).round() / 8

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> Tensor:
        return cotangents


class Turned(nn.Module):
    """Multiplies by a constant that stays in float32."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ torch.eye(16).flip(0)


class Folded(nn.Module):
    """Has kinks everywhere that a finite step meets."""

    def forward(self, x: Tensor) -> Tensor:
        return (1e9 * x).sin().abs() + x


class Applied(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        rounded: Tensor = StraightThrough.apply(x)
        return rounded


@pytest.mark.parametrize("first", [Rounded, Applied, Turned, Folded])
def test_honest_gradients_are_no_false_alarm(first: type[nn.Module]) -> None:
    network = nn.Sequential(first(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 3))
    classifier = MCDropout(network, (1, 4, 4))
    resolve(GUARANTEES, "gradients", "guarantee")(classifier, trial_images(classifier))


def test_a_deterministic_classifier_is_found() -> None:
    still = Still(6, 3)
    with pytest.raises(NotStochasticError, match="the same in 16 samples"):
        resolve(GUARANTEES, "varies", "guarantee")(still, trial_images(still))


class Detached(LinearClassifier):
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x.detach(), sites)


class WithoutGraph(LinearClassifier):
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        with torch.no_grad():
            return super().logits(x, sites)


class Unused(LinearClassifier):
    """Its outputs have a graph, which does not lead to the images."""

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        unused = torch.ones((), requires_grad=True)
        return super().logits(x.detach(), sites) * unused


@pytest.mark.parametrize("broken", [Detached, WithoutGraph, Unused])
def test_a_gradient_that_does_not_reach_the_image(broken: type[LinearClassifier]) -> None:
    bad = broken(6, 3)
    x = trial_images(bad)
    samples = draw_sample_set(bad, x, 2, seed=0, stream="attack")
    labels = torch.zeros(len(x), dtype=torch.int64)
    with pytest.raises(ArgumentError, match="no gradient of the classifier's outputs reaches the"):
        check_contract(bad)
    with pytest.raises(ArgumentError, match=r"do not detach or use torch\.no_grad in its forward"):
        loss_gradient(bad, x, labels, samples, loss="margin", gradient="mean_prediction")


def test_a_direction_that_does_not_reach_the_outputs() -> None:
    x = torch.rand(2, 3)
    with pytest.raises(ArgumentError, match="no gradient"):
        Differentiated(lambda features: features.detach() ** 2).jvp(x, [x])


@pytest.mark.usefixtures("as_users_call")
def test_a_plain_module_is_no_classifier() -> None:
    with pytest.raises(ArgumentError, match=r"the classifier is a ReLU, expected a Stoch.* wrap"):
        check_contract(torch.nn.ReLU(), torch.rand(2, 3))  # type: ignore[arg-type]


def test_a_gradient_of_zero_is_no_error() -> None:
    x = torch.rand(2, 3)
    rounding = Differentiated(torch.round)
    assert not rounding.vjp(x)[1](x).any()
    assert not rounding.jvp(x, [x])[1][0].any()


def test_every_guarantee_but_the_evaluation_has_a_counterexample() -> None:
    """An evaluation that runs and a spread above 0 are not broken by one line."""
    assert {guarantee for guarantee, *_ in BROKEN} == set(GUARANTEES) - {"evaluation", "varies"}


def test_copies_keep_the_contract() -> None:
    check_contract(copy.deepcopy(LinearProbabilities(6, 3)))
