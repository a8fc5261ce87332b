"""Moments of gradients that a test made itself."""

import numpy as np
import torch
import xarray as xr

from pyrosnn.evaluation.attack_moments import NUM_GROUPS, estimate
from pyrosnn.evaluation.products import Products
from pyrosnn.results import make_dataset


def moments_of(
    attack: np.ndarray, condition: np.ndarray, *, alone: int | None = None
) -> xr.Dataset:
    """Return moments of given gradients, each of shape (sample, example, entry).

    Args:
        attack: gradients of the attack.
        condition: gradients of the condition.
        alone: samples of each group that come one by one, and all others together; None for all.
    """
    both = np.stack([attack, condition])
    number = both.shape[1]
    counts = np.bincount(np.arange(number) % NUM_GROUPS)
    groups = np.repeat(np.arange(NUM_GROUPS), counts)
    sums = np.stack([both[:, groups == g].sum(1) for g in range(NUM_GROUPS)], 1)
    products = Products(both.shape[2], NUM_GROUPS)
    for g in range(NUM_GROUPS):
        own = both[:, groups == g]
        singles = own.shape[1] if alone is None else alone
        units = [own[:, [s]] for s in range(singles)]
        for unit in [*units, own[:, singles:]] if alone is not None else units:
            products.add(g, torch.from_numpy(unit.sum(1)), unit.shape[1])
    grams = np.einsum("ignd,jhnd->ijngh", sums, sums)
    coords = {"direction": ["attack", "condition"], "fold": np.arange(NUM_GROUPS)}
    return make_dataset(estimate(grams, products, counts), coords)
