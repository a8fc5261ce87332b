"""Unbiased squares and products of mean gradients, and traces, from sums over units of samples."""

import numpy as np
import torch
from torch import Tensor


class Products:
    r"""Inner products within units of samples, by group.

    With the sums $G_u$ of units of $n_u$ samples, S in all, products of different units are
    unbiased for those of the means, and those within units then give the trace:

    $$\widehat{\|\mu\|^2} = \frac{\|\sum_u G_u\|^2 - \sum_u \|G_u\|^2}{S^2 - \sum_u n_u^2}, \quad
    \widehat{\operatorname{tr} \Sigma}
    = \frac{\sum_u \|G_u\|^2 - \sum_u n_u^2\, \widehat{\|\mu\|^2}}{S}.$$

    Args:
        examples: number of images.
        groups: number of groups.

    Attributes:
        within: inner products of the units' sums, (2, 2, group, example) for attack and condition.
        pairs: sum of squared sizes of the units, shape (group,).
    """

    def __init__(self, examples: int, groups: int):
        self.within, self.pairs = np.zeros((2, 2, groups, examples)), np.zeros(groups)

    def add(self, group: int, sums: Tensor, size: int) -> None:
        """Add a unit of samples.

        Args:
            group: its group.
            sums: sums of both gradients, shape (2, example, entry).
            size: its samples.
        """
        self.within[:, :, group] += torch.einsum("ind,jnd->ijn", sums, sums).cpu().numpy()
        self.pairs[group] += size**2

    def moments(
        self, grams: np.ndarray, counts: np.ndarray, kept: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        r"""Return unbiased ‖μ‖², tr Σ (example, direction) and ⟨μ_a, μ_c⟩ (example).

        Args:
            grams: inner products of the groups' sums, shape (2, 2, example, group, group).
            counts: samples of each group.
            kept: indices of the groups to take.
        """
        total, number = grams[..., kept, :][..., kept].sum((-2, -1)), counts[kept].sum()
        within, pairs = self.within[:, :, kept].sum(2), self.pairs[kept].sum()
        unbiased = (total - within) / (number**2 - pairs)
        covariance = (within - pairs * unbiased) / number
        return (
            np.stack([unbiased[0, 0], unbiased[1, 1]], axis=-1),
            np.stack([covariance[0, 0], covariance[1, 1]], axis=-1),
            unbiased[0, 1],
        )
