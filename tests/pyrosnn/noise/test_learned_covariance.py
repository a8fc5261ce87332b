"""WCA-Net's noise, whose logits are normal with known moments."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.models.noise_free import noise_free
from pyrosnn.networks.dense import dense
from pyrosnn.noise.features import FeatureNoise
from pyrosnn.noise.layer_inputs import LayerInputNoise
from pyrosnn.noise.learned_covariance import COVARIANCES, LearnedCovariance
from pyrosnn.noise.learned_scale import LearnedScale
from pyrosnn.noise.stochastic_layer import StochasticLayer
from pyrosnn.sampling import draw_sample_set

every_form = pytest.mark.parametrize("covariance", list(COVARIANCES))
every_network = pytest.mark.parametrize("network", ["dense", "cnn", "resnet"])
SMALL: dict[str, dict[str, Any]] = {
    "dense": {"hidden": (9, 7)},
    "cnn": {"channels": (4,), "units": 7},
    "resnet": {"depth": 10, "width": 1},
}


def wca(covariance: str = "full", network: str = "dense") -> tuple[Composed, LearnedCovariance]:
    options = {"network": network, "covariance": covariance, **SMALL[network]}
    model = build_model("wca", image_shape=(1, 8, 8), num_classes=4, options=options)
    assert isinstance(model, Composed)
    (noise,) = model.noise
    assert isinstance(noise, LearnedCovariance)
    model.requires_grad_(False)
    return model, noise


@every_form
@every_network
def test_logits_are_linear_in_the_noise(covariance: str, network: str, digits: Dataset) -> None:
    """W (h + L ε) + b for each sample, so that their law is N(W h + b, W L Lᵀ Wᵀ)."""
    model, noise = wca(covariance, network)
    x = digits.x_test[:5]
    drawn = draw_sample_set(model, x, 3, seed=0, stream="attack").tensors
    assert drawn["latent"].shape == (3, 5, noise.width)
    head = model.network.matrix(noise.head)
    h = model.network.inputs_of(noise.head, x)
    expected = (h + drawn["latent"] @ noise.triangle.T) @ head[:-1] + head[-1]
    torch.testing.assert_close(model.logits(x, drawn), expected, atol=1e-5, rtol=1e-5)
    effect = head[:-1].T @ noise.triangle
    torch.testing.assert_close(noise.logit_covariance(model.network), effect @ effect.T)
    plain = model.network(x)
    torch.testing.assert_close(noise.mean_logits(model.network, x), plain, atol=1e-5, rtol=1e-5)


@pytest.mark.statistical
@every_form
def test_logits_have_the_moments_of_their_law(covariance: str, digits: Dataset) -> None:
    """20,000 draws, of 100 samples and 200 copies of an image: 5 standard errors."""
    model, noise = wca(covariance)
    x, number = digits.x_test[:1], 20_000
    rows = x.expand(200, 1, 8, 8)
    drawn = draw_sample_set(model, rows, 100, seed=0, stream="attack").tensors
    logits = model.logits(rows, drawn).double().flatten(0, 1)
    sigma = noise.logit_covariance(model.network).double()
    mean = noise.mean_logits(model.network, x)[0].double()
    error = (sigma.diagonal() / number).sqrt()
    assert float(((logits.mean(0) - mean) / error).abs().max()) < 5
    error = ((sigma.diagonal().outer(sigma.diagonal()) + sigma.square()) / number).sqrt()
    assert float(((logits.T.cov() - sigma) / error).abs().max()) < 5


def gradients(model: Composed, x: Tensor, number: int, loss: str) -> Tensor:
    """The gradients of single samples at the images, shape (sample, example, pixel)."""
    drawn = draw_sample_set(model, x, number, seed=0, stream="attack").tensors
    points = x.expand(number, *x.shape).clone().requires_grad_()
    logits = model.logits(points, drawn)
    if loss == "margin":
        total = (logits[..., 0] - logits[..., 1]).sum()
    else:
        total = -logits.log_softmax(-1)[..., 0].sum()
    (found,) = torch.autograd.grad(total, points)
    return found.flatten(2).double()


def test_gradients_of_a_margin_are_the_same_for_all_samples(digits: Dataset) -> None:
    """Trend T4: the cosine between samples is 1, and the noise scale B is 0."""
    model, _ = wca()
    found = gradients(model, digits.x_test[:6], 5, "margin")
    torch.testing.assert_close(found, found[:1].expand_as(found), atol=1e-6, rtol=1e-5)
    cosines = torch.nn.functional.cosine_similarity(found[:1], found[1:], dim=-1)
    assert float(cosines.min()) > 1 - 1e-9
    # the cross-entropy's differ, and span no more than k - 1 directions
    other = gradients(model, digits.x_test[:6], 9, "cross-entropy")
    spread = other.var(0).sum(-1) / other.mean(0).square().sum(-1)
    assert float(spread.min()) > 0.01
    for image in range(6):
        size = torch.linalg.svdvals(other[:, image])
        assert float(size[3] / size[0]) < 1e-5  # 4 classes: rank 3


def test_the_noise_free_network_has_the_mean_logits(digits: Dataset) -> None:
    model, noise = wca()
    x = digits.x_test[:5]
    one = draw_sample_set(noise_free(model), x, 1, seed=0, stream="attack").tensors
    torch.testing.assert_close(model.logits(x, one)[0], noise.mean_logits(model.network, x))


def test_a_negative_diagonal_of_the_factor_is_no_fault(digits: Dataset) -> None:
    """Σ = L Lᵀ whatever its signs; torch's own law would refuse it."""
    model, noise = wca()
    before = noise.logit_covariance(model.network)
    noise.factor.mul_(-1)
    torch.testing.assert_close(noise.logit_covariance(model.network), before)
    drawn = draw_sample_set(model, digits.x_test[:2], 2, seed=0, stream="attack").tensors
    assert bool(model.logits(digits.x_test[:2], drawn).isfinite().all())


def test_raw_parameters_of_a_diagonal_may_be_negative() -> None:
    model, noise = wca("diagonal")
    noise.factor.fill_(-3.0)
    assert float(noise.triangle.diagonal().min()) > 0
    assert bool((noise.logit_covariance(model.network).diagonal() > 0).all())


def test_the_trace_at_the_start_is_that_of_uniform_numbers() -> None:
    """E tr L Lᵀ = D (D + 1) / 6: 176 for the 32 units of the original."""
    options = {"units": 32}
    torch.manual_seed(0)
    traces = []
    for _ in range(20):
        model = build_model("wca", image_shape=(1, 8, 8), num_classes=4, options=options)
        assert isinstance(model, Composed)
        noise = model.noise[0]
        assert isinstance(noise, LearnedCovariance)
        traces.append(float(noise.triangle.detach().square().sum()))
    assert sum(traces) / 20 == pytest.approx(176, rel=0.03)  # 20 · 528 squares


def test_images_have_noise_of_their_own_or_share_it(digits: Dataset) -> None:
    """Rows of one image are copies of it for EOT only with noise of their own."""
    x = digits.x_test[:1].expand(4, 1, 8, 8)
    for per_example in (True, False):
        model = build_model(
            "wca", image_shape=(1, 8, 8), num_classes=4, options={"per_example": per_example}
        ).requires_grad_(False)
        drawn = draw_sample_set(model, x, 2, seed=0, stream="attack").tensors
        logits = model.logits(x, drawn)
        rows_differ = bool((logits[:, :1] - logits[:, 1:]).abs().amax(-1).min() > 1e-3)
        assert rows_differ == per_example


class Functional(torch.nn.Module):
    """Takes for its head what no submodule returned."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = torch.nn.Linear(64, 9), torch.nn.Linear(9, 10)

    def forward(self, x: Tensor) -> Any:
        return self.head(torch.relu(self.first(x.flatten(1))))


def test_the_place_below_the_head_of_ones_own_module_is_found() -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.Linear(9, 10))
    model = Composed(net, [LearnedCovariance()], image_shape=(1, 8, 8))
    assert list(model.kinds) == ["1"]
    two = [LearnedCovariance(), FeatureNoise(places=["1"])]
    assert Composed(net, two, image_shape=(1, 8, 8)).site_names == ["latent", "features_0"]
    rse = Composed(net, [LayerInputNoise()], image_shape=(1, 8, 8))
    assert list(rse.kinds) == ["1"]
    assert model.network.input_place("0") == "input"


def test_networks_without_a_head_are_refused() -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.Linear(9, 10))
    with pytest.raises(ArgumentError, match="does not know which place's features 'head' takes; n"):
        Composed(Functional(), [LearnedCovariance()], image_shape=(1, 8, 8))
    named = Composed(Functional(), [LearnedScale(places=["first"])], image_shape=(1, 8, 8))
    assert named.site_names == ["scaled_0"]
    with pytest.raises(ArgumentError, match=r"needs its 9 inputs, '0' has shape \(64,\)"):
        Composed(net, [LearnedCovariance(below="0")], image_shape=(1, 8, 8))
    with pytest.raises(ArgumentError, match="noise below the last layer needs a hidden layer"):
        Composed(net[:2], [LearnedCovariance(below="1")], image_shape=(1, 8, 8))


def test_a_place_whose_values_the_head_does_not_take_is_refused() -> None:
    """Whatever is between has no closed form, though it has the shape of the features."""
    first, head = torch.nn.Linear(64, 9), torch.nn.Linear(9, 10)
    torch.nn.init.zeros_(head.weight)
    between = (
        torch.nn.ReLU(),
        torch.nn.ReLU(inplace=True),
        torch.nn.BatchNorm1d(9),
        torch.nn.PReLU(init=1.0),
    )
    for layer in between:
        net = torch.nn.Sequential(torch.nn.Flatten(), first, layer, head)
        for noise in (LearnedCovariance(below="1"), StochasticLayer(below="1")):
            with pytest.raises(ArgumentError, match="'1' has something before them; name the pla"):
                Composed(net, [noise], image_shape=(1, 8, 8))
    with pytest.raises(ArgumentError, match="'layer_0' has something before them"):
        Composed(dense((1, 8, 8), 3, (9,)), [LearnedCovariance(below="layer_0")])


@pytest.mark.parametrize("layer", [torch.nn.ReLU(), torch.nn.BatchNorm1d(9)])
def test_the_place_just_below_the_head_may_be_named(layer: torch.nn.Module) -> None:
    """Dropout rests, a view is the same, and equal or large weights are no reason to refuse."""
    first, head = torch.nn.Linear(64, 9), torch.nn.Linear(9, 10)
    torch.nn.init.constant_(head.weight, 1e6)
    net = torch.nn.Sequential(
        torch.nn.Flatten(), first, layer, torch.nn.Dropout(0.5), torch.nn.Flatten(), head
    ).eval()
    model = Composed(net, [LearnedCovariance(below="2")], image_shape=(1, 8, 8))
    x = torch.rand(4, 1, 8, 8)
    placed: Any = model.noise[0]
    torch.testing.assert_close(placed.mean_logits(model.network, x), net(x))
