"""Bounds over a ball: exact where they can be, and never beyond what a search finds."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from support.bounded import (
    CLASSES,
    NETWORKS,
    SHAPE,
    Bounds,
    differences,
    inside,
    linear,
    logits,
    smallest,
    steps_of,
)
from support.networks import draw, exact
from torch import Tensor

from pyrosnn.errors import ArgumentError, NoBoundsError
from pyrosnn.networks.activation import ACTIVATIONS, Activated
from pyrosnn.networks.dense import dense
from pyrosnn.networks.network import Edits, Weights, apply, scale
from pyrosnn.networks.operation import Scale
from pyrosnn.networks.pooling import MaxPooled
from pyrosnn.networks.program import Program, Step
from pyrosnn.propagation import METHODS, ball, difference_bounds
from pyrosnn.propagation.ball import bounds, box
from pyrosnn.propagation.forward import value_regions
from pyrosnn.propagation.lines import relaxed

BALLS: list[tuple[str, float, Bounds]] = [
    ("linf", 0.05, None),
    ("linf", 0.05, (0.0, 1.0)),
    ("l2", 0.3, None),
    ("l2", 0.3, (0.0, 1.0)),
]


def methods(name: str) -> list[str]:
    """Return the methods for a network: a residual one has thousands of inputs to refine."""
    return [m for m, way in METHODS.items() if name != "resnet" or not way.refined]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _images(number: int = 3) -> tuple[Tensor, Tensor]:
    x = torch.rand(number, *SHAPE, dtype=torch.float64)
    return x, torch.randint(CLASSES, (number,))


def _below(
    steps: Sequence[Step],
    x: Tensor,
    y: Tensor,
    norm: str,
    strength: float,
    clip: Bounds = None,
    method: str = "crown",
) -> Tensor:
    return _between(steps, x, y, norm, strength, clip, method)[0]


def _between(
    steps: Sequence[Step],
    x: Tensor,
    y: Tensor,
    norm: str,
    strength: float,
    clip: Bounds = None,
    method: str = "crown",
) -> tuple[Tensor, Tensor]:
    regions = ball(x, norm, strength, clip)
    return difference_bounds(steps, regions, y, CLASSES, method=METHODS[method], row_bytes=2**16)


@pytest.mark.parametrize("name", NETWORKS)
def test_at_no_strength_they_are_the_values(name: str) -> None:
    steps = NETWORKS[name]()
    x, y = _images()
    values = differences(logits(steps, x), y)
    for method in methods(name):
        for norm, _, clip in BALLS:
            for found in _between(steps, x, y, norm, 0.0, clip, method):
                torch.testing.assert_close(found, values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
@pytest.mark.parametrize("method", METHODS)
def test_a_linear_network_is_bounded_exactly(norm: str, dual: int, method: str) -> None:
    """The margin minus η times the dual norm of the weights' difference."""
    steps = linear()
    x, y = _images()
    (weight,) = steps[1].operation.weight  # type: ignore[attr-defined]
    between = weight.T[y].unsqueeze(1) - weight.T  # (example, class, pixel)
    expected = differences(logits(steps, x), y)[0] - 0.2 * between.norm(dual, -1)
    torch.testing.assert_close(_below(steps, x, y, norm, 0.2, method=method)[0], expected)


def test_within_pixel_bounds_a_linear_network_is_bounded_exactly() -> None:
    steps = linear()
    x, y = _images()
    (weight,) = steps[1].operation.weight  # type: ignore[attr-defined]
    between = weight.T[y].unsqueeze(1) - weight.T
    low, high = ((x + side).clamp(0, 1).flatten(1).unsqueeze(1) for side in (-0.4, 0.4))
    worst = torch.where(between > 0, low, high)
    bias = steps[1].operation.bias.flatten()  # type: ignore[attr-defined]
    expected = (between * worst).sum(-1) + bias[y].unsqueeze(1) - bias
    torch.testing.assert_close(_below(steps, x, y, "linf", 0.4, (0.0, 1.0))[0], expected)


def test_one_relu() -> None:
    low, high = torch.tensor([[[-1.0, 1.0, -3.0, -2.0]]]), torch.tensor([[[3.0, 2.0, -1.0, 1.0]]])
    relu = Activated(ACTIVATIONS["relu"])
    values = value_regions([Step(relu, (0,))], [box(low, high)])
    assert [side.tolist() for side in bounds(values[1])] == [
        [[[0.0, 1.0, 0.0, 0.0]]],
        [[[3.0, 2.0, 0.0, 1.0]]],
    ]
    up = torch.eye(4).reshape(1, 1, 4, 4)
    below, nothing = relaxed(relu, up, low, high)
    assert below[0, 0].diagonal().tolist() == [1.0, 1.0, 0.0, 0.0]  # z or 0: the smaller area
    assert not nothing.any()
    above, constant = relaxed(relu, -up, low, high)
    chord = torch.tensor([3 / 4, 1.0, 0.0, 1 / 3])  # u (z - l) / (u - l)
    torch.testing.assert_close(-above[0, 0].diagonal(), chord)
    torch.testing.assert_close(-constant[0, 0], torch.tensor([3 / 4, 0.0, 0.0, 2 / 3]))


def test_a_maximum_is_bounded_by_its_inputs() -> None:
    """By the input that is surely the largest, or by the largest upper bound."""
    low = torch.tensor([[4.0, 0.0], [1.0, 2.0], [0.0, 1.0], [0.0, 2.0]]).reshape(1, 1, 1, 4, 2)
    high = torch.tensor([[5.0, 3.0], [2.0, 3.0], [2.0, 3.0], [1.0, 4.0]]).reshape(1, 1, 1, 4, 2)
    pool = MaxPooled({"kernel_size": 2, "stride": 2, "padding": 0})
    up = torch.eye(2).reshape(1, 1, 2, 1, 2, 1)
    rows, constant = relaxed(pool, up, low, high)
    places = rows[0, 0, :, 0].flatten(1)
    assert places.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]]
    assert not constant.any()
    rows, constant = relaxed(pool, -up, low, high)
    assert rows[0, 0, :, 0].flatten(1).tolist()[0] == [-1, 0, 0, 0, 0, 0, 0, 0]
    assert not rows[0, 0, 1].any()  # two of the second window may be the largest: 4 is the bound
    assert constant.flatten().tolist() == [0.0, -4.0]


@pytest.mark.parametrize(
    ("name", "norm", "strength", "clip"),
    [
        *(("dense", *one) for one in BALLS),
        *((name, *BALLS[0]) for name in ("cnn", "resnet", "pooled")),
        ("residual", *BALLS[3]),
    ],
)
def test_no_search_gets_below(name: str, norm: str, strength: float, clip: Bounds) -> None:
    steps = NETWORKS[name]()
    x, y = _images()
    least = smallest(steps, x, y, norm, strength, clip)
    most = differences(logits(steps, x), y)[0]
    above = _between(steps, x, y, norm, strength, clip, methods(name)[-1])[1][0]
    for c in range(CLASSES):  # z_c - z_y is a difference, too
        other = smallest(steps, x, torch.full_like(y, c), norm, strength, clip)
        most[:, c] = -other.gather(1, y.unsqueeze(1)).squeeze(1)
    assert (most <= above + 1e-9).all()
    found = {m: _below(steps, x, y, norm, strength, clip, m)[0] for m in methods(name)}
    start = differences(logits(steps, x), y)[0]
    others = torch.arange(CLASSES) != y.unsqueeze(1)
    for values in found.values():
        assert (values <= least + 1e-9).all()
        assert (values < start)[others].all()  # not without a ball
    closer = [values for method, values in found.items() if METHODS[method].relaxed]
    assert all((values >= found["ibp"] - 1e-9).all() for values in closer)
    assert all((values > found["ibp"])[others].any() for values in closer)


@pytest.mark.parametrize(
    ("name", "refine"), [(n, METHODS[m].refined) for n in NETWORKS for m in methods(n)[1:]]
)
def test_all_values_lie_in_their_regions(name: str, refine: bool) -> None:
    steps = NETWORKS[name]()
    x, _ = _images(2)
    regions = value_regions(steps, ball(x, "linf", 0.1, (0.0, 1.0)), refine=refine)
    project = inside(x, "linf", 0.1, (0.0, 1.0))
    far = torch.stack([project(x + 0.2 * draw(*x.shape)) for _ in range(20)])
    for index in range(1, len(steps) + 1):
        shape = regions[index][0].centre.shape[2:]
        values = Program(steps[:index], [SHAPE], [index], [shape]).value(far)
        low, high = bounds(regions[index])
        assert (values >= low - 1e-9).all()
        assert (values <= high + 1e-9).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_larger_balls_have_lower_bounds(norm: str) -> None:
    x, y = _images()
    for name in ("dense", "residual"):
        steps = NETWORKS[name]()
        found = [_below(steps, x, y, norm, eta, method="ibp") for eta in (0.0, 0.1, 0.2, 0.4)]
        for small, large in pairwise(found):
            assert (large <= small + 1e-12).all()


@pytest.mark.parametrize("method", METHODS)
def test_samples_have_bounds_of_their_own(method: str) -> None:
    """Of weights and masks of each image: as one sample and image after the other."""
    network = exact(dense(SHAPE, CLASSES, (9, 7)))
    x, y = _images()
    weight = network.matrix("layer_1") + 0.1 * draw(2, *network.matrix("layer_1").shape)
    masks = (torch.rand(2, 3, 9) > 0.5).double()

    def found(samples: slice, images: slice) -> Tensor:
        edits: Edits = {
            "layer_1": [Weights(weight[samples])],
            "active_0": [scale(masks[samples, images])],
        }
        steps = steps_of(network, edits)
        return _below(steps, x[images], y[images], "linf", 0.05, method=method)

    whole = found(slice(2), slice(3))
    for s in range(2):
        for n in range(3):
            torch.testing.assert_close(
                whole[s : s + 1, n : n + 1], found(slice(s, s + 1), slice(n, n + 1))
            )


def test_what_has_no_bounds_is_refused() -> None:
    x, y = _images()
    network = exact(dense(SHAPE, CLASSES, (9,)))
    steps = steps_of(network, {"active_0": [apply(torch.sin, 1)]})
    with pytest.raises(NoBoundsError, match="neither affine nor monotone"):
        _below(steps, x, y, "linf", 0.1)
    with pytest.raises(ArgumentError, match="norms linf, l2, got 'l1'"):
        ball(x, "l1", 0.1)
    with pytest.raises(ArgumentError, match="strength must be >= 0"):
        ball(x, "l2", -1.0)


def test_tanh_has_intervals_alone() -> None:
    x, y = _images()
    steps = steps_of(exact(dense(SHAPE, CLASSES, (9,), "tanh")))
    found = _below(steps, x, y, "linf", 0.1, method="ibp")[0]
    assert (found <= smallest(steps, x, y, "linf", 0.1) + 1e-9).all()
    with pytest.raises(NoBoundsError, match="method='ibp'"):
        _below(steps, x, y, "linf", 0.1)


def test_an_operation_without_magnitudes_is_refused() -> None:
    class Silent(Scale):
        def magnitude(self, power: int) -> None:  # type: ignore[override]
            return None

    x, _ = _images()
    with pytest.raises(NoBoundsError, match="Silent does not know its magnitudes"):
        value_regions([Step(Silent(torch.ones(1, 1, 1)), (0,))], ball(x, "linf", 0.1))
