r"""Measured cosines of attack sets of many sizes, by resampling the gradients of single samples.

A set's gradient is the sum of its samples'. Disjoint subsets of a fold of samples stand for small
attack sets, unions of folds for large ones, up to all samples. Each direction is measured with
every inference set, as an evaluation would do it. No sample is on both sides.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pyrosnn.attacks.norms import unit
from pyrosnn.evaluation.inference_sets import InferenceSets

SIZES = (1, 2, 5, 10, 20, 50, 100)
PER_FOLD = 4  # subsets of each size that a fold is asked for: more would cost more than they tell
UNIONS = (1, 2, 5, 10)  # folds in an attack set
TOGETHER = 16  # unions that are measured at once
# Random divisions of the folds into such unions: without a fold there are half as many halves.
PARTITIONS = {1: 1, 2: 2, 5: 10, 10: 40}


class Resampling:
    """The cosines of resampled attack sets.

    Args:
        x: images, shape (example, *image).
        counts: samples of each fold; they come fold by fold.
        sets: what inference sets see.
        direction: from a gradient, shape (example, *image), to δ at any length.
    """

    def __init__(
        self,
        x: Tensor,
        counts: np.ndarray,
        sets: InferenceSets,
        direction: Callable[[Tensor], Tensor],
    ):
        self._sets, self._direction = sets, direction
        self._counts = counts
        self._small = [size for size in SIZES if 2 * size <= counts.min()]
        self.sums = x.new_zeros((len(counts), *x.shape), dtype=torch.float64)
        self._parts = x.new_zeros((len(self._small), *x.shape), dtype=torch.float64)
        self._directions: list[tuple[int, Tensor]] = []
        self._fold, self._index = 0, 0
        shape = (len(self._small), len(counts), len(x))
        self._totals, self._numbers = np.zeros(shape), np.zeros(shape)

    def stops(self) -> list[int]:
        """Return numbers of samples at which a subset that is measured ends, or a fold."""
        found, start = set[int](), 0
        for count in self._counts.tolist():
            ends = {n * size for size in self._small for n in range(1, PER_FOLD + 1)}
            found |= {start + end for end in ends if end < count}
            start += count
            found.add(start)
        return sorted(found)

    def add(self, gradient: Tensor, number: int = 1) -> int:
        """Add the next samples, which end no later than a subset or a fold does.

        Args:
            gradient: sum of their gradients, shape (example, *image).
            number: how many they are.

        Returns:
            Their fold.
        """
        fold = self._fold
        self.sums[fold] += gradient
        self._parts += gradient
        self._index += number
        for row, size in enumerate(self._small):
            subset, left = divmod(self._index, size)
            if left == 0:
                if subset <= PER_FOLD and number <= size:
                    self._directions.append((row, self._unit(self._parts[row])))
                self._parts[row].zero_()
        if self._index == self._counts[fold]:
            self._measure(fold)
            self._parts.zero_()  # what no subset was left for
            self._fold, self._index = fold + 1, 0
        return fold

    def _unit(self, gradient: Tensor) -> Tensor:
        return unit(self._direction(gradient))

    def _measure(self, fold: int) -> None:
        """Measure the subsets of a fold."""
        rows = [row for row, _ in self._directions]
        total, number = self._cosines(torch.stack([one for _, one in self._directions]))
        np.add.at(self._totals[:, fold], rows, total)
        np.add.at(self._numbers[:, fold], rows, number)
        self._directions = []

    def _cosines(self, directions: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return sums over inference sets, and how many are defined: (direction, example)."""
        cosines = self._sets.cosines(directions)
        known = ~cosines.isnan()
        return cosines.nan_to_num().sum(1).cpu().numpy(), known.sum(1).cpu().numpy()

    def values(self) -> tuple[list[float], dict[str, np.ndarray]]:
        """Return the sizes, and the cosines of each image: with all folds, and without each."""
        folds = len(self._counts)
        without = 1 - np.eye(folds)  # (fold, left out)
        means = [_means(t, n, without) for t, n in zip(self._totals, self._numbers, strict=True)]
        sizes: list[float] = list(map(float, self._small))
        rng = np.random.default_rng(0)
        for union in UNIONS:
            members = np.concatenate(
                [_partition(rng, folds, union) for _ in range(PARTITIONS[union])]
            )
            means.append(_means(*self._of_unions(members), (members == 0).astype(float)))
            sizes.append(union * float(self._counts.mean()))
        means.append(self._of_all())
        sizes.append(float(self._counts.sum()))
        return sizes, {
            "resampled_cosine": np.stack([mean for mean, _ in means], 1),
            "resampled_cosine_without": np.stack([left for _, left in means], 1),
        }

    def _of_unions(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what :meth:`_cosines` does, of unions of folds: (union, fold)."""
        parts = []
        for rows in torch.from_numpy(members).to(self.sums.device).split(TOGETHER):
            sums = (rows @ self.sums.flatten(1)).unflatten(1, self.sums.shape[1:])
            parts.append(self._cosines(torch.stack([self._unit(one) for one in sums])))
        totals, numbers = zip(*parts, strict=True)
        return np.concatenate(totals), np.concatenate(numbers)

    def _of_all(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the cosines of all samples; without a fold, those of fewer, moved to the mean."""
        folds = len(self._counts)
        total, number = self._of_unions(np.concatenate([np.ones((1, folds)), 1 - np.eye(folds)]))
        cosines = _ratio(total, number)
        left = cosines[1:].T
        return cosines[0], left - left.mean(-1, keepdims=True) + cosines[0][:, None]


def _partition(rng: np.random.Generator, folds: int, union: int) -> np.ndarray:
    """Return a random division of the folds into unions, shape (union, fold)."""
    order = rng.permutation(folds).reshape(-1, union)
    return np.stack([np.isin(np.arange(folds), row) for row in order]).astype(float)


def _means(
    total: np.ndarray, number: np.ndarray, without: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return means over sets: of each image (example), and without each fold (example, fold).

    Args:
        total: sums of cosines, shape (attack set, example).
        number: how many they are, likewise.
        without: which of the attack sets have no sample of a fold, shape (attack set, fold).
    """
    return _ratio(total.sum(0), number.sum(0)), _ratio(total.T @ without, number.T @ without)


def _ratio(total: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return a mean; NaN where no gradient has a direction."""
    return np.asarray(np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0))
