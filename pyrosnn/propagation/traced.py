"""A torch module as a list of steps, by torch's symbolic trace: what can be bounded of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from pyrosnn.errors import NoBoundsError, first_line
from pyrosnn.networks.network import INPUT, Edits, Features, Weights
from pyrosnn.networks.operation import Operation
from pyrosnn.networks.program import Step
from pyrosnn.propagation.calls import FUNCTIONS, Call
from pyrosnn.propagation.layers import LAYERS, Sized, kinds_of_layers

# Returns a parameter or buffer by its name, shape (sample or 1, *shape).
TensorOf = Callable[[str], Tensor]


class Traced:
    """A module's forward pass as a graph of layers and functions that are known.

    Args:
        module: in evaluation mode; returns logits.
        image_shape: shape of one image.

    Raises:
        NoBoundsError: for a forward pass that cannot be traced, or a layer that has no bounds,
            naming it and those that have.
    """

    def __init__(self, module: torch.nn.Module, image_shape: tuple[int, ...]):
        self._module = module
        self._graph = _traced(module, image_shape)
        with torch.no_grad():
            self.steps(own_tensors(module), {})  # refuses unknown layers

    def steps(self, tensor_of: TensorOf, edits: Edits) -> list[Step]:
        """Return the steps with given tensors, and noise at submodules.

        Args:
            tensor_of: gives parameters and buffers by name.
            edits: changes by place, as in ``ModuleNetwork``.
        """
        builder = _Builder(dict(self._module.named_modules()), tensor_of, edits)
        return builder.build(self._graph)


def module_steps(
    module: torch.nn.Module, image_shape: tuple[int, ...], edits: Edits | None = None
) -> list[Step]:
    """Return the steps of a module with its own weights.

    Args:
        module: in evaluation mode; returns logits.
        image_shape: shape of one image.
        edits: see :class:`Traced`.

    Raises:
        NoBoundsError: see :class:`Traced`.

    Example:
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3), torch.nn.ReLU())
        >>> [type(step.operation).__name__ for step in module_steps(net, (1, 2, 2))]
        ['Flattened', 'DenseProduct', 'Activated']
    """
    return Traced(module, image_shape).steps(own_tensors(module), edits or {})


def own_tensors(module: torch.nn.Module) -> TensorOf:
    """Return a module's own parameters and buffers, as of one sample."""
    tensors = module.state_dict(keep_vars=True)
    return lambda name: tensors[name].unsqueeze(0)


class _Tracer(fx.Tracer):
    """A tracer that takes layers with a rule for leaves."""

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        return type(m) in LAYERS or bool(super().is_leaf_module(m, module_qualified_name))


class _Values(fx.Interpreter):
    """An evaluation that keeps the shape of each value, and an empty one like it, in its node."""

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            n.meta["shape"], n.meta["like"] = value.shape, value.new_empty(0)
        return value


def _traced(module: torch.nn.Module, image_shape: tuple[int, ...]) -> fx.Graph:
    like = next(module.parameters(), torch.empty(0))
    x = torch.full((2, *image_shape), 0.5, dtype=like.dtype, device=like.device)
    try:
        graph = _Tracer().trace(module)
        with torch.no_grad():
            _Values(fx.GraphModule(module, graph)).run(x)
    except Exception as error:
        raise NoBoundsError(
            f"the {type(module).__name__} cannot be read layer by layer ({first_line(error)}), so "
            "that it has no bounds; write its forward without decisions that depend on the images, "
            f"of {kinds_of_layers()}"
        ) from error
    return graph


@dataclass
class _Builder:
    """Makes steps of a graph's nodes.

    Attributes:
        modules: submodules by name.
        tensor_of: see :class:`Traced`.
        edits: the same.
    """

    modules: Mapping[str, torch.nn.Module]
    tensor_of: TensorOf
    edits: Edits
    steps: list[Step] = field(default_factory=list)
    values: dict[fx.Node, int] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)

    def build(self, graph: fx.Graph) -> list[Step]:
        """Return all steps up to the output."""
        last = 0
        for node in graph.nodes:
            if node.op == "placeholder":
                self.values[node] = 0
                self._edit(node, INPUT)
            elif node.op == "output":
                last = self._value(node.args[0])
            elif node.op == "call_module":
                self._layer(node)
            elif node.op in ("call_function", "call_method"):
                self._function(node)
        left = [place for place in self.edits if place not in self.placed]
        if left:
            raise NoBoundsError(
                f"noise at '{left[0]}', which is made of other parts, cannot be bounded; put it at "
                "the last layer of them"
            )
        if last != len(self.steps):
            raise NoBoundsError("the module's last layer does not return the logits")
        return self.steps

    def _layer(self, node: fx.Node) -> None:
        name = str(node.target)
        layer = self.modules[name]
        rule = LAYERS.get(type(layer))
        if rule is None or "forward" in layer.__dict__:
            raise _unknown(f"'{name}' is a {type(layer).__name__}")
        matrices = [e.matrix for e in self.edits.get(name, ()) if isinstance(e, Weights)]
        prefix = f"{name}."
        operations = rule(
            Sized(name, layer, _shape(_argument(node)), matrices[-1] if matrices else None),
            lambda own: self.tensor_of(prefix + own),
        )
        self._append(node, operations, [_argument(node)])
        self._edit(node, name)

    def _function(self, node: fx.Node) -> None:
        if not any(one in self.values for one in node.all_input_nodes):
            return  # a size, or what is computed of it
        rule = FUNCTIONS.get(node.target)
        if rule is not None:
            self._append(node, *rule(Call(node, self.values, self.tensor_of)))
        elif "shape" in node.meta:
            raise _unknown(f"its forward calls {getattr(node.target, '__name__', node.target)}")

    def _append(
        self, node: fx.Node, operations: Sequence[Operation], inputs: Sequence[fx.Node]
    ) -> None:
        indices = tuple(self._value(one) for one in inputs)
        for operation in operations:
            self.steps.append(Step(operation, indices))
            indices = (len(self.steps),)
        self.values[node] = indices[0]

    def _edit(self, node: fx.Node, place: str) -> None:
        self.placed.add(place)
        features = [e.operation for e in self.edits.get(place, ()) if isinstance(e, Features)]
        for operation in features:
            self.steps.append(Step(operation, (self.values[node],)))
            self.values[node] = len(self.steps)

    def _value(self, node: Any) -> int:
        if node not in self.values:
            raise _unknown(f"its forward computes with {node}, which is no value of the images")
        return self.values[node]


def _argument(node: fx.Node) -> fx.Node:
    (first,) = (*node.args, *node.kwargs.values())
    assert isinstance(first, fx.Node)
    return first


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["shape"][1:])


def _unknown(what: str) -> NoBoundsError:
    return NoBoundsError(f"{what}, which has no bounds; those that have are {kinds_of_layers()}")
