"""Samples that are equal in value, and how often independent draws are."""

import torch
from torch import Tensor

from pyrosnn.sampling import SampleSet


def fingerprints(samples: SampleSet) -> Tensor:
    """Return a number for each sample's values of each site, shape (sample, site), float64.

    It is a sum of the entries with the weights sin k. No combination of these with whole numbers
    is 0: masks of dropout that differ have other sums.
    """
    sums = []
    for name in sorted(samples.tensors):
        flat = samples.tensors[name].double().flatten(1)
        weights = torch.arange(1, flat.shape[1] + 1, dtype=flat.dtype, device=flat.device).sin()
        sums.append((flat * weights).sum(1))
    return torch.stack(sums, dim=1)


def chance_of_equality(samples: SampleSet) -> float:
    r"""Estimate the probability that two independent draws have equal values.

    Entries are taken as independent: it is the product over entries of the share of pairs of
    samples with the same value there, 0.5 for a fair bit. Entries that agree in all samples count
    once. For continuous values it is 0.

    Args:
        samples: independent draws.

    Returns:
        The probability; 0 for less than two samples.
    """
    number, chance = len(samples), 1.0
    pairs = number * (number - 1) / 2
    for values in samples.tensors.values():
        flat = values.flatten(1)
        if number < 2 or bool((_equal_pairs(flat) == 0).any()):
            return 0.0
        shares = _equal_pairs(flat.unique(dim=1)) / pairs
        chance *= float(shares.prod())
    return chance


def _equal_pairs(entries: Tensor) -> Tensor:
    """Count the pairs of rows with the same value in each column, shape (column,), float64.

    Each value in a sorted column makes a pair with those before it in its run.
    """
    ordered = entries.sort(0).values
    place = torch.arange(len(entries), device=entries.device).unsqueeze(1).expand(entries.shape)
    begins = torch.ones_like(ordered, dtype=torch.bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    first = torch.where(begins, place, 0).cummax(0).values
    return (place - first).sum(0).double()
