"""Unbiased squares and products of mean gradients, and traces, from sums over units of samples."""

import numpy as np
import torch
from torch import Tensor


class Products:
    r"""Inner products within units of samples, by group.

    Products of different units are unbiased for those of the means: with the sums $G_u$ of units of
    $n_u$ samples, $\widehat{\|\mu\|^2} = (\|\sum_u G_u\|^2 - \sum_u \|G_u\|^2) / (S^2 - \sum_u
    n_u^2)$. Units of a single sample give the trace, $E \|g\|^2 - \|\mu\|^2$.

    Args:
        examples: number of images.
        groups: number of groups.

    Attributes:
        within: inner products of the units' sums, (2, 2, group, example) for attack and condition.
        alone: those of the units with a single sample.
        pairs: sum of squared sizes of the units, shape (group,).
        singles: number of units with a single sample, shape (group,).
    """

    def __init__(self, examples: int, groups: int):
        self.within, self.alone = np.zeros((2, 2, 2, groups, examples))
        self.pairs, self.singles = np.zeros((2, groups))

    def add(self, group: int, sums: Tensor, size: int) -> None:
        """Add a unit of samples.

        Args:
            group: its group.
            sums: sums of both gradients, shape (2, example, entry).
            size: its samples.
        """
        inner = torch.einsum("ind,jnd->ijn", sums, sums).cpu().numpy()
        self.within[:, :, group] += inner
        self.pairs[group] += size**2
        if size == 1:
            self.alone[:, :, group] += inner
            self.singles[group] += 1

    def moments(
        self, grams: np.ndarray, counts: np.ndarray, kept: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r"""Return unbiased ‖μ‖², tr Σ (example, direction) and ⟨μ_a, μ_c⟩ (example).

        Args:
            grams: inner products of the groups' sums, shape (2, 2, example, group, group).
            counts: samples of each group.
            kept: indices of the groups to take.
        """
        total = grams[..., kept, :][..., kept].sum((-2, -1))
        pairs = counts[kept].sum() ** 2 - self.pairs[kept].sum()
        unbiased = (total - self.within[:, :, kept].sum(2)) / pairs
        covariance = self.alone[:, :, kept].sum(2) / self.singles[kept].sum() - unbiased
        return (
            np.stack([unbiased[0, 0], unbiased[1, 1]], axis=-1),
            np.stack([covariance[0, 0], covariance[1, 1]], axis=-1),
            unbiased[0, 1],
        )
