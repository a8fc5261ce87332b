"""Networks of layers that know their derivatives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.function import Identity
from pyrosnn.networks.layer import Layer, Shape
from pyrosnn.networks.network import (
    INPUT,
    Edits,
    Features,
    Kinds,
    Network,
    Parts,
    Place,
    Weights,
    kinds_of,
)
from pyrosnn.networks.operation import Operation
from pyrosnn.networks.program import AffineProgram, Program, Step


@dataclass(frozen=True)
class _Node:
    """A layer, or a change of the features that a place returns.

    Attributes:
        place: name of the place.
        edit: which of the place's edits it is; None for the layer.
        inputs: indices of values.
        noisy: whether its operation differs between samples.
    """

    place: str
    edit: int | None
    inputs: tuple[int, ...]
    noisy: bool


@dataclass(frozen=True)
class _Cut:
    """A network in two.

    Attributes:
        before: the nodes of the trunk; none where there is no trunk.
        frontier: indices of the values that the trunk returns.
        shapes: their shapes.
        after: the other nodes, numbered from the frontier.
    """

    before: Sequence[_Node]
    frontier: Sequence[int]
    shapes: Sequence[Shape]
    after: Sequence[_Node]


class LayeredNetwork(Network):
    """A network of layers, built with :meth:`add`; the last one returns the logits.

    Args:
        image_shape: shape of one image.
        num_classes: number of classes.

    Example:
        >>> from pyrosnn.networks.dense import Dense
        >>> from pyrosnn.networks.layer import Flatten
        >>> network = LayeredNetwork((1, 8, 8), 10)
        >>> network.add("flat", Flatten())
        >>> network.add("last", Dense(64, 10))
        >>> network(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 10])
    """

    def __init__(self, image_shape: Shape, num_classes: int):
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes
        self.places = {INPUT: Place(self.image_shape)}
        self.layers = torch.nn.ModuleDict()
        self._inputs: dict[str, tuple[str, ...]] = {}

    def add(self, name: str, layer: torch.nn.Module, *inputs: str) -> None:
        """Add a layer, and a place with its name.

        Args:
            name: of the place.
            layer: a :class:`Layer`.
            inputs: places whose features are its inputs; the last one by default.

        Raises:
            ArgumentError: for a name that there is already, and features of a wrong shape.
        """
        require(name not in self.places, f"there is a place '{name}' already")
        assert isinstance(layer, Layer)
        taken = inputs or (list(self.places)[-1],)
        shape = layer.shape(*(self.place(i).shape for i in taken))
        weights = layer.matrix()
        rows = None if weights is None else (weights.shape[0], weights.shape[1])
        self.places[name] = Place(shape, rows, rows is not None and layer.has_bias)
        self.layers[name] = layer
        self._inputs[name] = taken

    def layer(self, place: str) -> Layer:
        """Return the layer of a place."""
        layer = self.layers[place]
        assert isinstance(layer, Layer)
        return layer

    def matrix(self, place: str) -> Tensor:
        """Return the weights of a place."""
        matrix = self.layer(place).matrix()
        assert matrix is not None
        return matrix

    def logits(self, x: Tensor, edits: Edits, *, learn: bool = False) -> Tensor:
        """Evaluate all layers; see :class:`Network`."""
        steps = self.steps(edits, learn=learn)
        enters = x.ndim == len(self.image_shape) + 1
        out = [(self.num_classes,)]
        return Program(steps, [self.image_shape], [len(steps)], out, enters=enters).value(x)

    def steps(self, edits: Edits, *, learn: bool = False) -> list[Step]:
        """Return all operations in order; the image is value 0, and the last one the logits."""
        return self._steps(self._nodes(kinds_of(edits)), edits, learn=learn)

    def inputs_of(self, place: str, x: Tensor) -> Tensor:
        """Evaluate the layers before a place."""
        nodes = self._nodes({})
        (index,) = next(node.inputs for node in nodes if node.place == place)
        steps = self._steps(nodes[:index], {})
        shapes = [self.place(list(self.places)[index]).shape]
        inputs = [self.image_shape]
        return Program(steps, inputs, [index], shapes, enters=True, leaves=True).value(x)

    def input_place(self, place: str) -> str:
        """Return the place whose features a layer takes; the first of several."""
        self.place(place)
        return self._inputs[place][0]

    def takes(self, place: str, below: str) -> bool:
        """Return whether a layer's only input is another place's features."""
        self.place(place)
        return self._inputs[place] == (below,)

    def trunk(self, kinds: Kinds) -> Program | None:
        """Return the layers before all noise; None if they only reshape."""
        cut = self._cut(kinds)
        if not cut.before:
            return None
        steps = self._steps(cut.before, {})
        inputs = [self.image_shape]
        return Program(steps, inputs, cut.frontier, cut.shapes, enters=True, leaves=True)

    def parts(self, edits: Edits) -> Parts:
        """Return the layers after the trunk, their affine beginning apart where possible."""
        kinds = kinds_of(edits)
        cut = self._cut(kinds)
        steps = self._steps(cut.after, edits)
        out = [(self.num_classes,)]
        trunk = self.trunk(kinds)
        length = affine_length(steps) if trunk is None or trunk.affine else 0
        if length == 0 or len(cut.frontier) > 1:
            last = [len(cut.frontier) + len(steps) - 1]
            return Parts(Identity(), Program(steps, cut.shapes, last, out, enters=True))
        between = [self.place(cut.after[length - 1].place).shape]
        first = Program(steps[:length], cut.shapes, [length], between, enters=True)
        later = [Step(step.operation, tuple(i - length for i in step.inputs)) for step in steps]
        rest = Program(
            later[length:],
            between,
            [len(steps) - length],
            out,
            num_samples=first.num_samples,
            num_derivatives=first.num_derivatives,
        )
        return Parts(AffineProgram(first), rest)

    def _nodes(self, kinds: Kinds) -> list[_Node]:
        """Return the nodes in order of evaluation, with changes of features as separate nodes."""
        nodes: list[_Node] = []
        at: dict[str, int] = {}  # the value that a place returns; the image is value 0
        for place in self.places:
            of_place = kinds.get(place, ())
            if place == INPUT:
                at[place] = 0
            else:
                taken = tuple(at[i] for i in self._inputs[place])
                nodes.append(_Node(place, None, taken, Weights in of_place))
                at[place] = len(nodes)
            for number, kind in enumerate(of_place):
                if kind is Features:
                    nodes.append(_Node(place, number, (at[place],), True))
                    at[place] = len(nodes)
        return nodes

    def _steps(self, nodes: Sequence[_Node], edits: Edits, *, learn: bool = False) -> list[Step]:
        return [Step(self._operation(node, edits, learn=learn), node.inputs) for node in nodes]

    def _operation(self, node: _Node, edits: Edits, *, learn: bool) -> Operation:
        of_place = edits.get(node.place, ())
        if node.edit is not None:
            edit = of_place[node.edit]
            assert isinstance(edit, Features)
            return edit.operation
        matrices = [edit.matrix for edit in of_place if isinstance(edit, Weights)]
        matrix = matrices[-1] if matrices else None
        return self.layer(node.place).operation(matrix, learn=learn)

    def _cut(self, kinds: Kinds) -> _Cut:
        """Split the nodes into those that depend on noise, and the others."""
        nodes = self._nodes(kinds)
        noisy = [False]
        for node in nodes:
            noisy.append(node.noisy or any(noisy[i] for i in node.inputs))
        require(
            noisy[-1] or not any(noisy),
            f"no noise reaches the logits from {', '.join(kinds)}",
        )
        after = [node for node, n in zip(nodes, noisy[1:], strict=True) if n]
        before = [node for node, n in zip(nodes, noisy[1:], strict=True) if not n]
        if not after or all(self.layer(node.place).is_view for node in before):
            return _Cut([], [0], [self.image_shape], nodes)
        frontier = sorted({i for node in after for i in node.inputs if not noisy[i]})
        shapes = [self.place(nodes[i - 1].place).shape if i else self.image_shape for i in frontier]
        still = [i for i, n in enumerate(noisy) if not n]
        moving = [i for i, n in enumerate(noisy) if n]
        ends = [still.index(i) for i in frontier]
        return _Cut(
            _renumbered(before, still), ends, shapes, _renumbered(after, [*frontier, *moving])
        )


def _renumbered(nodes: Sequence[_Node], order: Sequence[int]) -> list[_Node]:
    """Return nodes as a separate program, whose values are the given ones in order."""
    place_of = {i: number for number, i in enumerate(order)}
    return [replace(node, inputs=tuple(place_of[i] for i in node.inputs)) for node in nodes]


def affine_length(steps: Sequence[Step]) -> int:
    """Return the length of the affine chain at the beginning of the steps.

    No later step uses a value within the chain.

    Args:
        steps: of a program with one input.
    """
    longest = 0
    for length, step in enumerate(steps, start=1):
        if not step.operation.affine or step.inputs != (length - 1,):
            break
        if all(i >= length for later in steps[length:] for i in later.inputs):
            longest = length
    return longest
