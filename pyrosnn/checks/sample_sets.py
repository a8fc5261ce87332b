"""`disjoint-samples` and `random-attack`: A and I differ in value, and the attack uses A."""

from dataclasses import replace

import torch
from scipy.stats import binom
from torch import Tensor

from pyrosnn.attacks.norms import length
from pyrosnn.checks.equal_draws import (
    as_batches,
    chance_of_equality,
    fingerprints,
    independent,
)
from pyrosnn.checks.finding import Finding, in_percent, skipped
from pyrosnn.checks.trial import Trial
from pyrosnn.sampling import SampleSet, draw_sample_set, replay_logits

NAME = "disjoint-samples"
# δ's of other samples, relative to their length: rounding stays below.
SMALLEST_CHANGE = 1e-5
# Probability that independent draws are equal at so many indices, below which they fail.
FAILURE_RATE = 1e-4
# Fresh samples that tell how often independent draws are equal.
NUM_FRESH = 50
# Samples among which another value of each site is looked for.
NUM_OTHERS = 16


def disjoint_samples(trial: Trial) -> Finding:
    """Compare the values of A and I: sets of other origins may still be equal.

    A guide that seeds its own random numbers gives every stream the same samples, in the same
    order. Few values of Θ, such as the members of an ensemble or the masks of a dozen units, are
    drawn with replacement: A and I share them by chance, but no more at one index than at another,
    and, if I has each once, no more than independent entries do. Where noise is drawn for each
    image, A and I are compared image by image, and as whole batches.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of A's samples that I has, too, a mean over images.
    """
    attack, inference = (fingerprints(samples) for samples in trial.sets())
    equal = torch.stack(
        [(a.unsqueeze(1) == i.unsqueeze(0)).all(-1) for a, i in zip(attack, inference, strict=True)]
    )
    share = float(equal.any(2).double().mean())
    of_image = " of an image" if len(equal) > 1 else ""
    text = f"{in_percent(share)} of A's samples{of_image} are in I, too, by value"
    status = "pass" if share == 0 or _by_chance(trial, equal, inference) else "fail"
    if status == "pass" and share > 0:
        text += ": the classifier has few, drawn with replacement"
        if getattr(trial.classifier, "num_members", 0):
            text += " (disjoint_members splits them)"
    return Finding(name=NAME, status=status, value=share, message=text)


def _by_chance(trial: Trial, equal: Tensor, inference: Tensor) -> bool:
    """Return whether independent draws may be equal as often as those of A and I are.

    Args:
        trial: its classifier may have a number of members.
        equal: which samples of A and I are equal, shape (example, attack, inference).
        inference: fingerprints of the samples of I, shape (example, sample, site).
    """
    num_members: int = getattr(trial.classifier, "num_members", 0)
    fresh = draw_sample_set(trial.classifier, trial.x, NUM_FRESH, seed=trial.seed, stream=NAME)
    chance, images = chance_of_equality(fresh), independent(fresh)
    if not _is_by_chance(equal, inference, chance, images, num_members):
        return False
    # few values of an image are many of a batch: where A is I in another order, these are equal
    whole, chance = equal.all(0, keepdim=True), chance_of_equality(fresh, together=True)
    return len(equal) == 1 or _is_by_chance(whole, as_batches(inference), chance, 1, num_members)


def _is_by_chance(
    equal: Tensor, inference: Tensor, chance: float, images: int, num_members: int
) -> bool:
    """Return whether draws may be equal as often, given the chance that two of them are.

    Args:
        equal: see :func:`_by_chance`.
        inference: the same.
        chance: probability that two draws are equal.
        images: for how many images draws are independent.
        num_members: number of members; 0 for a classifier that has none.
    """
    mean = equal.sum(0).double() / len(equal)  # no copy of all of them as numbers
    pairs, number = mean.numel() * images, min(mean.shape)
    repeated = any(len(of.unique(dim=0)) < len(of) for of in inference)
    few = repeated or (len(inference[0]) == 1 and pairs * chance >= 1)
    if num_members < 1 and not few:
        return float(binom.sf(round(float(mean.sum()) * images) - 1, pairs, chance)) >= FAILURE_RATE
    same_index = float(mean.diagonal().sum())
    elsewhere = (float(mean.sum()) - same_index) / max(mean.numel() - number, 1)
    rate = max(elsewhere, 1 / num_members if num_members else chance)
    same = round(same_index * images)
    return float(binom.sf(same - 1, number * images, rate)) >= FAILURE_RATE


def random_attack(trial: Trial) -> Finding:
    """Check whether δ depends on every sample site that the outputs depend on.

    An attack on a deterministic network (dropout switched off, mean weights) gives the same δ
    for other samples. One sample of A at a time is replaced, one site at a time.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the smallest share, over sites, of images whose δ changes.
    """
    name = "random-attack"
    first, others = trial.sets()[0][:1].load(), trial.sets(1)[0][:NUM_OTHERS].load()
    before, delta = replay_logits(trial.classifier, trial.x, first), _perturbation(trial, first)
    if bool((delta == 0).all()):
        return skipped(name, "needs an image with a gradient, all have a zero gradient")
    shares = {}
    for site in first.tensors:
        mixed = {**first.tensors, site: _another(others.tensors[site], first.tensors[site])}
        other = replace(first, stored=mixed)
        if torch.equal(before, replay_logits(trial.classifier, trial.x, other)):
            continue
        change = length(_perturbation(trial, other) - delta)
        # a site of dropout may leave an image's mask as it was: all images together count
        shares[site] = float((change > SMALLEST_CHANGE * length(delta)).double().mean())
    if not shares:
        return skipped(name, "needs a site that changes the outputs, has none")
    site = min(shares, key=lambda key: shares[key])
    share = shares[site]
    text = f"δ of {share:.0%} of the images changes with the site '{site}'"
    status = "fail" if share == 0 else "warn" if share < 0.5 else "pass"
    return Finding(name=name, status=status, value=share, message=text)


def _another(values: Tensor, than: Tensor) -> Tensor:
    """Return the first of some values that is another; the very first if all are the same.

    The members of a small ensemble come up again and again.
    """
    differ = (values != than).flatten(1).any(1)
    place = int(differ.int().argmax())
    return values[place : place + 1]


def _perturbation(trial: Trial, samples: SampleSet) -> Tensor:
    return trial.one_step(trial.classifier, trial.x, trial.y, samples).perturbation
