"""`disjoint-samples` and `random-attack`: A and I differ in value, and the attack uses A."""

from dataclasses import replace

import torch
from torch import Tensor

from pyrosnn.attacks.norms import length
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.trial import Trial
from pyrosnn.sampling import SampleSet, replay_logits

# δ's of other samples, relative to their length: rounding stays below.
SMALLEST_CHANGE = 1e-5


def disjoint_samples(trial: Trial) -> Finding:
    """Compare the values of A and I: sets of other origins may still be equal.

    A guide that seeds its own random numbers gives every stream the same samples.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of A's samples that I has, too.
    """
    attack, inference = (_rows(samples) for samples in trial.sets())
    shared = (attack.unsqueeze(1) == inference.unsqueeze(0)).all(-1).any(1)
    share = float(shared.double().mean())
    text = f"{share:.0%} of A's samples are in I, too, by value"
    status = "fail" if share > 0 else "pass"
    return Finding(name="disjoint-samples", status=status, value=share, message=text)


def _rows(samples: SampleSet) -> Tensor:
    """Return two sums of each sample's values for each site, shape (sample, sums), float64."""
    sums = []
    for name in sorted(samples.tensors):
        flat = samples.tensors[name].double().flatten(1)
        places = torch.linspace(1.0, 2.0, flat.shape[1], dtype=flat.dtype, device=flat.device)
        sums += [flat.sum(1), (flat * places).sum(1)]
    return torch.stack(sums, dim=1)


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
    first, second = trial.sets()[0][:1].load(), trial.sets(1)[0][:1].load()
    before, delta = replay_logits(trial.classifier, trial.x, first), _perturbation(trial, first)
    if bool((delta == 0).all()):
        return skipped(name, "needs an image with a gradient, all have a zero gradient")
    shares = {}
    for site in first.tensors:
        mixed = {**first.tensors, site: second.tensors[site]}
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


def _perturbation(trial: Trial, samples: SampleSet) -> Tensor:
    return trial.one_step(trial.classifier, trial.x, trial.y, samples).perturbation
