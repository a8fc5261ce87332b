r"""Expected cosines of small sample sets, by resampling the single samples.

A and I are independent, so that $E \cos = \langle E \hat a, E \hat c \rangle$ with the unit
vectors of both gradients. Disjoint subsets of S samples of one fold have unit vectors whose mean
estimates $E \hat a$ without assuming anything of their distribution; unions of other folds stand
for I. Larger A are unions of folds, too. No sample is ever on both sides.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pyrosnn.attacks.norms import length, unit

SIZES = (1, 2, 5, 10, 20, 50, 100)
UNIONS = (1, 2, 4, 8)  # folds that make an A
MOST = 16  # folds that A and I take together: others must be left for the jackknife
ORDERS = 400


class SubsetDirections:
    """Sums of the unit vectors of disjoint subsets' mean gradients, for each fold.

    Args:
        like: images, whose shape and device are taken.
        counts: samples of each fold; they come fold by fold.
    """

    def __init__(self, like: Tensor, counts: np.ndarray):
        self.sizes = [size for size in SIZES if 2 * size <= counts.min()]
        shape = (len(self.sizes), len(counts))
        self._parts = like.new_zeros((len(self.sizes), *like.shape), dtype=torch.float64)
        self.sums = like.new_zeros((*shape, *like.shape), dtype=torch.float64)
        self.counts = like.new_zeros((*shape, len(like)), dtype=torch.float64)

    def add(self, fold: int, index: int, gradient: Tensor) -> None:
        """Add the gradients of a fold's sample with a given index."""
        if index == 0:
            self._parts.zero_()  # what no subset was left for
        self._parts += gradient
        for row, size in enumerate(self.sizes):
            if (index + 1) % size == 0:
                part = self._parts[row]
                self.sums[row, fold] += unit(part)
                self.counts[row, fold] += length(part) > 0  # no direction: undefined, not counted
                part.zero_()


def resample(
    grams: np.ndarray,
    directions: np.ndarray,
    number: np.ndarray,
    counts: np.ndarray,
    inference_samples: int,
) -> dict[str, np.ndarray]:
    """Return mean cosines of resampled A and I, and the numbers without each fold.

    Args:
        grams: inner products of the folds' sums, shape (2, 2, example, fold, fold).
        directions: inner products of subsets' unit vectors, summed over a fold, with the folds'
            sums of the condition's gradients, shape (size, example, fold, fold).
        number: subsets that have a direction, shape (size, fold, example).
        counts: samples of each fold.
        inference_samples: S_I; the nearest number of whole folds is taken, at most half of them.
    """
    num = len(counts)
    size_i = _folds_of_i(inference_samples, counts)
    rng = np.random.default_rng(0)
    order = rng.permuted(np.tile(np.arange(num), (ORDERS, 1)), axis=1)
    in_i = (order < size_i).astype(float)
    without = np.eye(num + 1)[:num]  # each fold is left out once, and none in the last column
    free = 1 - in_i @ without
    squared = ((in_i @ grams[1, 1]) * in_i).sum(-1)
    length_i = np.sqrt(np.where(squared > 0, squared, np.inf))  # (example, order)

    def with_i(vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the mean product of one fold's vectors with the directions of other folds."""
        allowed = (1 - in_i.T)[:, :, None] * free  # (fold, order, left out)
        allowed *= 1 - without[:, None, :]
        products = vectors @ in_i.T / length_i[:, None]  # (size, example, fold, order)
        total = np.einsum("segr,grf->sef", products, allowed, optimize=True)
        return _ratio(total, np.einsum("sge,grf->sef", weights, allowed, optimize=True))

    cosines = [with_i(directions, number)]
    for union in _unions(size_i):
        in_a = (order >= num - union).astype(float)
        squared = ((in_a @ grams[0, 0]) * in_a).sum(-1)
        length_a = np.sqrt(np.where(squared > 0, squared, np.inf))
        cosine = ((in_a @ grams[0, 1]) * in_i).sum(-1) / length_a / length_i
        left = free * (1 - in_a @ without)
        cosines.append((cosine @ left / left.sum(0))[None])
    means = grams[0, 1] / counts[:, None]
    product = with_i(means[None], np.ones((1, num, grams.shape[2])))[0]
    cosine = np.moveaxis(np.concatenate(cosines), 0, 1)
    return {
        "resampled_cosine": cosine[..., -1],
        "resampled_cosine_without": cosine[..., :-1],
        "unit_product": product[..., -1],
        "unit_product_without": product[..., :-1],
    }


def resampled_sizes(
    subsets: Sequence[int], counts: np.ndarray, inference_samples: int
) -> tuple[list[float], float]:
    """Return the S_A of the cosines that :func:`resample` returns, and their S_I."""
    mean_count, size_i = float(counts.mean()), _folds_of_i(inference_samples, counts)
    return [
        *map(float, subsets),
        *(union * mean_count for union in _unions(size_i)),
    ], size_i * mean_count


def _folds_of_i(inference_samples: int, counts: np.ndarray) -> int:
    return int(np.clip(round(inference_samples / counts.mean()), 1, len(counts) // 2))


def _unions(size_i: int) -> list[int]:
    return [union for union in UNIONS if union + size_i <= MOST]


def _ratio(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return a mean; NaN where no gradient has a direction."""
    return np.asarray(np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0))
