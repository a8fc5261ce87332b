"""A bound of the reachable share from the sizes of a result, with its error over draws of A."""

import numpy as np
import xarray as xr

from pyrosnn.checks.draws import MIN_DRAWS, by_draw
from pyrosnn.results import GROUP
from pyrosnn.summaries import at_strength, reachable_share

NUM_BOOTSTRAP = 400
SMALLEST = 0.01


def mean_cosines(result: xr.DataTree) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines of images that have them at every S_A, by the draw of their A.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        Sums of cosines, shape (draw, size), and their numbers, shape (draw,), at the largest
        strength and S_I.
    """
    largest = int(np.argmax(result[GROUP].dataset["inference_samples"].values))
    cosine = at_strength(result, "cosine").sortby("attack_samples").isel(inference_samples=largest)
    known = cosine.notnull().all("attack_samples")
    sums = by_draw(result, cosine.where(known, 0.0)).transpose("draw", "attack_samples").values
    counts = by_draw(result, known).values
    return sums[counts > 0], counts[counts > 0]


def bound(
    sizes: np.ndarray, sums: np.ndarray, counts: np.ndarray
) -> tuple[float, float | None] | None:
    """Return the bound of the largest size's share, and the upper end of its 95 % interval.

    Images of a draw share their A, and are drawn together (bootstrap). Noise bends the fit towards
    low shares: the larger end counts of the intervals by percentiles and by differences.

    Args:
        sizes: S_A, rising, at least two.
        sums: sums of cosines, shape (draw, size).
        counts: their numbers, shape (draw,).

    Returns:
        The bound and its upper end, which is None for fewer than five draws; None for both where
        the mean cosines are not above 0.01.
    """
    means = sums.sum(0) / max(counts.sum(), 1)
    if not (means[-4:] > SMALLEST).all():
        return None
    share = float(reachable_share(sizes, means))
    if len(counts) < MIN_DRAWS:
        return share, None
    drawn = np.random.default_rng(0).integers(len(counts), size=(NUM_BOOTSTRAP, len(counts)))
    redrawn = sums[drawn].sum(1) / counts[drawn].sum(1)[:, None]
    shares = reachable_share(sizes, np.clip(redrawn, SMALLEST, None))
    low, high = np.quantile(shares, (0.025, 0.975))
    return share, float(max(high, 2 * share - low))
