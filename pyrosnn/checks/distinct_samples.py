"""`distinct-samples`: no sample of A or of I is drawn more often than chance allows."""

from collections.abc import Callable
from functools import cache, partial

from scipy.stats import binom
from torch import Tensor

from pyrosnn.checks.equal_draws import (
    as_batches,
    chance_of_equality,
    fingerprints,
    independent,
)
from pyrosnn.checks.finding import Finding, in_percent
from pyrosnn.checks.trial import Trial
from pyrosnn.sampling import SampleSet, draw_sample_set

NAME = "distinct-samples"
# Fresh samples that tell how often independent draws are equal.
NUM_FRESH = 50
# Probability of so many equal samples in independent draws, below which they fail.
FAILURE_RATE = 1e-4


def distinct_samples(trial: Trial) -> Finding:
    """Count the samples that a set holds more than once, by value.

    A set that holds one sample many times averages fewer samples than it says. Few values of Θ,
    such as the members of an ensemble, repeat by chance: two samples are equal with probability 1 /
    members, or as often as independent entries of fresh samples are. Where noise is drawn for each
    image, samples are compared image by image, and as whole batches.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the larger share of samples, of A and of I, that repeat another.
    """
    num_members: int = getattr(trial.classifier, "num_members", 0)

    @cache
    def fresh() -> SampleSet:
        return draw_sample_set(trial.classifier, trial.x, NUM_FRESH, seed=trial.seed, stream=NAME)

    @cache
    def chance(together: bool) -> float:
        least = 1 / num_members if num_members else 0.0
        return max(chance_of_equality(fresh(), together=together), least)

    shares, repeated = {}, []
    for name, samples in zip("AI", trial.sets(), strict=True):
        values = fingerprints(samples)
        shares[name], probability = _repeats(values, partial(chance, False), independent(samples))
        if len(values) > 1:  # else a batch is an image
            _, of_batches = _repeats(as_batches(values), partial(chance, True), 1)
            probability = min(probability, of_batches)
        repeated += [name] if probability < FAILURE_RATE else []
    own = " at an image" if len(values) > 1 else ""
    name = max(repeated or shares, key=lambda of: shares[of])
    text = f"{in_percent(shares[name])} of the samples of {name} repeat another one{own} by value"
    if repeated:
        text += f": {name} averages fewer samples than it says"
    status = "fail" if repeated else "pass"
    return Finding(name=NAME, status=status, value=shares[name], message=text)


def _repeats(values: Tensor, chance: Callable[[], float], images: int) -> tuple[float, float]:
    """Return the share of samples that repeat another, and the probability of so many by chance.

    Args:
        values: fingerprints, shape (example, sample, site); the share is a mean over images.
        chance: returns the probability that two draws are equal; not asked where none are, as it
            takes long for the masks of a wide network.
        images: for how many images draws are independent.
    """
    number = values.shape[1]
    counts = [of.unique(dim=0, return_counts=True)[1].double() for of in values]
    pairs = number * (number - 1) / 2
    equal = sum(float((count * (count - 1) / 2).sum()) for count in counts) / len(counts)
    share = 1 - sum(map(len, counts)) / (len(counts) * number)
    if equal == 0:
        return share, 1.0
    # any at all has at most the expected number as its probability; of dependent pairs, as many
    # as there are disjoint ones count, and no more than the chance is known from
    rate = chance()
    disjoint, expected = images * (min(number, NUM_FRESH) // 2), images * pairs * rate
    by_chance = float(binom.sf(int(equal / pairs * disjoint) - 1, disjoint, rate))
    return share, min(expected, by_chance) if expected < 1 else by_chance
