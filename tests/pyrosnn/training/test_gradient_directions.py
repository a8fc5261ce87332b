"""Regularisers on the directions of gradients, held to closed forms and finite differences."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.training import TrainingProgress, TrainingSpec, preset, train
from pyrosnn.training import step as step_module
from pyrosnn.training.loss import make_loss
from pyrosnn.training.objectives.elbo import MeanELBO
from pyrosnn.training.regularisers.directions import cosines, mean_cosine, unit_gradients
from pyrosnn.training.regularisers.diverse_directions import DiverseDirections, unevenness
from pyrosnn.training.regularisers.grad_div import DIVERSITIES, GradDiv, concentration, log_volume
from pyrosnn.training.regularisers.gradients import input_gradients
from pyrosnn.training.step import Setting, Step

EXACT = torch.float64
GRAD_DIV = {"weight": 1.0}


def directions(number: int, dimension: int, images: int = 1, seed: int = 0) -> Tensor:
    """Draw directions that are uniform on the sphere."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(number, images, dimension, dtype=EXACT, generator=generator)
    return torch.nn.functional.normalize(drawn, dim=-1)


def alike(number: int, cosine: float) -> Tensor:
    """Return directions of which any two have the cosine."""
    matrix = (1 - cosine) * torch.eye(number, dtype=EXACT) + cosine
    rows: Tensor = torch.linalg.cholesky(matrix)
    return rows.unsqueeze(1)


# The statistics of directions


@given(number=st.integers(2, 6), dimension=st.integers(2, 9), seed=st.integers(0, 99))
def test_the_mean_cosine_is_that_of_all_pairs(number: int, dimension: int, seed: int) -> None:
    """And r² = 1/n + (n - 1)/n · c."""
    units = directions(number, dimension, 3, seed)
    pairs = [units[s] * units[t] for s in range(number) for t in range(number) if s != t]
    expected = torch.stack(pairs).sum(-1).mean(0)
    torch.testing.assert_close(mean_cosine(units), expected)
    squared = units.mean(0).square().sum(-1)
    torch.testing.assert_close(squared, 1 / number + (number - 1) / number * expected)
    matrix = cosines(units)
    torch.testing.assert_close(matrix.diagonal(dim1=-2, dim2=-1), torch.ones(3, number).double())
    torch.testing.assert_close((matrix.sum((-2, -1)) / number**2), squared)


@pytest.mark.statistical
@pytest.mark.parametrize(("number", "plug_in"), [(2, 1109), (5, 439), (10, 275)])
def test_uniform_directions_have_no_concentration(number: int, plug_in: int) -> None:
    """The plug-in estimate of κ is 1109, 439 or 275 where κ is 0; d = 784, 5 standard errors."""
    dimension, images = 784, 400
    units = directions(number, dimension, images)
    found = mean_cosine(units)
    assert abs(float(found.mean())) < 5 * float(found.std()) / images**0.5
    r = units.mean(0).norm(dim=-1)
    biased = r * (dimension - r**2) / (1 - r**2)
    assert float(biased.mean()) == pytest.approx(plug_in, rel=0.03)
    ours = dimension * concentration(units, 1e-9)
    # r² has the floor 1/d, where κ is √d (1 + 1/d); chance is seldom far above
    assert float(ours.quantile(0.1)) == pytest.approx(dimension**0.5 * (1 + 1 / dimension))
    assert float(ours.mean()) < 0.25 * plug_in


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("cosine", [0.0, 0.3, 0.9])
def test_penalties_of_equal_cosines_are_closed_forms(number: int, cosine: float) -> None:
    units, jitter = alike(number, cosine), 0.01
    torch.testing.assert_close(mean_cosine(units), torch.full((1,), cosine, dtype=EXACT))
    c = cosine / (1 + jitter)
    volume = -((number - 1) * math.log(1 - c) + math.log(1 + (number - 1) * c))
    assert float(log_volume(units, jitter)) == pytest.approx(volume, abs=1e-12)
    c = max(c, 1 / number)  # a dimension for each direction
    kappa = math.sqrt(c) * (1 - c / number) / (1 - c)
    assert float(concentration(units, jitter)) == pytest.approx(kappa)


def test_directions_that_agree_cost_most_and_orthogonal_ones_nothing() -> None:
    same = directions(1, 20).expand(4, 1, 20)
    across = torch.eye(4, 20, dtype=EXACT).unsqueeze(1)
    assert float(mean_cosine(same)) == pytest.approx(1)
    assert float(mean_cosine(across)) == pytest.approx(0)
    assert float(across.mean(0).norm()) == pytest.approx(1 / math.sqrt(4))
    assert float(log_volume(across, 0.01)) == 0
    # finite, by the jitter
    assert float(log_volume(same, 0.01)) == pytest.approx(
        -3 * math.log(0.01 / 1.01) - math.log(4.01 / 1.01)
    )
    assert float(concentration(same, 0.01)) == pytest.approx(96.2, rel=0.05)
    for penalty in DIVERSITIES.values():  # all rise with the cosine
        values = [float(penalty(alike(5, c), 0.01)) for c in (0.3, 0.5, 0.7, 0.9)]
        assert values == sorted(set(values))


def test_short_gradients_have_no_direction() -> None:
    gradients = torch.randn(3, 4, 1, 2, 2)
    gradients[1, 2] = 0.0
    gradients[2, 3] *= 1e-8
    gradients.requires_grad_()
    units, kept = unit_gradients(gradients, 1e-5)
    assert kept.tolist() == [True, True, False, False]
    torch.testing.assert_close(units.norm(dim=-1), torch.ones(3, 4))
    for penalty in DIVERSITIES.values():
        (slope,) = torch.autograd.grad(penalty(units, 0.01).sum(), gradients, retain_graph=True)
        assert bool(slope.isfinite().all())
        assert not slope[:, 2:].any()
        assert bool(slope[:, :2].any())


def test_variances_of_equal_share_are_even_and_a_single_one_is_not() -> None:
    assert float(unevenness(torch.full((784,), 3.0, dtype=EXACT))) == pytest.approx(0, abs=1e-9)
    assert float(unevenness(torch.eye(64, dtype=EXACT)[5])) == pytest.approx(1, abs=1e-8)
    half = torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=EXACT)
    assert float(unevenness(half)) == pytest.approx(0.5, abs=1e-9)
    uneven = torch.rand(7, 30, dtype=EXACT)
    torch.testing.assert_close(unevenness(uneven), unevenness(1e-6 * uneven))


# Linear networks of two classes, whose gradient is along w_c - w_y


def step_of(spec: TrainingSpec, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> Step:
    setting = Setting(
        classifier=classifier,
        objective=MeanELBO(spec.num_particles),
        spec=spec,
        num_images=100,
        bounds=(0.0, 1.0),
    )
    torch.manual_seed(7)
    return Step.draw(setting, x, y, epoch=1, batch=0)


def linear(scale: float, particles: int, images: int = 2) -> tuple[Step, Any]:
    """Return a step of a linear network with weights of this deviation."""
    options = {"hidden": (), "initial_scale": scale}
    spec = preset("adv-bnn", options=options, num_particles=particles, images="clean")
    torch.manual_seed(0)
    classifier: Any = build_model(
        "adv-bnn", image_shape=(1, 8, 8), num_classes=2, options=spec.options
    ).double()
    with torch.no_grad():
        classifier.network.matrix("last").mul_(0.2)
    x = torch.rand(images, 1, 8, 8, dtype=EXACT)
    return step_of(spec, classifier, x, torch.arange(images) % 2), classifier


@pytest.mark.statistical
def test_noise_of_weights_lowers_the_cosine_of_a_linear_network() -> None:
    """E cos ≈ |m|² / (|m|² + 2 d s²): .004 off by the variation of lengths, s.e. about .003."""
    scale, number = 0.03, 400
    step, classifier = linear(scale, number)
    penalty = GradDiv(weight=1.0).penalty(step)
    matrix = classifier.network.matrix("last").detach()[:-1]
    m = float((matrix[:, 1] - matrix[:, 0]).square().sum())
    expected = m / (m + 2 * 64 * scale**2)
    assert 0.2 < expected < 0.8
    assert penalty.tolist() == pytest.approx([expected] * 2, abs=0.02)
    for diversity in DIVERSITIES:
        step, classifier = linear(scale, 5)
        penalty = GradDiv(weight=1.0, diversity=diversity).penalty(step).sum()
        (log_scale,) = classifier.noise[0].log_scales
        (slope,) = torch.autograd.grad(penalty, log_scale)
        assert float(slope[:-1].sum()) < -0.01  # more noise, a lower penalty
        assert float(slope[-1].abs().max()) < 1e-9  # that of the bias turns no gradient


@pytest.mark.statistical
def test_weight_noise_in_all_pixels_is_even_and_in_one_is_not() -> None:
    step, classifier = linear(0.001, 2000)
    # the gradient's length varies, too, along m: without m all of the variance is the weights'
    with torch.no_grad():
        classifier.network.matrix("last").zero_()
    step = step_of(step.setting.spec, classifier, step.x, step.y)
    term = DiverseDirections(weight=1.0)
    # 1/2 E (v/v̄ - 1)² / log d = 1/(n - 1) / log d = 1.2e-4
    assert term.penalty(step).tolist() == pytest.approx([1.2e-4] * 2, rel=0.5)
    with torch.no_grad():
        (log_scale,) = classifier.noise[0].log_scales
        log_scale.fill_(-30.0)
        log_scale[9] = -3.0
    step = step_of(step.setting.spec, classifier, step.x, step.y)
    assert term.penalty(step).tolist() == pytest.approx([1.0] * 2, abs=1e-6)


def test_penalised_lengths_are_those_of_the_logistic_loss() -> None:
    """|g|² = (1 - p)² |w|², and Ross's λ on a batch's mean loss is 2 B times ours."""
    step, _ = linear(0.05, 1, images=6)
    weights = step.particles["weight_0"].squeeze(1)[0, :-1]
    logits = step.setting.classifier.logits(step.x, step.particles)[0]
    p = logits.softmax(-1).gather(1, step.y[:, None])[:, 0]
    squares = (1 - p) ** 2 * (weights[:, 1] - weights[:, 0]).square().sum()
    found = input_gradients(step.setting.classifier, step.x, step.y, step.particles)
    torch.testing.assert_close(found[0].flatten(1).square().sum(1), squares)
    x = step.x.clone().requires_grad_()
    mean = torch.nn.functional.cross_entropy(
        step.setting.classifier.logits(x, step.particles)[0], step.y
    )
    (of_mean,) = torch.autograd.grad(mean, x)
    ross = 0.5 * of_mean.square().sum()  # λ = 1
    torch.testing.assert_close(ross, squares.detach().mean() / (2 * 6))


# As terms of a training

TERMS: dict[str, dict[str, Any]] = {
    "mean": {"grad-div": {**GRAD_DIV}},
    "kappa": {"grad-div": {**GRAD_DIV, "diversity": "kappa"}},
    "dpp": {"grad-div": {**GRAD_DIV, "diversity": "dpp"}},
    "diverse": {"diverse-directions": {"weight": 2.0}},
    "diverse-large": {"diverse-directions": {"weight": 2.0, "log_variance": 0.3}},
}


@pytest.mark.parametrize("terms", TERMS.values(), ids=list(TERMS))
@pytest.mark.parametrize("model", ["bnn", "sin"])
def test_the_gradient_of_the_penalised_loss_is_its_slope(
    model: str, terms: dict[str, Any], digits: Dataset
) -> None:
    """Central differences in float64, along a random direction of all parameters."""
    x, y = digits.x_train[:6].double(), digits.y_train[:6]
    options = {"hidden": (6,), "activation": "tanh"}
    spec = preset(model, options=options, num_particles=3, regularisers=terms)
    classifier = build_model(
        model, image_shape=(1, 8, 8), num_classes=10, options=spec.options
    ).double()

    def value(chosen: TrainingSpec) -> Tensor:
        torch.manual_seed(7)
        return make_loss(classifier, chosen, num_images=50)(x, y)

    parameters = list(classifier.parameters())
    moves = [torch.randn_like(p) for p in parameters]
    slopes = []
    for chosen in (spec, replace(spec, regularisers={})):
        gradients = torch.autograd.grad(value(chosen), parameters)
        slopes.append(sum(float((g * d).sum()) for g, d in zip(gradients, moves, strict=True)))
    h, ends = 1e-6, []
    for sign in (1, -2):
        with torch.no_grad():
            for p, d in zip(parameters, moves, strict=True):
                p.add_(sign * h * d)
        ends.append(float(value(spec).detach()))
    assert slopes[0] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4)
    assert abs(slopes[0] - slopes[1]) > 1e-4 * abs(slopes[0])


def test_all_terms_share_one_pass_of_gradients(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(*arguments: Any) -> Tensor:
        calls.append(1)
        return input_gradients(*arguments)

    monkeypatch.setattr(step_module, "input_gradients", counted)
    terms = {"grad-div": GRAD_DIV, "diverse-directions": GRAD_DIV, "input-gradient": GRAD_DIV}
    spec = preset("bnn", options={"hidden": (8,)}, regularisers=terms)
    classifier = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options=spec.options)
    make_loss(classifier, spec, num_images=50)(digits.x_train[:10], digits.y_train[:10])
    assert len(calls) == 1


def test_each_step_has_fresh_particles(digits: Dataset) -> None:
    """On particles that stay, directions spread without a spread of the law."""
    spec = preset("bnn", options={"hidden": (4,)}, regularisers={"grad-div": GRAD_DIV})
    classifier = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options=spec.options)
    step = step_of(spec, classifier, digits.x_train[:5], digits.y_train[:5])
    again = Step.draw(step.setting, step.x, step.y, epoch=1, batch=1)
    assert not torch.equal(step.particles["weight_0"], again.particles["weight_0"])


@pytest.mark.parametrize("term", ["grad-div", "diverse-directions"])
def test_saturated_images_are_counted_and_have_no_penalty(term: str, digits: Dataset) -> None:
    few = replace(digits, x_train=digits.x_train[:60], y_train=digits.y_train[:60])
    spec = preset(
        "bnn", epochs=1, batch_size=20, options={"hidden": (4,)}, regularisers={term: GRAD_DIV}
    )
    reached: list[TrainingProgress] = []
    train(spec, few, progress=reached.append)
    assert 0 <= reached[0].left_out[term] < 0.1  # drawn weights are large before the training
    floor = {term: {**GRAD_DIV, "floor": 1e9}}
    masked = train(replace(spec, regularisers=floor), few, progress=reached.append)
    assert reached[1].left_out == {term: 1.0}
    plain = train(replace(spec, regularisers={}), few, progress=reached.append)
    assert reached[2].left_out == {}
    for name, value in plain.state_dict().items():
        assert torch.equal(value, masked.state_dict()[name])


@pytest.mark.parametrize(
    ("term", "particles", "message"),
    [
        ("grad-div", 1, "grad-div compares .* num_particles must be >= 2, got 1"),
        ("diverse-directions", 2, "diverse-directions needs .* num_particles must be >= 3, got 2"),
    ],
)
def test_too_few_particles_are_refused(term: str, particles: int, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        preset("bnn", num_particles=particles, regularisers={term: GRAD_DIV})
    preset("bnn", num_particles=particles + 1, regularisers={term: GRAD_DIV})
    preset("bnn", num_particles=particles, regularisers={term: {"weight": 0.0}})


def test_unknown_diversities_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="'kapa'; did you mean 'kappa'"):
        preset("bnn", regularisers={"grad-div": {**GRAD_DIV, "diversity": "kapa"}})
