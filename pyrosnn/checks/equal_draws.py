"""Samples that are equal in value, and how often independent draws are.

Noise of each image is compared image by image: two samples of a batch are hardly ever equal at all
of its images, however few values there are.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from pyrosnn.sampling import SampleSet


def num_compared(samples: SampleSet) -> int:
    """Return the number of images that samples differ between; 1 where all share their values."""
    return max((value.shape[1] for value in samples.tensors.values()), default=1)


def as_batches(values: Tensor) -> Tensor:
    """Return fingerprints of whole batches, shape (1, sample, site of each image)."""
    return values.transpose(0, 1).flatten(1).unsqueeze(0)


def independent(samples: SampleSet) -> int:
    """Return for how many images samples are drawn independently: 1 where they share a site."""
    alone = all(value.shape[1] > 1 for value in samples.tensors.values())
    return num_compared(samples) if alone else 1


def fingerprints(samples: SampleSet) -> Tensor:
    """Return a number for the values of each site, shape (example, sample, site), float64.

    The axis of the images has size 1 where all sites are shared. The number is a sum of the entries
    with the weights sin k. No combination of these with whole numbers is 0: masks of dropout that
    differ have other sums.
    """
    sums = []
    for name in sorted(samples.tensors):
        value = samples.tensors[name].double()
        flat = value.reshape(*value.shape[:2], math.prod(value.shape[2:]))
        weights = torch.arange(1, flat.shape[2] + 1, dtype=flat.dtype, device=flat.device).sin()
        sums.append((flat * weights).sum(2).expand(-1, num_compared(samples)))
    return torch.stack(sums, dim=2).transpose(0, 1)


def chance_of_equality(samples: SampleSet, *, together: bool = False) -> float:
    r"""Estimate the probability that two independent draws have equal values, at one image.

    Entries are taken as independent: it is the product over entries of the share of pairs of
    samples with the same value there, 0.5 for a fair bit. Entries that agree in all samples count
    once. For continuous values it is 0.

    Args:
        samples: independent draws.
        together: the probability that they are equal at all images, instead of the mean over
            images of that at one.

    Returns:
        The probability; 0 for less than two samples.
    """
    if len(samples) < 2:
        return 0.0
    values = list(samples.tensors.values())
    if together:
        return _chance(values)
    shared = _chance(value[:, 0] for value in values if value.shape[1] == 1)
    own = [value for value in values if value.shape[1] != 1]
    by_image = [_chance(value[:, image] for value in own) for image in range(num_compared(samples))]
    return shared * sum(by_image) / len(by_image)


def _chance(sites: Iterable[Tensor]) -> float:
    """Return the probability of equal values of all of some sites, shape (sample, …) each."""
    chance = 1.0
    for values in sites:
        number = len(values)
        flat = values.reshape(number, math.prod(values.shape[1:]))
        if bool((_equal_pairs(flat) == 0).any()):
            return 0.0
        shares = _equal_pairs(flat.unique(dim=1)) / (number * (number - 1) / 2)
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
