"""Regions of all values of a network, from the image on."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyrosnn.errors import NoBoundsError
from pyrosnn.networks.operation import Operation
from pyrosnn.networks.program import Step
from pyrosnn.propagation.backward import lower_bounds
from pyrosnn.propagation.ball import Region, bounds, box

# Bytes of the rows that are taken back at once: more than the caches hold waits for memory.
ROW_BYTES = 2**23

# How closely single numbers of a value are known.
BALL, EXACT, LOOSE = range(3)


def value_regions(
    steps: Sequence[Step],
    regions: list[Region],
    *,
    refine: bool = False,
    row_bytes: int = ROW_BYTES,
) -> list[list[Region]]:
    """Return the regions of all values of a network; value 0 is the image.

    Args:
        steps: a network for the samples of a chunk.
        regions: of the images, see :func:`ball`.
        refine: bound the inputs of nonlinearities by linear relaxation, too, where intervals are
            not exact.
        row_bytes: bytes of the rows that are taken back to the image at once.

    Raises:
        NoBoundsError: for an operation that is neither affine nor monotone.
    """
    values, known = [regions], [BALL]
    for step in steps:
        operation = step.operation
        if operation.affine:
            values.append(through_affine(operation, [values[i] for i in step.inputs]))
            stages = [known[i] for i in step.inputs]
            mixed = len(stages) > 1 or not operation.diagonal
            known.append(min(LOOSE, max(stages) + mixed) if len(stages) == 1 else LOOSE)
            continue
        if not operation.monotone:
            raise NoBoundsError(
                f"the network has {operation.words}, which is neither affine nor monotone, so that "
                "its values have no bounds; take a model whose noise is added to values or "
                "multiplies them, such as bnn, sin, rse or resnet"
            )
        (source,) = step.inputs
        low, high = bounds(values[source])
        if refine and known[source] == LOOSE:
            low, high = _refined(steps, values, source, low, high, row_bytes)
            values[source] = [box(low, high)]
        values.append([box(operation.value(low), operation.value(high))])
        known.append(
            max(EXACT, known[source]) if low.shape == values[-1][0].centre.shape else LOOSE
        )
    return values


def through_affine(operation: Operation, inputs: Sequence[list[Region]]) -> list[Region]:
    r"""Return the regions of an affine operation's value, $A c + b$ and $|A|_p d$.

    Args:
        operation: the operation.
        inputs: the regions of each of its inputs.

    Raises:
        NoBoundsError: for an operation that does not know its magnitudes.
    """
    if len(inputs) > 1:
        return [_through(operation, [_as_box(regions) for regions in inputs])]
    regions = [_through(operation, [region]) for region in inputs[0]]
    if len(regions) > 1 and not operation.diagonal:
        return [box(*bounds(regions))]
    return regions


def _as_box(regions: list[Region]) -> Region:
    return regions[0] if regions[0].power == 1 and len(regions) == 1 else box(*bounds(regions))


def _through(operation: Operation, inputs: Sequence[Region]) -> Region:
    power = inputs[0].power
    weights = operation.magnitude(power)
    if weights is None and power > 1:  # as if the ellipsoid were the box around it
        power, weights = 1, operation.magnitude(1)
    if weights is None:
        raise NoBoundsError(
            f"the operation {type(operation).__name__} does not know its magnitudes, so that its "
            "values have no bounds; give it a method magnitude, or take another model"
        )
    axes = weights.jvp(None, *(region.axes**power for region in inputs))
    centre = operation.value(*(region.centre for region in inputs))
    return Region(centre, axes if power == 1 else axes.sqrt(), power if operation.diagonal else 1)


def _refined(
    steps: Sequence[Step],
    values: list[list[Region]],
    at: int,
    low: Tensor,
    high: Tensor,
    row_bytes: int,
) -> tuple[Tensor, Tensor]:
    """Return closer bounds of each number of a value: the better of both."""
    features = low.shape[2:]
    number = features.numel()
    unit = torch.eye(number, dtype=low.dtype, device=low.device)
    below, above = [], []
    largest = max(region.centre.shape[2:].numel() for regions in values for region in regions)
    size = max(1, row_bytes // (low.shape[:2].numel() * largest * low.element_size()))
    for part in unit.split(size):
        rows = part.reshape(1, 1, -1, *features)
        below.append(lower_bounds(steps, values, rows, at, relax=True))
        above.append(-lower_bounds(steps, values, -rows, at, relax=True))
    low = torch.maximum(low, torch.cat(below, -1).unflatten(-1, features))
    high = torch.minimum(high, torch.cat(above, -1).unflatten(-1, features))
    return low, torch.maximum(low, high)
