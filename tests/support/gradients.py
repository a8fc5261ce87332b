"""Moments of gradients that a test made itself."""

import numpy as np
import xarray as xr

from pyrosnn.evaluation.attack_moments import NUM_GROUPS, estimate
from pyrosnn.results import make_dataset


def moments_of(attack: np.ndarray, condition: np.ndarray) -> xr.Dataset:
    """Return moments of given gradients, each of shape (sample, example, entry)."""
    both = np.stack([attack, condition])
    number = both.shape[1]
    counts = np.bincount(np.arange(number) % NUM_GROUPS)
    groups = np.repeat(np.arange(NUM_GROUPS), counts)
    sums = np.stack([both[:, groups == g].sum(1) for g in range(NUM_GROUPS)], 1)
    inner = np.einsum("isnd,jsnd->ijsn", both, both)
    products = np.stack([inner[:, :, groups == g].sum(2) for g in range(NUM_GROUPS)], 2)
    grams = np.einsum("ignd,jhnd->ijngh", sums, sums)
    coords = {"direction": ["attack", "condition"], "fold": np.arange(NUM_GROUPS)}
    return make_dataset(estimate(grams, products, number), coords)
