"""The random layer of SE-SNN and FLSS: its derivatives, and exact means of logits."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import pyrosnn
from pyrosnn.attacks.gradient import LossGradient, loss_gradient
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import NotFiniteError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.models.noise_free import noise_free
from pyrosnn.noise.random_layer import SCALES, RandomLayer
from pyrosnn.noise.stochastic_layer import StochasticLayer
from pyrosnn.sampling import draw_sample_set

every_scale = pytest.mark.parametrize("scale", list(SCALES))
either = pytest.mark.parametrize("rectified", [True, False])


def layer_of(scale: str, *, rectified: bool, samples: int = 3, images: int = 4) -> RandomLayer:
    draw = torch.Generator().manual_seed(1)
    mean, spread = (torch.randn(6, 5, generator=draw, dtype=torch.float64) for _ in range(2))
    noise = torch.randn(samples, images, 5, generator=draw, dtype=torch.float64)
    return RandomLayer(mean, spread, SCALES[scale], rectified, noise)


def build(model: str, **options: Any) -> tuple[Composed, StochasticLayer]:
    made = build_model(model, image_shape=(1, 8, 8), num_classes=4, options=options)
    assert isinstance(made, Composed)
    (noise,) = made.noise
    assert isinstance(noise, StochasticLayer)
    return made.requires_grad_(False), noise


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")  # torch's own
@every_scale
@either
def test_derivatives_are_those_of_autograd(scale: str, rectified: bool) -> None:
    layer = layer_of(scale, rectified=rectified)
    draw = torch.Generator().manual_seed(2)
    h, v = (torch.randn(1, 4, 5, generator=draw, dtype=torch.float64) for _ in range(2))
    u = torch.randn(3, 4, 5, generator=draw, dtype=torch.float64)
    forward: Any = torch.func.jvp(layer.value, (h,), (v,))
    value, along = forward
    residual = layer.residual((h,), value)
    torch.testing.assert_close(layer.jvp(residual, v), along)
    back: Any = torch.func.vjp(layer.value, h)[1]
    torch.testing.assert_close(layer.vjp(residual, u, (True,))[0], back(u)[0])
    own = h.expand(3, 4, 5)
    back = torch.func.vjp(layer.value, own)[1]
    torch.testing.assert_close(layer.vjp(residual, u, (False,))[0], back(u)[0])


@given(mean=st.floats(-4, 4), scale=st.floats(0.1, 3))
@settings(max_examples=25)
def test_the_mean_of_a_rectified_normal_is_the_integral(mean: float, scale: float) -> None:
    """E max(0, z) = μ Φ(μ/s) + s φ(μ/s), by a sum over a fine grid."""
    noise = StochasticLayer()
    noise.mean, noise.spread = (torch.nn.Parameter(torch.zeros(2, 1).double()) for _ in range(2))
    with torch.no_grad():
        noise.mean[1, 0] = mean
        noise.spread[1, 0] = math.log(math.expm1(scale))
        found = noise.mean_features(torch.zeros(1, 1).double())
    grid = torch.linspace(-12, 12, 48_001, dtype=torch.float64)
    density = (-grid.square() / 2).exp() / math.sqrt(2 * math.pi)
    expected = (torch.relu(mean + scale * grid) * density).sum() * (24 / 48_000)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.statistical
@pytest.mark.parametrize("model", ["se-snn", "flss"])
@pytest.mark.parametrize("network", ["dense", "cnn", "resnet"])
def test_mean_logits_are_exact(model: str, network: str, digits: Dataset) -> None:
    """4,000 draws, of 20 samples and 200 copies of an image: 4 means in 5 standard errors."""
    small: dict[str, Any] = {
        "dense": {"hidden": (9, 7)},
        "cnn": {"channels": (4,), "units": 7},
        "resnet": {"depth": 10, "width": 1},
    }
    made, noise = build(model, network=network, **small[network])
    x = digits.x_test[:1]
    rows = x.expand(200, 1, 8, 8)
    drawn = draw_sample_set(made, rows, 20, seed=0, stream="attack").tensors
    logits = made.logits(rows, drawn).double().flatten(0, 1)
    off = (logits.mean(0) - noise.mean_logits(made.network, x)[0]) / logits.std(0)
    assert float(off.abs().max()) < 5 / len(logits) ** 0.5


def test_mean_logits_of_flss_are_those_without_noise(digits: Dataset) -> None:
    """The network that the original's attacks see is that of the mean logits; SE-SNN's is not."""
    x = digits.x_test[:5]
    for model, same in (("flss", True), ("se-snn", False)):
        made, noise = build(model)
        one = draw_sample_set(noise_free(made), x, 1, seed=0, stream="attack").tensors
        still, mean = made.logits(x, one)[0], noise.mean_logits(made.network, x)
        assert torch.allclose(still, mean, atol=1e-5) == same


@pytest.mark.statistical
def test_logits_of_flss_have_the_covariance_of_the_scales(digits: Dataset) -> None:
    """W diag(s²) Wᵀ; 20,000 draws, 5 standard errors."""
    made, noise = build("flss", units=6)
    x, number = digits.x_test[:1], 20_000
    rows = x.expand(200, 1, 8, 8)
    drawn = draw_sample_set(made, rows, 100, seed=0, stream="attack").tensors
    logits = made.logits(rows, drawn).double().flatten(0, 1)
    _, scale = noise.moments(made.network.inputs_of(noise.head, x))
    head = made.network.matrix(noise.head)[:-1].double()
    sigma = head.T @ scale[0].double().square().diag() @ head
    error = ((sigma.diagonal().outer(sigma.diagonal()) + sigma.square()) / number).sqrt()
    assert float(((logits.T.cov() - sigma) / error).abs().max()) < 5


def test_values_of_the_site_do_not_depend_on_the_image(digits: Dataset) -> None:
    """θ stays independent of x, though its effect is not."""
    made, _ = build("se-snn")
    first, second = (
        draw_sample_set(made, x, 3, seed=0, stream="attack").tensors["latent"]
        for x in (digits.x_test[:4], digits.x_test[4:8])
    )
    assert torch.equal(first, second)


def test_the_layer_below_is_evaluated_once_for_all_samples() -> None:
    made, noise = build("se-snn", hidden=(9, 7))
    assert noise.below == "active_1"
    # the layer's two linear maps are shared as well: what differs is the sum, max and the logits
    assert made.footprint().trunk == 2 * (9 + 7)


def test_gradients_through_the_scale_are_not_those_of_a_shift(digits: Dataset) -> None:
    """The jvp of samples differs: noise that depends on the image is no shift."""
    made, _ = build("flss")
    x = digits.x_test[:3]
    drawn = draw_sample_set(made, x, 4, seed=0, stream="attack").tensors
    trunk, parts = made.trunk(), made.parts(drawn)
    assert trunk is not None
    step: Tensor = torch.ones_like(x)
    h, (along,) = trunk.jvp(x, [step])
    _, (slopes,) = parts.rest.jvp(parts.first(h), [parts.first.jvp(along)])
    assert float(slopes.std(0).min()) > 1e-3
    ends = [made.logits(x + sign * 1e-3 * step, drawn) for sign in (1, -1)]
    torch.testing.assert_close((ends[0] - ends[1]) / 2e-3, slopes, atol=0.05, rtol=0.05)


@pytest.mark.statistical
@pytest.mark.parametrize("model", ["se-snn", "flss"])
def test_the_gradient_of_the_mean_logits_is_that_of_many_samples(
    model: str, digits: Dataset
) -> None:
    """An attack with infinitely many samples: each doubling of S_A halves the squared distance.

    From 50 to 5,000 samples it falls by 100, here by 30 or more.
    """
    made, noise = build(model)
    (x, y), distances = digits.test_images(20), []
    y = y % 4
    point = x.clone().requires_grad_()
    logits = noise.mean_logits(made.network, point)
    margins = logits.gather(1, y[:, None])[:, 0] - logits.scatter(1, y[:, None], -torch.inf).amax(1)
    (exact,) = torch.autograd.grad(-margins.sum(), point)
    for number in (50, 5000):
        samples = draw_sample_set(made, x, number, seed=0, stream="attack")
        found = loss_gradient(made, x, y, samples, loss="margin", gradient="mean_logits")
        apart = (vector(found) - exact).flatten(1).square().sum(1)
        distances.append(float(apart.median()))  # samples may take another runner-up at a tie
    assert distances[1] < distances[0] / 30, distances


def vector(gradient: LossGradient) -> Tensor:
    """Return a gradient from its direction and its scale."""
    return gradient.direction * gradient.scale.reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("model", ["se-snn", "flss"])
def test_scales_that_ran_away_are_reported(model: str, digits: Dataset) -> None:
    """Both terms reward large scales: beyond float32 there is an error, and no result."""
    made, noise = build(model)
    noise.spread[-1] = 3e38 if model == "se-snn" else 400.0
    x, y = digits.test_images(5)
    a, i = pyrosnn.disjoint_sample_sets(made, x, attack=2, inference=2, seed=0)
    with pytest.raises(NotFiniteError, match="logits"):
        pyrosnn.evaluate(
            made, x, y % 4, attack=pyrosnn.FGM(), attack_samples=a, inference_samples=i
        )


def test_a_scale_of_zero_has_a_mean(digits: Dataset) -> None:
    """A softplus that has underflowed: max(0, μ), and no 0 / 0."""
    made, noise = build("se-snn")
    noise.spread.zero_()[-1] = -200.0
    noise.mean[:, 0] = 0.0
    noise.mean[:] *= 1e4
    h = made.network.inputs_of(noise.head, digits.x_test[:5]).requires_grad_()
    mean, scale = noise.moments(h)
    assert not scale.any()
    torch.testing.assert_close(noise.mean_features(h), mean.clamp(min=0.0))
    (gradient,) = torch.autograd.grad(noise.mean_features(h).sum(), h)
    (expected,) = torch.autograd.grad(mean.clamp(min=0.0)[:, 1:].sum(), h)
    torch.testing.assert_close(gradient, expected)
