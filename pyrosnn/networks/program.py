"""A sequence of operations, whose derivatives are computed without a graph.

Each value knows over how many samples it and its derivative differ. What all samples share is
computed once for a chunk, in all three directions: a value's cotangents are summed over samples
as soon as what is left of their way back is the same for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.networks.function import AffineMap, Function, VectorJacobianProduct
from pyrosnn.networks.operation import Operation


@dataclass(frozen=True)
class Step:
    """An operation applied to earlier values.

    Attributes:
        operation: the operation.
        inputs: indices of its inputs; the program's own inputs come first.
    """

    operation: Operation
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Packing:
    """Several values of an image as one row of numbers, channels last; one value as it is.

    Attributes:
        shapes: of one image's values.
    """

    shapes: tuple[tuple[int, ...], ...]

    def pack(self, values: Sequence[Tensor]) -> Tensor:
        """Return one tensor, with the values' leading axes."""
        if len(values) == 1:
            return values[0]
        rows = [
            (v.movedim(-3, -1) if len(shape) == 3 else v).flatten(v.ndim - len(shape))
            for v, shape in zip(values, self.shapes, strict=True)
        ]
        lead = torch.broadcast_shapes(*(row.shape[:-1] for row in rows))
        return torch.cat([row.expand(*lead, -1) for row in rows], -1)

    def unpack(self, packed: Tensor) -> list[Tensor]:
        """Return the values that were packed."""
        if len(self.shapes) == 1:
            return [packed]
        parts = packed.split([torch.Size(shape).numel() for shape in self.shapes], -1)
        return [
            part.unflatten(-1, (*shape[1:], shape[0])).movedim(-1, -3)
            if len(shape) == 3
            else part.unflatten(-1, shape)
            for part, shape in zip(parts, self.shapes, strict=True)
        ]


class Program(Function):
    """Steps from some values to others.

    Args:
        steps: in order; a step's inputs come before it.
        inputs: shapes of the inputs.
        outputs: indices of the outputs, in the numbering of the steps' inputs.
        shapes: of the outputs.
        enters: whether the inputs have no sample axis yet.
        leaves: whether the outputs have none.
        num_samples: number of samples that differ in the inputs.
        num_derivatives: number of samples that differ in the derivative of that.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        inputs: Sequence[tuple[int, ...]],
        outputs: Sequence[int],
        shapes: Sequence[tuple[int, ...]],
        *,
        enters: bool = False,
        leaves: bool = False,
        num_samples: int = 1,
        num_derivatives: int = 1,
    ):
        self.steps = list(steps)
        self._first = len(inputs)
        self._outputs = list(outputs)
        self._input_packing, self._output_packing = Packing(tuple(inputs)), Packing(tuple(shapes))
        self._enters, self._leaves = enters, leaves
        differ = [num_samples] * self._first
        self._derivatives_of = [num_derivatives] * self._first
        for step in self.steps:
            operation = step.operation
            point = max(differ[i] for i in step.inputs)
            differ.append(max(point, operation.num_samples))
            own = operation.num_derivatives if operation.affine else differ[-1]
            self._derivatives_of.append(max(own, *(self._derivatives_of[i] for i in step.inputs)))
        self._values_of = differ

    @property
    def affine(self) -> bool:
        """Whether the program is an affine map."""
        return all(step.operation.affine for step in self.steps)

    @property
    def num_samples(self) -> int:
        """Number of samples with different values."""
        return max(self._values_of[i] for i in self._outputs)

    @property
    def num_derivatives(self) -> int:
        """Number of samples with different derivatives."""
        return max(self._derivatives_of[i] for i in self._outputs)

    def __call__(self, h: Tensor) -> Tensor:
        """Return the value, without a graph."""
        with torch.no_grad():
            return self.value(h)

    def value(self, h: Tensor) -> Tensor:
        """Return the value, under a graph if gradients are on."""
        values = self._unpack(h)
        last = self._last_uses()
        for number, step in enumerate(self.steps):
            values.append(step.operation.value(*(values[i] for i in step.inputs)))
            for i in last[number]:
                values[i] = values[i].new_empty(0)  # no one needs it any more
        return self._pack(values)

    def _last_uses(self) -> list[list[int]]:
        """Return, for each step, the values that no later step uses."""
        last: dict[int, int] = {}
        for number, step in enumerate(self.steps):
            for i in step.inputs:
                last[i] = number
        ending: list[list[int]] = [[] for _ in self.steps]
        for i, number in last.items():
            if i not in self._outputs:
                ending[number].append(i)
        return ending

    def jvp(self, h: Tensor, steps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Propagate all steps along with the values."""
        values = self._unpack(h)
        along = [self._unpack(v) for v in steps]
        last = self._last_uses()
        with torch.no_grad():
            for number, step in enumerate(self.steps):
                operation = step.operation
                inputs = tuple(values[i] for i in step.inputs)
                values.append(operation.value(*inputs))
                if steps:
                    residual = operation.residual(inputs, values[-1])
                for tangents in along:
                    tangents.append(operation.jvp(residual, *(tangents[i] for i in step.inputs)))
                for i in last[number]:
                    for kept in (values, *along):
                        kept[i] = kept[i].new_empty(0)
            value = self._pack(values)
            # the derivative of a value that samples share up to a shift is one for all of them
            return value, [self._pack(tangents).expand_as(value) for tangents in along]

    def vjp(self, h: Tensor) -> tuple[Tensor, VectorJacobianProduct]:
        """Record the values that the derivatives need."""
        values = self._unpack(h)
        residuals = []
        last = self._last_uses()
        with torch.no_grad():
            for number, step in enumerate(self.steps):
                inputs = tuple(values[i] for i in step.inputs)
                values.append(step.operation.value(*inputs))
                residuals.append(step.operation.residual(inputs, values[-1]))
                for i in last[number]:
                    values[i] = values[i].new_empty(0)
            return self._pack(values), lambda u: self._vjp(residuals, u)

    def _vjp(self, residuals: Sequence[Tensor | None], u: Tensor) -> Tensor:
        cotangents: list[Tensor | None] = [None] * (self._first + len(self.steps))

        def add(i: int, value: Tensor) -> None:
            if len(value) > self._derivatives_of[i]:
                value = value.sum(0, keepdim=True)
            before = cotangents[i]
            cotangents[i] = value if before is None else before + value

        with torch.no_grad():
            u = u.unsqueeze(0) if self._leaves else u
            for i, value in zip(self._outputs, self._output_packing.unpack(u), strict=True):
                add(i, value)
            for number in reversed(range(len(self.steps))):
                step, index = self.steps[number], self._first + number
                cotangent = cotangents[index]
                if cotangent is None:  # nothing that is returned depends on it
                    continue
                shared = tuple(self._derivatives_of[i] == 1 for i in step.inputs)
                products = step.operation.vjp(residuals[number], cotangent, shared)
                cotangents[index] = None
                for i, value in zip(step.inputs, products, strict=True):
                    add(i, value)
            of_inputs = [value for value in cotangents[: self._first] if value is not None]
            packed = self._input_packing.pack(of_inputs)
            return packed.squeeze(0) if self._enters else packed

    def _unpack(self, h: Tensor) -> list[Tensor]:
        return self._input_packing.unpack(h.unsqueeze(0) if self._enters else h)

    def _pack(self, values: Sequence[Tensor]) -> Tensor:
        packed = self._output_packing.pack([values[i] for i in self._outputs])
        return packed.squeeze(0) if self._leaves else packed


class AffineProgram(AffineMap):
    """A program of affine operations.

    Args:
        program: from images, or a trunk's output, which have no sample axis, to features.
    """

    def __init__(self, program: Program):
        self.program = program
        self._nothing: list[Tensor | None] = [None] * len(program.steps)

    def __call__(self, x: Tensor) -> Tensor:
        """Return φ(x)."""
        return self.program(x)

    def jvp(self, v: Tensor) -> Tensor:
        """Return φ'(v)."""
        tangents = self.program._unpack(v)
        for step in self.program.steps:
            tangents.append(step.operation.jvp(None, *(tangents[i] for i in step.inputs)))
        return self.program._pack(tangents)

    def vjp(self, u: Tensor) -> Tensor:
        """Return the transposed map of cotangents."""
        return self.program._vjp(self._nothing, u)
