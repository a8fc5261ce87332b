"""Parametric noise injection, held to the laws of linear networks and to the network without it."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.networks import build_network
from pyrosnn.networks.network import INPUT, Weights
from pyrosnn.noise.noise import Noise
from pyrosnn.noise.parametric import GRANULARITIES, ParametricWeights
from pyrosnn.noise.parametric_features import ParametricFeatures
from pyrosnn.sampling import draw_sample_set
from pyrosnn.shapes import Sites
from pyrosnn.testing import check_contract
from pyrosnn.training import TrainingSpec, preset, train
from pyrosnn.training.loss import make_loss
from pyrosnn.training.optimizers import parameter_groups

SHAPE = (1, 8, 8)
every_granularity = pytest.mark.parametrize("granularity", list(GRANULARITIES))


def pni(**options: Any) -> Composed:
    built = build_model("pni", image_shape=SHAPE, num_classes=10, options=options)
    assert isinstance(built, Composed)
    return built


def noise_of(classifier: Composed) -> ParametricWeights:
    (noise,) = classifier.noise
    assert isinstance(noise, ParametricWeights)
    return noise


def drawn(classifier: Composed, x: Tensor, number: int) -> Sites:
    return draw_sample_set(classifier, x, number, seed=0, stream="attack").tensors


def set_scales(classifier: Composed, value: float | None = None) -> None:
    """Set all factors to one value, or each to one of its own."""
    with torch.no_grad():
        for scale in noise_of(classifier).scales:
            scale.copy_(torch.rand_like(scale) + 0.1 if value is None else scale * 0 + value)


# Weights


@pytest.mark.statistical
@every_granularity
def test_a_linear_layer_has_the_variance_of_its_weights_noise(
    granularity: str, digits: Dataset
) -> None:
    """Mean W x and variance Σ_i (a_i s x_i)²; 5 standard errors at 5,000 draws."""
    x, number = digits.x_test[:4], 5_000
    linear = pni(hidden=(), granularity=granularity).requires_grad_(False)
    set_scales(linear)
    (scale,) = noise_of(linear).scales
    matrix = linear.network.matrix("last")
    logits = linear.logits(x, drawn(linear, x, number)).double()
    expected = x.flatten(1) @ matrix[:-1] + matrix[-1]
    spread = matrix[:-1].std() * scale.broadcast_to(matrix[:-1].shape)
    variance = (x.flatten(1).square() @ spread.square()).double()
    errors = (variance / number).sqrt()
    assert float(((logits.mean(0) - expected) / errors).abs().max()) < 5
    assert float((logits.var(0) / variance - 1).abs().max()) < 5 * (2 / number) ** 0.5


@pytest.mark.parametrize("network", ["dense", "cnn"])
@every_granularity
def test_without_factors_it_is_the_plain_network(
    network: str, granularity: str, digits: Dataset
) -> None:
    """To rounding: a processor may sum one convolution and those of samples in another order."""
    x = digits.x_test[:5].double()
    classifier = pni(network=network, granularity=granularity).requires_grad_(False).double()
    sites = drawn(classifier, x, 1)
    plain = classifier.network(x)
    assert (classifier.logits(x, sites)[0] - plain).abs().max() > 1e-3
    set_scales(classifier, 0.0)
    torch.testing.assert_close(classifier.logits(x, sites)[0], plain, rtol=0, atol=1e-12)


@every_granularity
def test_gradients_hold_the_weights_spread(granularity: str, digits: Dataset) -> None:
    """dL/da = Σ dL/dw̃ · s η, and dL/dw = Σ_s dL/dw̃_s: no gradient goes through s(w)."""
    x, y = digits.x_train[:8].double(), digits.y_train[:8]
    classifier = pni(hidden=(5,), granularity=granularity).double()
    set_scales(classifier)
    sites = drawn(classifier, x, 3)
    edits = classifier.edits(sites)
    (edit,) = edits["layer_0"]
    assert isinstance(edit, Weights)
    edit.matrix.retain_grad()
    logits = classifier.network.logits(x, edits)
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.repeat(3)).backward()
    of_noisy, weights = edit.matrix.grad, classifier.network.matrix("layer_0")  # a parameter
    assert of_noisy is not None
    torch.testing.assert_close(weights.grad, of_noisy.sum(0))
    spread = weights[:-1].detach().std()
    by_weight = (of_noisy[:, :-1] * spread * sites["weight_noise_0"].squeeze(1)).sum(0)
    scale = noise_of(classifier).scales[0]
    torch.testing.assert_close(scale.grad, by_weight.sum_to_size(scale.shape))
    # and that of a is the slope
    direction, ends = torch.rand_like(scale), []
    for step in (1e-5, -2e-5):
        with torch.no_grad():
            scale.add_(step * direction)
            logits = classifier.logits(x, sites)
        ends.append(float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.repeat(3))))
    assert scale.grad is not None
    slope = float((scale.grad * direction).sum())
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


@pytest.mark.parametrize(("network", "layers"), [("dense", 3), ("cnn", 4)])
def test_noise_grows_with_the_weights(network: str, layers: int, digits: Dataset) -> None:
    """A ReLU network without biases is homogeneous, noise and all."""
    x = digits.x_test[:5].double()
    classifier = pni(network=network).double().requires_grad_(False)
    sites = drawn(classifier, x, 3)
    before = classifier.logits(x, sites)
    for parameter in classifier.network.parameters():
        parameter.mul_(1.5)
    torch.testing.assert_close(classifier.logits(x, sites), 1.5**layers * before)


@pytest.mark.parametrize("module", [False, True])
@pytest.mark.parametrize("network", ["dense", "cnn", "resnet"])
def test_biases_have_no_noise(network: str, module: bool) -> None:
    """In networks of layers and in modules of torch, with biases and without."""
    options = {"depth": 10, "width": 1} if network == "resnet" else {}
    made: Any = build_network(network, SHAPE, 10, options)
    if module:
        made = torch.nn.Sequential(
            torch.nn.Conv2d(1, 3, 3, bias=network == "cnn"),
            torch.nn.Flatten(),
            torch.nn.Linear(108, 10, bias=network == "dense"),
        )
    classifier = Composed(made, [ParametricWeights()], image_shape=SHAPE).requires_grad_(False)
    x = torch.rand(2, *SHAPE)
    sites = drawn(classifier, x, 2)
    biases = 0
    for place, (edit,) in classifier.edits(sites).items():
        assert isinstance(edit, Weights)
        at, matrix = classifier.network.place(place), classifier.network.matrix(place)
        assert at.matrix == tuple(matrix.shape)
        biases += at.bias
        moved = (edit.matrix != matrix).any(0).all(-1)
        assert moved.tolist() == [True] * (len(matrix) - at.bias) + [False] * at.bias
    of_modules = {"dense": 1, "cnn": 1, "resnet": 0}
    assert biases == (of_modules if module else {"dense": 3, "cnn": 4, "resnet": 1})[network]


def test_noise_has_no_divergence_and_no_decay(digits: Dataset) -> None:
    x, y = digits.x_train[:50], digits.y_train[:50]
    spec = preset("pni", options={"hidden": (6,)}, images="clean")
    classifier = pni(hidden=(6,))
    losses = []
    for weight in (0.0, 1.0):
        torch.manual_seed(7)
        made = make_loss(classifier, replace(spec, kl_weight=weight), num_images=1)
        losses.append(float(made(x, y).detach()))
    assert losses[0] == losses[1]

    def after_a_step(**changes: Any) -> dict[str, Tensor]:
        few = replace(digits, x_train=x, y_train=y)
        once = replace(spec, epochs=1, optimizer="sgd", learning_rate=0.1, **changes)
        return train(once, few).state_dict()

    plain, decayed = after_a_step(), after_a_step(weight_decay=0.5)
    for name, value in plain.items():
        assert torch.equal(value, decayed[name]) == ("scales" in name), name


@pytest.mark.parametrize(
    ("model", "learned"), [("pni", "scales"), ("adv-bnn", "log_scales"), ("l2p", "sigma")]
)
def test_learned_noise_is_a_group_without_decay(model: str, learned: str) -> None:
    classifier = build_model(model, image_shape=SHAPE, num_classes=10)
    names = {id(p): name for name, p in classifier.named_parameters()}
    groups: Any = list(parameter_groups(classifier))
    decayed, others = ([names[id(p)] for p in group["params"]] for group in groups)
    assert others == [name for name in names.values() if f"noise.0.{learned}." in name]
    assert sorted([*decayed, *others]) == sorted(names.values())
    assert [group.get("weight_decay") for group in groups] == [None, 0.0]


def test_images_share_a_sample_and_samples_differ(digits: Dataset) -> None:
    """A repeated image is no average over the noise; more samples are."""
    repeated = digits.x_test[:1].expand(5, *SHAPE)
    classifier = pni(hidden=(6,)).requires_grad_(False)
    sites = drawn(classifier, repeated, 4)
    assert sites["weight_noise_0"].shape == (4, 1, 64, 6)
    logits = classifier.logits(repeated, sites)
    torch.testing.assert_close(logits, logits[:, :1].expand_as(logits))
    assert len(logits[:, 0, 0].unique()) == 4


def test_the_preset_is_the_papers_training() -> None:
    """Half of the loss is on attacked images, whose labels are predictions by default."""
    spec = preset("pni")
    options = spec.image_options
    assert (spec.images, options["labels"], options["attack"]) == (
        "adversarial",
        "predicted",
        "pgd",
    )
    assert (options["clean_weight"], options["adversarial_weight"]) == (0.5, 0.5)
    true = preset("pni", image_options={"labels": "true", "strength": 0.2})
    assert true.image_options == {**options, "labels": "true", "strength": 0.2}
    assert preset("pni", images="clean").image_options == {}
    assert isinstance(true, TrainingSpec)


def test_unknown_granularities_and_single_weights_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="'chanel'; did you mean 'channel'"):
        pni(granularity="chanel")
    with pytest.raises(ArgumentError, match=r"initial_scale must be > 0 and finite, got 0"):
        pni(initial_scale=0.0)
    with pytest.raises(ArgumentError, match="'last' has one weight alone, which has no spread"):
        build_model("pni", image_shape=(1,), num_classes=1, options={"hidden": ()})


# Features and the image


def noisy(**options: Any) -> tuple[Composed, ParametricFeatures]:
    noise = ParametricFeatures(**options)
    network = build_network("cnn", SHAPE, 10, {"channels": (3,), "units": 6})
    return Composed(network, [noise]), noise


@pytest.mark.slow
def test_features_keep_the_contract() -> None:
    """Which holds derivatives to the outputs: those of s(h), too."""
    classifier, _ = noisy(granularity="element", places=[INPUT, "active_0", "active"])
    check_contract(classifier.requires_grad_(False))


@pytest.mark.statistical
def test_the_image_has_noise_of_its_own_spread(digits: Dataset) -> None:
    """Logits of a linear network have the variance (a s(x))² |w_c|²; 5 standard errors."""
    x, number = digits.x_test[:4], 5_000
    network = build_network("dense", SHAPE, 10, {"hidden": ()})
    noise = ParametricFeatures(places=[INPUT])
    classifier = Composed(network, [noise]).requires_grad_(False)
    sites = drawn(classifier, x, number)
    assert sites["feature_noise_0"].shape == (number, 4, *SHAPE)
    logits = classifier.logits(x, sites).double()
    spread = 0.25 * x.flatten(1).std(1)
    variance = spread.square()[:, None] * network.matrix("last")[:-1].square().sum(0)
    assert float((logits.var(0) / variance - 1).abs().max()) < 5 * (2 / number) ** 0.5


def test_an_image_does_not_depend_on_its_batch(digits: Dataset) -> None:
    """The original scales by the spread of all of the batch."""
    x = torch.cat([digits.x_test[:3], 5 * digits.x_test[3:4]])
    classifier, _ = noisy()
    classifier.requires_grad_(False)
    sites = drawn(classifier, x, 3)
    together = classifier.logits(x, sites)
    for row in range(4):
        own = {name: value[:, [row]] for name, value in sites.items()}
        torch.testing.assert_close(together[:, [row]], classifier.logits(x[[row]], own))


def test_an_even_image_has_a_gradient() -> None:
    """The root of its variance, 0, has none."""
    classifier, _ = noisy(places=[INPUT])
    x = torch.zeros(2, *SHAPE, requires_grad=True)
    logits = classifier.logits(x, drawn(classifier, x.detach(), 2))
    logits.sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


def test_factors_have_the_shapes_of_features_and_no_decay() -> None:
    shapes = {"layer": ((), ()), "channel": ((3, 1, 1), (6,)), "element": ((3, 4, 4), (6,))}
    for granularity, expected in shapes.items():
        classifier, noise = noisy(granularity=granularity)
        assert tuple(tuple(scale.shape) for scale in noise.scales) == expected
        assert [id(p) for p in classifier.without_decay()] == [id(p) for p in noise.scales]
    with pytest.raises(ArgumentError, match="'input' has one feature alone, without a spread"):
        Composed(build_network("dense", (1,), 2, {}), [ParametricFeatures(places=[INPUT])])
    assert issubclass(ParametricFeatures, Noise)
