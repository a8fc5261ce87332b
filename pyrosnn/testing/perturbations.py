"""Guarantees about an attack's δ: within strength and bounds, finite, and repeatable."""

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import pyrosnn.attacks
from pyrosnn.attacks import Attack, AttackResult
from pyrosnn.attacks.norms import length
from pyrosnn.errors import NotFiniteError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, draw_sample_set

NUM_SAMPLES = 3
ROUNDING: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}


def attack_set(classifier: StochasticClassifier, x: Tensor) -> SampleSet:
    """Return a small attack set."""
    return draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="attack")


def _require_within(attack: Attack, result: AttackResult) -> None:
    """Require that no δ is longer than the strength, and that the recorded norms are true."""
    delta = result.perturbation
    norm = attack.norms[attack.norm].measure(delta)
    longest = float(norm.max())
    allowed = attack.strength * (1 + 1e-4)
    assert longest <= allowed, f"a δ has the norm {longest:g}, the strength is {attack.strength:g}"
    torch.testing.assert_close(result.norm, norm, **ROUNDING)
    torch.testing.assert_close(result.length, length(delta), **ROUNDING)


def within_strength(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """No δ is longer than the strength, and the norms of a result are those of its δ."""
    _require_within(attack, attack(classifier, x, y, attack_set(classifier, x)))


def finite(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """Every δ is finite, like the images, and some are not zero."""
    if attack.minimises_norm:  # of an image that is misclassified at x the shortest δ is 0
        attack = replace(attack, labels="predicted")
    try:
        delta = attack(classifier, x, y, attack_set(classifier, x)).perturbation
    except NotFiniteError as error:
        raise AssertionError(str(error)) from error
    assert delta.shape == x.shape, f"δ has shape {tuple(delta.shape)}, not {tuple(x.shape)}"
    assert delta.dtype == x.dtype, f"δ has dtype {delta.dtype}, not {x.dtype}"
    assert bool(torch.isfinite(delta).all()), "a δ is NaN or infinite"
    assert bool(delta.any()), "every δ is zero"


def clip(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """If x is in bounds, x + δ stays within the clipping bounds, and δ within the strength."""
    low, high = float(x.quantile(0.2)), float(x.quantile(0.8))
    inside, bounded = x.clamp(low, high), replace(attack, clip=(low, high))
    result = bounded(classifier, inside, y, attack_set(classifier, x))
    moved, rounding = inside + result.perturbation, 1e-6 * (high - low)
    assert float(moved.min()) >= low - rounding, f"a pixel is {moved.min():g}, below {low:g}"
    assert float(moved.max()) <= high + rounding, f"a pixel is {moved.max():g}, above {high:g}"
    _require_within(bounded, result)


def zero_strength(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """A strength of 0 gives δ = 0, clipped or not."""
    for bounds in (None, (float(x.min()) - 1, float(x.max()) + 1)):
        still = replace(attack, strength=0.0, clip=bounds)
        result = still(classifier, x, y, attack_set(classifier, x))
        assert not bool(result.perturbation.any()), "a strength of 0 moves an image"
        assert not bool(result.norm.any()), "a δ of 0 has a norm"


def repeats(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """The seed of A decides δ, whatever random numbers are drawn meanwhile."""
    first = attack(classifier, x, y, attack_set(classifier, x))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1234)
        again = attack(copy.deepcopy(classifier), x.clone(), y, attack_set(classifier, x))
    assert torch.equal(first.perturbation, again.perturbation), "the same seed gives another δ"
    assert first.origin == again.origin, f"origins differ: {first.origin}, {again.origin}"


def sweep(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """A sweep over strengths gives the results of single attacks."""
    strengths = [0.0, attack.strength / 2, attack.strength]
    samples = attack_set(classifier, x)
    together = attack.sweep(classifier, x, y, samples, strengths)
    for strength, swept in zip(strengths, together, strict=True):
        alone = replace(attack, strength=strength)(classifier, x, y, samples)
        torch.testing.assert_close(swept.perturbation, alone.perturbation, **ROUNDING)
        torch.testing.assert_close(swept.norm, alone.norm, **ROUNDING)
        assert torch.equal(swept.zero_gradient, alone.zero_gradient), "flags differ in a sweep"
        assert torch.equal(swept.correct, alone.correct), "flags differ in a sweep"
        counts = (swept.num_gradients, swept.num_queries, swept.origin)
        assert counts == (alone.num_gradients, alone.num_queries, alone.origin)


def printed(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """An attack prints as the expression that makes it."""
    names = {**vars(pyrosnn.attacks), type(attack).__name__: type(attack)}
    again = eval(repr(attack), names)
    assert again == attack, f"{attack!r} evaluates to {again!r}"
