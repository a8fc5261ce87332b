r"""Bounds of the differences $z_y - z_j$ of logits over a ball of images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.networks.program import Step
from pyrosnn.propagation.backward import lower_bounds
from pyrosnn.propagation.ball import Region
from pyrosnn.propagation.forward import ROW_BYTES, value_regions
from pyrosnn.shapes import Labels


@dataclass(frozen=True)
class Method:
    """A way to bound a network.

    Attributes:
        relaxed: whether the differences go back to the image through lines, beside intervals.
        refined: whether the inputs of nonlinearities do, too.
    """

    relaxed: bool = False
    refined: bool = False


METHODS = {
    "ibp": Method(),
    "crown-ibp": Method(relaxed=True),
    "crown": Method(relaxed=True, refined=True),
}


def difference_bounds(
    steps: Sequence[Step],
    regions: list[Region],
    y: Labels,
    num_classes: int,
    *,
    method: Method,
    row_bytes: int = ROW_BYTES,
) -> tuple[Tensor, Tensor]:
    r"""Return $d_j \le z_y - z_j \le u_j$ on all images of a ball, for each sample.

    The last layer is merged into the differences. Linear relaxation is never further than
    intervals: the closer bound is taken.

    Args:
        steps: a network for the samples of a chunk; the last step returns logits.
        regions: of the images, see :func:`ball`.
        y: labels, shape (example,).
        num_classes: number of classes.
        method: a row of ``METHODS``.
        row_bytes: bytes of the rows that are taken back to the image at once.

    Returns:
        d and u, shape (sample or 1, example, class), 0 at the label.

    Raises:
        NoBoundsError: for an operation that cannot be bounded.
    """
    values = value_regions(steps, regions, refine=method.refined, row_bytes=row_bytes)
    like = regions[0].centre
    unit = torch.eye(num_classes, dtype=like.dtype, device=like.device)
    between = unit[y].unsqueeze(1) - unit
    rows = torch.cat([between, -between], 1).unsqueeze(0)
    below = lower_bounds(steps, values, rows, len(steps), relax=False)
    if method.relaxed:
        lines = lower_bounds(steps, values, rows, len(steps), relax=True)
        below = torch.maximum(*torch.broadcast_tensors(below, lines))
    lower, upper = below.split(num_classes, -1)
    return lower, -upper
