"""Terms about noise: closed forms of their values and slopes, and who may have them."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from support.small import SMALL
from torch import Tensor

import pyrosnn
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, resolve
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.noise.learned_covariance import COVARIANCES, LearnedCovariance
from pyrosnn.noise.learned_scale import LearnedScale
from pyrosnn.noise.stochastic_layer import StochasticLayer
from pyrosnn.training import TrainingSpec, preset, train
from pyrosnn.training.images.latent_matching import normal_divergence
from pyrosnn.training.loss import make_loss
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.regularisers.noise_growth import harmonic
from pyrosnn.training.step import Setting, Step


def untrained(spec: TrainingSpec) -> Composed:
    torch.manual_seed(0)
    model = build_model(spec.model, image_shape=(1, 8, 8), num_classes=10, options=spec.options)
    assert isinstance(model, Composed)
    return model.train()


def step_of(model: str, digits: Dataset, epoch: int = 1, **options: Any) -> tuple[Composed, Step]:
    spec = preset(model, options={**SMALL[model], **options})
    classifier = untrained(spec)
    objective = resolve(OBJECTIVES, classifier.objective, "objective")(spec.num_particles)
    setting = Setting(
        classifier=classifier, objective=objective, spec=spec, num_images=1000, bounds=(0.0, 1.0)
    )
    x, y = digits.x_train[:6], digits.y_train[:6]
    return classifier, Step.draw(setting, x, y, epoch=epoch, batch=0)


def penalty(name: str, step: Step, **options: Any) -> Tensor:
    terms = preset("bnn", regularisers={name: {"weight": 1.0, **options}}).make_regularisers()
    found: Tensor = terms[0].penalty(step)
    assert found.shape == (len(step.x),)
    return found


def test_terms_are_those_of_the_papers() -> None:
    assert preset("wca").regularisers == {"logit-variance": {"weight": 1.0, "start": 0}}
    assert preset("se-snn").regularisers["scale-hinge"] == {
        "weight": 0.1, "start": 0, "bound": 16.0,
    }  # fmt: skip
    assert preset("l2p").regularisers == {"noise-growth": {"weight": 1e-4, "start": 0}}
    # the code of FLSS divides by batch and classes: 1 of it is 1/10 of ours
    assert {n: t["weight"] for n, t in preset("flss").regularisers.items()} == {
        "latent-kl": 0.01, "noise-matching": 0.1,
    }  # fmt: skip
    assert preset("rse").regularisers == preset("pinot").regularisers == {}


@pytest.mark.parametrize("covariance", list(COVARIANCES))
def test_logit_variance_is_of_the_noise_that_acts(covariance: str, digits: Dataset) -> None:
    """-log Σ_c w_c' Σ w_c, also where raw parameters are negative; -1/t along Σ → t Σ."""
    model, step = step_of("wca", digits, covariance=covariance)
    noise = model.noise[0]
    assert isinstance(noise, LearnedCovariance)
    with torch.no_grad():
        noise.factor.sub_(0.5)
    sigma = noise.triangle @ noise.triangle.T
    weights = model.network.matrix("last")[:-1].T
    expected = -torch.log(sum(w @ sigma @ w for w in weights))
    found = penalty("logit-variance", step)
    torch.testing.assert_close(found, expected.expand(6))
    if covariance == "full":
        t = torch.tensor(1.7, requires_grad=True)
        with torch.no_grad():
            raw = noise.factor.detach().clone()
        value = -torch.log((weights @ (t.sqrt() * raw.tril())).square().sum())
        (slope,) = torch.autograd.grad(value, t)
        assert float(slope) == pytest.approx(-1 / 1.7, rel=1e-5)


def test_the_hinge_pushes_scales_below_its_bound_alone(digits: Dataset) -> None:
    """dΩ/ds = -1/(s N K) where log s < b, and 0 above."""
    model, step = step_of("se-snn", digits)
    noise = model.noise[0]
    assert isinstance(noise, StochasticLayer)
    scale = torch.tensor([[0.5, 2.0, 8.0], [1.0, 3.0, 0.1]], requires_grad=True)
    omega = torch.relu(1.0 - scale.log()).mean(-1).mean()
    (slope,) = torch.autograd.grad(omega, scale)
    expected = torch.where(scale.log() < 1, -1 / (scale * 6), 0.0)
    torch.testing.assert_close(slope, expected.detach())
    _, own = noise.moments(model.network.inputs_of("last", step.x))
    for bound in (16.0, -0.5):
        found = penalty("scale-hinge", step, bound=bound)
        torch.testing.assert_close(found, torch.relu(bound - own.log()).mean(-1))
    # the gradient reaches the layers below and the linear map of the scale
    penalty("scale-hinge", step).sum().backward()
    assert noise.spread.grad is not None
    assert noise.mean.grad is None
    assert model.network.matrix("layer_0").grad is not None


def test_scales_grow_by_the_step_of_the_original(digits: Dataset) -> None:
    """One plain step: σ += lr γ / (2 H sqrt(σ)), which is 1e-6 at the start."""
    model, step = step_of("l2p", digits)
    noise = model.noise[0]
    assert isinstance(noise, LearnedScale)
    for start, growth in ((0.25, 1e-6), (0.01, 5e-6)):
        for sigma in noise.sigma:
            sigma.grad = None
            sigma.detach().fill_(start)
        (1e-4 * penalty("noise-growth", step).mean()).backward()
        for sigma in noise.sigma:
            assert sigma.grad is not None
            torch.testing.assert_close(-0.01 * sigma.grad, torch.full_like(sigma, growth))


@pytest.mark.parametrize(("number", "value"), [(1, 1.0), (10, 2.9290), (340, 6.4076)])
def test_harmonic_numbers(number: int, value: float) -> None:
    assert harmonic(number) == pytest.approx(value, abs=5e-5)


def test_the_first_epoch_of_the_reward_is_divided_by_1(digits: Dataset) -> None:
    """Whatever the first epoch is; the original divides by H = 0 there."""
    values = []
    for start, epoch in ((0, 1), (9, 10), (0, 10)):
        _, step = step_of("l2p", digits, epoch=epoch)
        values.append(float(penalty("noise-growth", step, start=start)[0].detach()))
    assert values[0] == values[1]
    assert values[2] == pytest.approx(values[0] / 2.9290, rel=1e-4)
    assert all(map(math.isfinite, values))


def test_the_divergence_of_random_features_is_torchs(digits: Dataset) -> None:
    model, step = step_of("flss", digits)
    noise = model.noise[0]
    assert isinstance(noise, StochasticLayer)
    normal = torch.distributions.Normal(*noise.moments(model.network.inputs_of("last", step.x)))
    standard = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    expected = torch.distributions.kl_divergence(normal, standard).sum(-1)
    torch.testing.assert_close(penalty("latent-kl", step), expected)


def test_the_divergence_of_two_images_is_torchs_and_0_for_one() -> None:
    draw = torch.Generator().manual_seed(0)
    mean, other = torch.randn(2, 3, 5, generator=draw)
    scale, its = torch.rand(2, 3, 5, generator=draw) + 0.1
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, scale), torch.distributions.Normal(other, its)
    ).sum(-1)
    torch.testing.assert_close(normal_divergence(mean, scale, other, its), expected)
    assert not normal_divergence(mean, scale, mean, scale).any()


def test_matching_compares_noise_with_none(digits: Dataset) -> None:
    """A sum over classes: torch's kl_div divides by them, too, so that its weight is 10 times."""
    model, step = step_of("flss", digits)
    noisy = model.logits(step.x, step.particles)[0].log_softmax(-1)
    still = model.logits(step.x, {"latent": torch.zeros(1, 6, 8)})[0].log_softmax(-1)
    expected = (still.exp() * (still - noisy)).sum(-1)
    torch.testing.assert_close(penalty("noise-matching", step), expected)
    divided = (still.exp() * (still - noisy)).mean()
    torch.testing.assert_close(10 * divided, expected.mean())


def test_latent_matching_at_strength_0_counts_clean_images_twice(digits: Dataset) -> None:
    x, y = digits.x_train[:6], digits.y_train[:6]
    changes: dict[str, Any] = {"regularisers": {"latent-kl": {"weight": 0.0}}}
    changes["regularisers"]["noise-matching"] = {"weight": 0.0}
    spec = preset("flss", options=SMALL["flss"], **changes)
    model = untrained(spec)
    losses = []
    for settings in (
        {"images": "clean", "image_options": {}},
        {"image_options": {**spec.image_options, "strength": 0.0}},
    ):
        torch.manual_seed(7)
        made = make_loss(model, replace(spec, **settings), num_images=50)
        losses.append(float(made(x, y, epoch=9).detach()))
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-6)


def test_latent_matching_is_small_during_the_ramp(digits: Dataset) -> None:
    """c is 0.01 in the first epochs, then 1."""
    x, y = digits.x_train[:6], digits.y_train[:6]
    spec = preset("flss", options=SMALL["flss"])
    model = untrained(spec)

    def value(epoch: int, matching: float) -> float:
        torch.manual_seed(7)
        options = {**spec.image_options, "matching": matching}
        made = make_loss(model, replace(spec, image_options=options), num_images=50)
        return float(made(x, y, epoch=epoch).detach())

    early, late = (value(epoch, 1.0) - value(epoch, 0.0) for epoch in (5, 6))
    assert late > 0
    assert early == pytest.approx(late / 100, rel=0.05)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("logit-variance", "logit-variance needs a LearnedCovariance, .* train wca, or leave"),
        ("scale-hinge", "scale-hinge needs a StochasticLayer, .* train se-snn or flss, or leave"),
        ("latent-kl", "latent-kl needs a StochasticLayer"),
        ("noise-growth", "noise-growth needs a LearnedScale, .* train l2p"),
    ],
)
def test_terms_of_another_noise_are_refused(name: str, message: str, digits: Dataset) -> None:
    spec = preset("sin", epochs=1, options={"hidden": (8,)}, regularisers={name: {"weight": 1.0}})
    with pytest.raises(ArgumentError, match=message):
        train(spec, digits)


def test_a_reward_of_scales_that_may_be_zero_is_refused(digits: Dataset) -> None:
    """At 0 the derivative of the square root is infinite."""
    spec = preset("l2p", epochs=1, images="clean", options={**SMALL["l2p"], "sigma_floor": 0.0})
    with pytest.raises(ArgumentError, match="noise-growth needs a sigma_floor > 0, got 0"):
        train(spec, digits)


def test_a_term_about_one_noise_refuses_two() -> None:
    noise = [LearnedScale(places=["1"], site=site) for site in ("first", "second")]
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.Linear(9, 10))
    model = Composed(net, noise, image_shape=(1, 8, 8))
    terms = {"noise-growth": {"weight": 1e-4}}
    with pytest.raises(ArgumentError, match="about one LearnedScale, and the classifier has 2"):
        pyrosnn.fit(model, pyrosnn.load_dataset("digits"), epochs=1, regularisers=terms)
