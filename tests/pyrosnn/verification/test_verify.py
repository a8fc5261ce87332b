"""Certificates of stored samples: the three statements, and the classifiers that have them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats
from support.toy import LinearProbabilities
from torch import Tensor, nn

from pyrosnn.adapters import Ensemble, Normalized, WeightSamples, all_members
from pyrosnn.attacks import FGM, PGD
from pyrosnn.errors import ArgumentError, NoBoundsError, UnknownNameError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.models.noise_free import noise_free
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.networks.cnn import cnn
from pyrosnn.networks.dense import dense
from pyrosnn.noise.dropout import Dropout
from pyrosnn.noise.input import InputNoise
from pyrosnn.noise.resize_pad import ResizePad
from pyrosnn.noise.weights import MatrixNormalWeights
from pyrosnn.sampling import Origin, SampleSet, draw_sample_set, predict, replay_logits
from pyrosnn.statistics import empirical_bernstein
from pyrosnn.verification import bounded_pages, verify
from pyrosnn.verification.margins import of_probabilities

SHAPE, CLASSES = (1, 4, 4), 3
ETAS = [0.0, 0.005, 0.05]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def net() -> nn.Module:
    """Return a small network of one's own."""
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip


def _weight_samples() -> StochasticClassifier:
    samples = {"5.weight": torch.randn(4, CLASSES, 8), "1.weight": torch.rand(4, 2)}
    return WeightSamples(Normalized(net(), 0.5, 0.3).module, samples, SHAPE)


MODELS: dict[str, Callable[[], StochasticClassifier]] = {
    "weights": lambda: Composed(dense(SHAPE, CLASSES, (8, 8)), [MatrixNormalWeights()]),
    "masks": lambda: Composed(cnn(SHAPE, CLASSES, (2,), 6), [Dropout(0.3), InputNoise(0.01)]),
    "module": lambda: Composed(
        Normalized(net(), 0.5, 0.3), [MatrixNormalWeights(places=["module.5"])], image_shape=SHAPE
    ),
    "weight-samples": _weight_samples,
    "ensemble": lambda: Ensemble(
        [net(), nn.Sequential(nn.Flatten(), nn.Linear(16, CLASSES))], SHAPE
    ),
    "noise-free": lambda: noise_free(MODELS["masks"]()),
    "resized": lambda: Composed(dense((1, 6, 6), CLASSES, (8,)), [ResizePad()], image_shape=SHAPE),
}


def _labelled(
    model: StochasticClassifier, number: int = 12, samples: int = 6, **options: int
) -> tuple[Tensor, Tensor, SampleSet]:
    """Return images, the labels that the mean prediction gives them, and samples."""
    x = torch.rand(number, *SHAPE, dtype=model.dtype)
    found = draw_sample_set(model, x, samples, seed=0, stream="inference", **options)
    return x, predict(model, x, found).predicted, found


@pytest.mark.parametrize(
    ("name", "method"), [("weights", "ibp"), *((name, "crown") for name in MODELS)]
)
def test_an_attack_stays_outside(name: str, method: str) -> None:
    """Verified images and samples withstand it; without a ball all that is right is verified."""
    model = MODELS[name]()
    x, y, samples = _labelled(model)
    y[0] = (y[0] + 1) % CLASSES  # one is wrong
    attack = PGD(norm="linf", steps=5, relative_step=0.4, fixed_samples=True)
    found = verify(model, x, y, samples=samples, strengths=ETAS, method=method, attack=attack)
    assert found["verified"][:, 0].values.tolist() == [False] + [True] * 11
    assert found["verified"][:, 1].sum() > 0
    assert bool((found["verified"] <= found["unbroken"]).all())
    assert bool((found["verified_share"] <= found["unbroken_share"]).all())
    assert bool((found["robust_low"] <= found["robust_high"]).all())
    share = (replay_logits(model, x, samples).argmax(-1) == y).double().mean(0)
    np.testing.assert_allclose(found["verified_share"][:, 0], share)
    np.testing.assert_allclose(found["unbroken_share"][:, 0], share)
    margins = found["verified_margin"]
    assert bool((margins <= predict(model, x, samples).margin(y).numpy()[:, None] + 1e-5).all())
    assert bool((margins.diff("strength") <= 0).all())
    assert bool((found["verified_share"].diff("strength") <= 0).all())


def test_samples_in_another_order_say_the_same() -> None:
    model = MODELS["weights"]()
    x, y, samples = _labelled(model)
    order = torch.randperm(len(samples))
    turned = replace(samples, stored={n: v[order] for n, v in samples.tensors.items()})
    one, other = (verify(model, x, y, samples=s, strengths=ETAS) for s in (samples, turned))
    xr.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("name", ["masks", "weights"])
def test_no_budget_changes_what_is_found(name: str) -> None:
    """Pages of one image and sample, drawn when they are used."""
    model = MODELS[name]()
    x, y, samples = _labelled(model, number=3, samples=4)
    small = draw_sample_set(model, x, 4, seed=0, stream="inference", memory_budget=1)
    pages = bounded_pages(model, x, y, small, norm="l2", strengths=[0.1], method="crown-ibp")
    assert len(list(pages)) == 3 * 4
    whole, paged = (verify(model, x, y, samples=s, strengths=[0.1]) for s in (samples, small))
    xr.testing.assert_allclose(whole, paged, rtol=1e-4)


def test_a_member_counts_as_often_as_it_is_drawn() -> None:
    model = MODELS["ensemble"]()
    x, y, _ = _labelled(model)
    members = torch.tensor([[0], [1], [0], [0], [1]])
    drawn = SampleSet(origin=Origin(seed=0, stream="own", stop=5), stored={"member": members})
    values = verify(model, x, y, samples=drawn, strengths=[0.05], norm="l2")
    both = [
        verify(model, x, y, samples=all_members(model)[m : m + 1], strengths=[0.05], norm="l2")
        for m in (0, 1)
    ]
    shares = [one["verified_share"].values for one in both]
    np.testing.assert_allclose(values["verified_share"], (3 * shares[0] + 2 * shares[1]) / 5)


def test_margins_of_probabilities() -> None:
    """No logits between the bounds have smaller ones, and those at corners have these."""
    label = torch.tensor([True, False, False, False])
    d = 3 * torch.randn(300, 4, dtype=torch.float64).masked_fill(label, 0)
    u = d + torch.randn_like(d).exp().masked_fill(label, 0)
    lower = of_probabilities(d, u, label)
    t = d + (u - d) * torch.rand(50, *d.shape, dtype=torch.float64).round(decimals=1)
    p = (-t).softmax(-1)
    assert (lower <= p[..., :1] - p + 1e-12).all()
    for c in (1, 2, 3):
        corner = torch.where(d[:, c : c + 1] >= 0, d, u)
        corner[:, c] = d[:, c]
        p = (-corner).softmax(-1)
        torch.testing.assert_close(lower[:, c], p[:, 0] - p[:, c])
    q = 1 / (1 + (-d[:, 1:]).exp().sum(-1))
    assert ((-t).softmax(-1)[..., 0] >= q - 1e-12).all()
    huge = torch.tensor([0.0, -2e4, 2e4, -3e4], dtype=torch.float64)
    assert of_probabilities(huge, huge, label).tolist() == [0.0, 0.0, 0.0, -1.0]


def test_the_expectation_divides_alpha_among_the_classes() -> None:
    """Maurer and Pontil's bound of margins in [-1, 1], for each other class with its share."""
    model = MODELS["weights"]()
    x, y, samples = _labelled(model, samples=50)
    found = verify(model, x, y, samples=samples, strengths=[0.02], alpha=0.01)
    (page,) = bounded_pages(model, x, y, samples, norm="linf", strengths=[0.02])
    label = torch.arange(CLASSES) == y.unsqueeze(1)
    margins = of_probabilities(page.lower[0], page.upper[0], label).numpy()
    reach = empirical_bernstein(margins.var(0, ddof=1), 50, 0.01 / (CLASSES - 1), width=2.0)
    bounds = margins.mean(0) - reach
    bounds[np.arange(len(y)), y.numpy()] = np.inf
    np.testing.assert_allclose(found["expectation_margin"][:, 0], bounds.min(1), rtol=1e-6)
    np.testing.assert_array_equal(found["expectation_verified"][:, 0], bounds.min(1) > 0)


def test_the_interval_of_a_random_network_divides_alpha_between_its_ends() -> None:
    model = MODELS["weights"]()
    x, y, samples = _labelled(model, samples=40)
    attack = FGM(norm="l2")
    found = verify(
        model, x, y, samples=samples, strengths=[0.5], norm="l2", alpha=0.02, attack=attack
    )
    low = (found["verified_share"] * 40).values.round()
    high = (found["unbroken_share"] * 40).values.round()
    assert (low < high).any()
    expected = np.where(low > 0, stats.beta.ppf(0.01, low, 41 - low), 0)
    np.testing.assert_allclose(found["robust_low"], expected)
    expected = np.where(high < 40, stats.beta.ppf(0.99, high + 1, 40 - high), 1)
    np.testing.assert_allclose(found["robust_high"], expected)


def test_the_mean_of_linear_networks_is_known_exactly() -> None:
    """Logits of stored samples: the mean of margins minus η times the weights' dual norms."""
    model = Composed(dense(SHAPE, CLASSES, ()), [MatrixNormalWeights()], output="logits").double()
    x, y, samples = _labelled(model)
    weight = samples.tensors["weight_0"].squeeze(1)[:, :-1]
    between = weight.mT[:, y].unsqueeze(2) - weight.mT.unsqueeze(1)
    z = replay_logits(model, x, samples)
    gaps = z.gather(-1, y.expand(6, -1).unsqueeze(-1)) - z
    found = verify(model, x, y, samples=samples, strengths=[0.1], norm="l2")
    lower = (gaps - 0.1 * between.norm(2, -1)).mean(0)
    lower[torch.arange(len(y)), y] = torch.inf
    np.testing.assert_allclose(found["verified_margin"][:, 0], lower.amin(1))
    assert "expectation_margin" not in found  # logits have no range


class Hidden(nn.Module):
    """A forward that is another one while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.last(x.flatten(1))
        return 2 * z if type(x) is Tensor else z


def _attention() -> StochasticClassifier:
    layers = nn.Sequential(
        nn.Flatten(2), nn.TransformerEncoderLayer(16, 2, 8, batch_first=True), nn.Flatten(),
        nn.Linear(16, CLASSES),
    )  # fmt: skip
    return Composed(layers, [MatrixNormalWeights(places=["3"])], image_shape=SHAPE)


REFUSED: dict[str, tuple[Callable[[], StochasticClassifier], str]] = {
    "smoothed": (
        lambda: Smoothed(MODELS["weights"](), variance=0.1),
        "a Smoothed has no bounds.*Composed.*WeightSamples and Ensemble can",
    ),
    "own": (lambda: LinearProbabilities(16, CLASSES), "a LinearProbabilities has no bounds"),
    "attention": (_attention, "flattens some of the axes alone|TransformerEncoderLayer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_classifiers_without_bounds_are_refused(name: str) -> None:
    make, reason = REFUSED[name]
    model = make()
    x = torch.rand(2, *model.image_shape, dtype=model.dtype)
    samples = draw_sample_set(model, x, 3, seed=0, stream="inference")
    with pytest.raises(NoBoundsError, match=reason):
        verify(model, x, [0, 1], samples=samples, strengths=[0.1])


def test_layers_that_are_not_the_classifier_are_refused() -> None:
    model = Composed(Hidden(), [MatrixNormalWeights(places=["last"])], image_shape=SHAPE)
    x, y, samples = _labelled(model)
    with pytest.raises(NoBoundsError, match="more than its layers say"):
        verify(model, x, y, samples=samples, strengths=[0.1])


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "norm": ({"norm": "l1"}, UnknownNameError, "unknown norm"),
    "method": ({"method": "crwn"}, UnknownNameError, "did you mean 'crown'"),
    "strength": ({"strengths": [-0.1]}, ArgumentError, "strength must be >= 0"),
    "strengths": ({"strengths": []}, ArgumentError, "got no strengths"),
    "alpha": ({"alpha": 0.0}, ArgumentError, "alpha must be > 0"),
    "clip": ({"clip": (0.0, 0.5)}, ArgumentError, "clip is .* have pixels outside"),
    "ball": ({"attack": FGM(norm="l2")}, ArgumentError, "attack moves in the norm l2"),
    "fresh": ({"attack": PGD(norm="linf")}, ArgumentError, "keep its samples fixed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name: str) -> None:
    wrong, error, message = WRONG[name]
    model = MODELS["weights"]()
    x, y, samples = _labelled(model)
    arguments: dict[str, Any] = {"samples": samples, "strengths": [0.1], **wrong}
    with pytest.raises(error, match=message):
        verify(model, x, y, **arguments)
