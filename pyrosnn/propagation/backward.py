"""Lower bounds of linear functions of a value, taken back towards the image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyrosnn.networks.operation import Operation, Scale
from pyrosnn.networks.program import Step
from pyrosnn.propagation.ball import Region, bounds, inner
from pyrosnn.propagation.lines import relaxed


def lower_bounds(
    steps: Sequence[Step],
    values: Sequence[list[Region]],
    rows: Tensor,
    at: int,
    *,
    relax: bool,
) -> Tensor:
    r"""Return lower bounds of $\langle a, h \rangle$ for all h that a value takes.

    Affine steps are passed exactly. At the output of a nonlinearity the rows meet the interval
    that is known there, or go on through lines to the image.

    Args:
        steps: a network for the samples of a chunk.
        values: regions of its values, up to the one in question.
        rows: a, shape (sample or 1, example or 1, row, *features).
        at: index of the value.
        relax: whether nonlinearities are relaxed to lines.

    Returns:
        Shape (sample or 1, example or 1, row).
    """
    pending = {at: rows}
    total = rows.new_zeros(())
    for index in range(at, 0, -1):
        if index not in pending:
            continue
        rows, step = pending.pop(index), steps[index - 1]
        if step.operation.affine:
            products, constant = _through_affine(step, rows, values)
        elif relax:
            (source,) = step.inputs
            product, constant = relaxed(step.operation, rows, *bounds(values[source]))
            products = (product,)
        else:
            products, constant = (), minimum(values[index], rows)
        total = total + constant
        for i, product in zip(step.inputs, products, strict=False):
            pending[i] = pending[i] + product if i in pending else product
    return total + minimum(values[0], pending[0]) if 0 in pending else total


def minimum(regions: list[Region], rows: Tensor) -> Tensor:
    """Return lower bounds on an intersection of regions: the largest that one of them gives."""
    least = regions[0].minimum(rows)
    for region in regions[1:]:
        least = torch.maximum(*torch.broadcast_tensors(least, region.minimum(rows)))
    return least


def _through_affine(
    step: Step, rows: Tensor, values: Sequence[list[Region]]
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the rows of an affine operation's inputs, and the rows' value at its offset."""
    operation = step.operation
    like = [values[i][0].centre for i in step.inputs]
    zeros = [value.new_zeros(1, 1, *value.shape[2:]) for value in like]
    constant = inner(rows, operation.value(*zeros))
    return _transposed(operation, rows, len(like)), constant


def _transposed(operation: Operation, rows: Tensor, inputs: int) -> tuple[Tensor, ...]:
    if isinstance(operation, Scale):  # of each image's own, perhaps
        return (rows * operation.by.to(rows.dtype).unsqueeze(2),)
    if operation.num_images > 1:
        rows = rows.expand(-1, operation.num_images, *rows.shape[2:])
        operation = operation.repeated(rows.shape[2])
    products = operation.vjp(None, rows.flatten(1, 2), (False,) * inputs)
    return tuple(product.unflatten(1, rows.shape[1:3]) for product in products)
