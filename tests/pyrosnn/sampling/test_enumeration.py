"""All values of Θ with their probabilities, and the sampling that must agree with them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Bernoulli, Categorical, Normal
from support.adapted import SHAPE, network
from torch import Tensor

import pyrosnn
from pyrosnn.adapters import Ensemble, all_members
from pyrosnn.attacks import loss_gradient
from pyrosnn.attacks.norms import unit
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, OverlapError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import enumerated, predict, replay_logits
from pyrosnn.shapes import Sites
from pyrosnn.training import TrainingSpec, train


class Finite(StochasticClassifier):
    """Two sites: the law of the second depends on the first, and one is of each image."""

    def __init__(self) -> None:
        super().__init__((2,), 3)
        self.weight = torch.nn.Parameter(torch.randn(3, 2, 2, 3).double(), requires_grad=False)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        first = pyro.sample("first", Categorical(torch.tensor([0.5, 0.3, 0.2]).double()))
        with images:
            rate = torch.tensor([0.1, 0.5, 0.9]).double()[first]
            return {"first": first, "second": pyro.sample("second", Bernoulli(rate))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        first, second = torch.broadcast_tensors(sites["first"], sites["second"].long())
        weight = self.weight[first, second]
        return torch.einsum("...i,...ic->...c", x, weight)


def test_all_values_have_their_probabilities() -> None:
    samples = enumerated(Finite())
    assert samples.weights is not None
    values = torch.stack([samples.tensors["first"], samples.tensors["second"].long()], -1)
    assert values[:, 0].tolist() == [[a, b] for a in range(3) for b in range(2)]
    torch.testing.assert_close(
        samples.weights / samples.total,
        torch.tensor([0.45, 0.05, 0.15, 0.15, 0.02, 0.18]).double(),
    )
    assert samples.total == pytest.approx(6)


def test_means_over_them_are_expectations() -> None:
    classifier, x = Finite(), torch.randn(4, 2).double()
    samples = enumerated(classifier)
    f = replay_logits(classifier, x, samples).softmax(-1)
    expected = (torch.tensor([0.45, 0.05, 0.15, 0.15, 0.02, 0.18])[:, None, None] * f).sum(0)
    torch.testing.assert_close(predict(classifier, x, samples).values, expected)


@pytest.mark.parametrize("stream", ["inference", "attack"])
def test_members_of_an_ensemble_are_equally_likely(stream: str) -> None:
    ensemble = Ensemble([network() for _ in range(4)], SHAPE)
    for samples in (enumerated(ensemble, stream=stream), all_members(ensemble, stream=stream)):
        assert samples.tensors["member"].flatten().tolist() == [0, 1, 2, 3]
        assert (samples.weights, samples.total, samples.origin.stream) == (None, 4.0, stream)


class Continuous(Finite):
    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        noise = pyro.sample("noise", Normal(torch.zeros(()).double(), 1.0))
        return {**super().sample_sites(x, images), "noise": noise}


class Hidden(Finite):
    """Draws a law by itself."""

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        return {"first": pyro.sample("first", Categorical(torch.rand(3)))}


class Wide(Finite):
    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        return {"first": pyro.sample("first", Categorical(torch.ones(60)))}


def test_what_cannot_be_enumerated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyrosnn.sampling.enumeration.MOST", 50)
    with pytest.raises(ArgumentError, match=r"the values of site 'noise' \(Normal\) cannot be"):
        enumerated(Continuous())
    with pytest.raises(ArgumentError, match="sample sites are random themselves"):
        enumerated(Hidden())
    with pytest.raises(ArgumentError, match="Θ has more than 50 values"):
        enumerated(Wide())


def test_the_judge_is_not_shown_to_the_attacker(classifiers: Any, digits: Dataset) -> None:
    classifier, (x, y) = classifiers["resize-pad"], digits.test_images(3)
    with pytest.raises(OverlapError, match="samples of the stream 'inference'"):
        pyrosnn.FGM(strength=0.1)(classifier, x, y, enumerated(classifier))


@pytest.mark.statistical
def test_a_sampled_mean_is_within_its_standard_error(classifiers: Any, digits: Dataset) -> None:
    """Of 300 probabilities of the label at most 5 % are off by 3 standard errors (expected 0.3 %).

    A draw shared by all images, or a last offset that is never drawn, is far outside.
    """
    classifier, (x, y) = classifiers["resize-pad"], digits.test_images(300)
    exact = predict(classifier, x, enumerated(classifier)).values
    samples = pyrosnn.draw_sample_set(classifier, x, 400, seed=0, stream="inference")
    f = replay_logits(classifier, x, samples).double().softmax(-1)
    chosen = y.expand(400, -1).unsqueeze(-1)
    single = f.gather(-1, chosen).squeeze(-1)
    error = single.std(0) / 400**0.5
    z = (single.mean(0) - exact.gather(-1, y[:, None])[:, 0]) / error.clamp(min=1e-9)
    assert float((z.abs() > 3).double().mean()) <= 0.05
    assert 0.7 < float(z[error > 1e-6].square().mean()) < 1.4
    assert abs(float(z[error > 1e-6].mean())) < 0.3


@pytest.mark.statistical
def test_a_sampled_gradient_comes_closer_to_the_exact_one(
    classifiers: Any, digits: Dataset
) -> None:
    classifier, (x, y) = classifiers["resize-pad"], digits.test_images(50)
    exact_set = enumerated(classifier, stream="attack")

    def direction(samples: pyrosnn.SampleSet) -> Tensor:
        found = loss_gradient(classifier, x, y, samples, loss="cross-entropy", gradient="mean_loss")
        return unit(found.direction.double()).flatten(1)

    exact = direction(exact_set)
    cosines = [
        float(
            (direction(pyrosnn.draw_sample_set(classifier, x, s, seed=0, stream="attack")) * exact)
            .sum(1)
            .mean()
        )
        for s in (1, 10, 100, 1000)
    ]
    assert cosines == sorted(cosines)
    assert cosines[0] < 0.9
    assert cosines[-1] > 0.99


@pytest.mark.statistical
@pytest.mark.trend
def test_eot_and_many_steps_reach_the_enumerated_attack(
    specs: dict[str, TrainingSpec],
    digits: Dataset,
    trend_seed: int,
    measured: Callable[..., None],
) -> None:
    """T8: 30 draws a step are as strong as all states, and many steps of one draw nearly so.

    The judge is exact, so that accuracies differ by the attacks alone.
    """
    classifier = train(replace(specs["resize-pad"], seed=trend_seed), digits)
    x, y = digits.test_images(300)
    judge = enumerated(classifier)

    def accuracy(samples: pyrosnn.SampleSet, steps: int = 10, **options: Any) -> float:
        attack = pyrosnn.PGD(
            strength=0.06, norm="linf", steps=steps, relative_step=2.5 / steps, **options
        )
        delta = attack(classifier, x, y, samples).perturbation
        return float((predict(classifier, x + delta, judge).predicted == y).double().mean())

    def drawn(number: int) -> pyrosnn.SampleSet:
        return pyrosnn.draw_sample_set(classifier, x, number, seed=0, stream="attack")

    exact = accuracy(enumerated(classifier, stream="attack"))
    fixed, fresh = accuracy(drawn(1), fixed_samples=True), accuracy(drawn(1))
    many, steps = accuracy(drawn(30)), accuracy(drawn(1), steps=100)
    measured(one_sample=fresh - exact, samples_30=many - exact, steps_100=steps - exact)
    assert exact + 0.03 < fresh < fixed  # few draws are a weak attack
    assert abs(many - exact) <= 0.02
    assert exact <= steps < min(fresh, exact + 0.09)


def test_the_values_of_another_classifier_are_refused() -> None:
    padded = build_model("resize-pad", image_shape=(1, 8, 8), num_classes=3)
    ensemble = build_model("ensemble", image_shape=(1, 8, 8), num_classes=3)
    sets: dict[str, Any] = {
        "attack_samples": pyrosnn.enumerated(padded, stream="attack"),
        "inference_samples": pyrosnn.enumerated(padded),
    }
    x, y = torch.rand(2, 1, 8, 8), torch.tensor([0, 1])
    with pytest.raises(ArgumentError, match="were drawn from another classifier"):
        pyrosnn.evaluate(ensemble, x, y, attack=pyrosnn.FGM(strength=0.1), **sets)
