"""`distinct-samples`: no sample of A or of I is drawn more often than chance allows."""

from scipy.stats import binom

from pyrosnn.checks.equal_draws import chance_of_equality, fingerprints
from pyrosnn.checks.finding import Finding
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
    members, or as often as independent entries of fresh samples are.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the larger share of samples, of A and of I, that repeat another.
    """
    fresh = draw_sample_set(trial.classifier, trial.x, NUM_FRESH, seed=trial.seed, stream=NAME)
    num_members: int = getattr(trial.classifier, "num_members", 0)
    chance = max(chance_of_equality(fresh), 1 / num_members if num_members else 0.0)
    shares, repeated = {}, []
    for name, samples in zip("AI", trial.sets(), strict=True):
        shares[name], probability = _repeats(samples, chance)
        repeated += [name] if probability < FAILURE_RATE else []
    name = max(repeated or shares, key=lambda of: shares[of])
    text = f"{shares[name]:.0%} of the samples of {name} repeat another one by value"
    if repeated:
        text += f": {name} averages fewer samples than it says"
    status = "fail" if repeated else "pass"
    return Finding(name=NAME, status=status, value=shares[name], message=text)


def _repeats(samples: SampleSet, chance: float) -> tuple[float, float]:
    """Return the share of samples that repeat another, and the probability of so many by chance."""
    number = len(samples)
    counts = fingerprints(samples).unique(dim=0, return_counts=True)[1].double()
    equal, pairs = float((counts * (counts - 1) / 2).sum()), number * (number - 1) / 2
    share = 1 - len(counts) / number
    if equal == 0:
        return share, 1.0
    # any at all has at most the expected number as its probability; of dependent pairs, as many
    # as there are disjoint ones count
    by_chance = float(binom.sf(int(equal / pairs * (number // 2)) - 1, number // 2, chance))
    return share, min(pairs * chance, by_chance) if pairs * chance < 1 else by_chance
