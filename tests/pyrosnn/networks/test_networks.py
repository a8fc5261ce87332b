"""Networks with noise: their derivatives by hand are torch's, and what is shared is shared."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.networks import EDITS, draw, exact, features, weights
from torch import Tensor, nn

from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.networks import NETWORKS, build_network, network_options
from pyrosnn.networks.convolution import Convolution, Convolved
from pyrosnn.networks.dense import Dense
from pyrosnn.networks.forward_mode import dual_pass
from pyrosnn.networks.function import Differentiated
from pyrosnn.networks.layer import Add, Flatten
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.networks.module import ModuleNetwork
from pyrosnn.networks.network import Network, Weights, kinds_of, scale, shift
from pyrosnn.networks.program import Packing, Program

SAMPLES, IMAGES = 3, 4
SMALL: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "dense": ((1, 3, 2), {"hidden": (6, 5)}),
    "cnn": ((1, 8, 8), {"channels": (3, 4), "units": 6}),
    "resnet": ((3, 7, 6), {"depth": 10, "width": 2}),
}


def small(name: str) -> Network:
    torch.manual_seed(0)
    shape, options = SMALL[name]
    return exact(build_network(name, shape, 10, options))


def test_every_network_is_tested() -> None:
    assert set(SMALL) == set(NETWORKS)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", SMALL)
def test_derivatives_by_hand_are_those_of_torch(name: str, edit: str) -> None:
    network = small(name)
    x = torch.rand(IMAGES, *network.image_shape, dtype=torch.float64)
    edits = EDITS[edit](network, SAMPLES, IMAGES)
    trunk, parts = network.trunk(kinds_of(edits)), network.parts(edits)
    by_torch = Differentiated(lambda images: network.logits(images, edits))
    v, u = draw(*x.shape), draw(SAMPLES, IMAGES, 10)
    logits, (slopes,) = by_torch.jvp(x, [v])
    gradient = by_torch.vjp(x)[1](u)

    here, moving = (x, v) if trunk is None else (trunk(x), trunk.jvp(x, [v])[1][0])
    point, step = parts.first(here), parts.first.jvp(moving)
    torch.testing.assert_close(parts.rest(point), logits)
    found, (along, twice) = parts.rest.jvp(point, [step, 2 * step])
    torch.testing.assert_close(found, logits)
    torch.testing.assert_close(along, slopes)
    torch.testing.assert_close(twice, 2 * slopes)
    found, pullback = parts.rest.vjp(point)
    torch.testing.assert_close(found, logits)
    pulled = parts.first.vjp(pullback(u))
    pulled = pulled if trunk is None else trunk.vjp(x)[1](pulled)
    torch.testing.assert_close(pulled, gradient)
    moved = parts.first(here + 0.3 * moving)  # affine: exact along a line
    torch.testing.assert_close(point + 0.3 * step, moved)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", SMALL)
def test_images_of_each_samples_own(name: str, edit: str) -> None:
    network = small(name)
    x = torch.rand(SAMPLES, IMAGES, *network.image_shape, dtype=torch.float64)
    edits = EDITS[edit](network, SAMPLES, IMAGES)
    expected = [network.logits(x[s], edits)[s] for s in range(SAMPLES)]
    torch.testing.assert_close(network.logits(x, edits), torch.stack(expected))


def test_without_noise_it_is_a_plain_module() -> None:
    network = small("dense")
    layers: Any = network.get_submodule("layers")
    h = x = torch.rand(IMAGES, 1, 3, 2, dtype=torch.float64)
    for name in ("layer_0", "layer_1", "last"):
        matrix = layers[name].weight
        h = h.flatten(1) @ matrix[:-1] + matrix[-1]
        h = h.relu() if name != "last" else h
    torch.testing.assert_close(network(x), h)


def program(part: Any) -> Program:
    """Return the program behind a trunk or a part."""
    found = getattr(part, "program", part)
    assert isinstance(found, Program)
    return found


def test_the_trunk_ends_where_noise_begins() -> None:
    network = small("resnet")
    edits = features(scale)(network, SAMPLES, IMAGES)
    trunk = network.trunk(kinds_of(edits))
    # centre, first, norm, relu, conv_1 and the shortcut beside it
    assert len(program(trunk).steps) == 6
    assert not program(trunk).affine
    last = weights("last")(network, SAMPLES, IMAGES)
    assert len(program(network.parts(last).rest).steps) == 1  # all but the last layer is trunk


def test_noise_on_the_image_shares_the_first_products_derivative() -> None:
    """x + ε and a first layer that all samples share: v W is one product for all samples."""
    network = small("dense")
    edits = features(shift, "input")(network, SAMPLES, IMAGES)
    parts = network.parts(edits)
    v = draw(IMAGES, 1, 3, 2)
    assert parts.first(v).shape == (SAMPLES, IMAGES, 6)
    assert parts.first.jvp(v).shape == (1, IMAGES, 6)
    _, pullback = parts.rest.vjp(parts.first(v))
    assert pullback(draw(SAMPLES, IMAGES, 10)).shape == (1, IMAGES, 6)  # summed before the product


@given(
    stride=st.integers(1, 3),
    size=st.integers(1, 4),
    padding=st.integers(0, 2),
    height=st.integers(4, 9),
    width=st.integers(4, 9),
    sampled=st.booleans(),
    shared=st.booleans(),
    bias=st.booleans(),
)
def test_convolutions_of_any_geometry(
    stride: int,
    size: int,
    padding: int,
    height: int,
    width: int,
    sampled: bool,
    shared: bool,
    bias: bool,
) -> None:
    layer = Convolution(2, 3, size, stride=stride, padding=padding, bias=bias).double()
    shape = layer.shape((2, height, width))
    matrix = layer.matrix()
    number = SAMPLES if sampled else 1
    matrices = matrix + 0.1 * draw(number, *matrix.shape)
    operation = layer.operation(matrices)
    assert isinstance(operation, Convolved)
    h = draw(1 if shared else SAMPLES, IMAGES, 2, height, width).requires_grad_()
    value = operation.value(h)
    assert value.shape == (max(number, len(h)), IMAGES, *shape)
    kernels = matrices[:, :-1] if bias else matrices
    for s in range(len(value)):
        w = kernels[s % number].mT.unflatten(-1, (2, size, size))
        b = matrices[s % number][-1] if bias else None
        own = nn.functional.conv2d(h[s % len(h)], w, b, stride=stride, padding=padding)
        torch.testing.assert_close(value[s], own)
    u = draw(*value.shape)
    (expected,) = torch.autograd.grad(value, h, u)
    (found,) = operation.vjp(None, u, (len(h) == 1,))
    found = found if len(found) == len(h) else found.sum(0, keepdim=True)
    torch.testing.assert_close(found, expected)


def test_forward_mode_of_a_convolution_costs_two_values(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)).double()
    net.requires_grad_(False)
    x, v = draw(5, 1, 6, 6), draw(5, 1, 6, 6)
    value, tangent = dual_pass(net, x, v)
    expected = torch.func.jvp(net, (x,), (v,))
    torch.testing.assert_close(value, expected[0])
    torch.testing.assert_close(tangent, expected[1])
    with torch.profiler.profile() as profile:
        dual_pass(net, x, v)
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts["aten::convolution"] == 2


def test_forward_mode_sees_a_weight_that_moves() -> None:
    x = draw(3, 4)
    value, tangent = dual_pass(
        lambda w: nn.functional.linear(x, w), torch.eye(4).double(), draw(4, 4)
    )
    assert tangent is not None
    assert bool(tangent.any())
    torch.testing.assert_close(value, x)


@given(
    shapes=st.lists(
        st.one_of(st.tuples(st.integers(1, 4)), st.tuples(*[st.integers(1, 3)] * 3)),
        min_size=1,
        max_size=3,
    )
)
def test_what_is_packed_is_unpacked(shapes: list[tuple[int, ...]]) -> None:
    values = [draw(2, 5, *shape) for shape in shapes]
    packing = Packing(tuple(shapes))
    for value, found in zip(values, packing.unpack(packing.pack(values)), strict=True):
        assert torch.equal(value, found)


def test_errors_name_places_and_shapes() -> None:
    network = LayeredNetwork((1, 2, 2), 3)
    network.add("flat", Flatten())
    network.add("first", Dense(4, 5))
    with pytest.raises(ArgumentError, match="there is a place 'first' already"):
        network.add("first", Dense(5, 5))
    with pytest.raises(ArgumentError, match=r"a dense layer of 4 inputs got \(5,\)"):
        network.add("second", Dense(4, 5))
    with pytest.raises(ArgumentError, match=r"features of one shape, got \(5,\) and \(4,\)"):
        network.add("sum", Add(), "first", "flat")
    with pytest.raises(UnknownNameError, match="unknown place 'frist'; did you mean 'first'"):
        network.place("frist")
    with pytest.raises(
        ArgumentError,
        match="'flat' has no weights that noise can be put on; those that have are first",
    ):
        network.weight_places(["flat"])
    with pytest.raises(ArgumentError, match="name the places of the noise, of input, flat, first"):
        network.feature_places(None)
    with pytest.raises(ArgumentError, match=r"cnn needs images of shape .* got \(64,\)"):
        build_network("cnn", (64,), 10)
    with pytest.raises(ArgumentError, match=r"images of at least 4 pixels, got \(1, 8, 3\)"):
        build_network("cnn", (1, 8, 3), 10)
    with pytest.raises(UnknownNameError, match="unknown network 'dens'; did you mean 'dense'"):
        network_options("dens")


class Twice(nn.Module):
    """Calls one activation twice, and batch norm and dropout in between."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1, groups=1, dilation=1)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, 3, stride=2, groups=2, dilation=2, bias=False)
        self.act, self.dropout = nn.ReLU(inplace=True), nn.Dropout(0.5)
        self.last = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.dropout(self.act(self.norm(self.first(x))))
        logits: Tensor = self.last(self.act(self.second(h)).mean((2, 3)))
        return logits


def own() -> tuple[Twice, ModuleNetwork]:
    torch.manual_seed(0)
    module = Twice()
    module(torch.rand(20, 1, 8, 8))  # moves the running statistics
    network = ModuleNetwork(module.double(), (1, 8, 8))
    return module.eval().requires_grad_(False), network


def test_places_of_a_module_are_what_is_called_once() -> None:
    module, network = own()
    assert list(network.places) == ["input", "first", "norm", "dropout", "second", "last"]
    assert network.places["second"].shape == (6, 2, 2)
    assert network.places["second"].matrix == (18, 6)
    assert network.places["last"].matrix == (7, 3)
    assert network.num_classes == 3
    x = torch.rand(5, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(network(x), module(x))  # its dropout is off
    torch.testing.assert_close(
        nn.functional.linear(network.inputs_of("last", x), module.last.weight, module.last.bias),
        module(x),
    )


def test_weights_of_a_module_are_each_samples_own() -> None:
    module, network = own()
    edits = weights()(network, SAMPLES, IMAGES)
    x = torch.rand(IMAGES, 1, 8, 8, dtype=torch.float64)
    found = network.logits(x, edits)
    for s in range(SAMPLES):
        state = {}
        for place, (edit,) in edits.items():
            assert isinstance(edit, Weights)
            layer: Any = module.get_submodule(place)
            matrix = edit.matrix[s]
            if layer.bias is not None:
                state[f"{place}.bias"], matrix = matrix[-1], matrix[:-1]
            state[f"{place}.weight"] = matrix.T.reshape(layer.weight.shape)
        expected = torch.func.functional_call(module, state, (x,))
        torch.testing.assert_close(found[s], expected)
    torch.testing.assert_close(network.logits(x, {})[0], module(x))  # nothing is left behind


def test_features_of_a_module_are_changed_where_they_are_returned() -> None:
    module, network = own()
    x = torch.rand(IMAGES, 1, 8, 8, dtype=torch.float64)
    by = draw(SAMPLES, IMAGES, 4, 8, 8)
    found = network.logits(x, {"dropout": [scale(by)], "last": [shift(draw(SAMPLES, 1, 3))]})
    shifted = network.logits(x, {"dropout": [scale(by)]})
    assert torch.equal((found - shifted).std(1) < 1e-9, torch.ones(SAMPLES, 3, dtype=torch.bool))
    for s in range(SAMPLES):
        hook = module.dropout.register_forward_hook(lambda part, given, out, s=s: out * by[s])
        torch.testing.assert_close(shifted[s], module(x))
        hook.remove()


def test_batch_norm_of_a_module_learns_in_training_alone() -> None:
    _, network = own()
    x = torch.rand(IMAGES, 1, 8, 8, dtype=torch.float64)
    before = {name: value.clone() for name, value in network.named_buffers()}
    network.train()
    network.logits(x, {})
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    network.logits(x, {}, learn=True)
    changed = [n for n, v in network.named_buffers() if not torch.equal(v, before[n])]
    assert changed == ["module.norm.running_mean", "module.norm.running_var",
                       "module.norm.num_batches_tracked"]  # fmt: skip


def test_a_module_must_return_logits() -> None:
    with pytest.raises(ArgumentError, match="must return logits of shape"):
        ModuleNetwork(nn.Flatten(2), (1, 8, 8))
