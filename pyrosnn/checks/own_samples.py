"""`own-samples`: the attack is not judged on its own samples."""

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP, read_spec

NAME = "own-samples"
# Where A = I, cosines of a margin attack are 1 to float32 rounding, or to a compact file's 12 bits.
CLOSE, CLOSE_COMPACT = 1e-6, 2.5e-4
# Share of cosines that are 1 to these tolerances: independent sets of a noisy network have none.
WARN_ABOVE, FAIL_ABOVE = 0.1, 0.5
# Probability that independent sets agree on all images, below which agreement fails.
FAILURE_RATE = 1e-4


def own_samples(result: xr.DataTree) -> Finding:
    r"""Detect an attack that was judged on its own samples, in two ways.

    A margin attack that is judged on A has a cosine of 1: the share of such cosines counts where
    the attack is one unclipped ℓ2 step on the margin of the mean prediction. For any attack, A
    and I of one size that agree on the class of **every** clean image in every repeat are the
    same, if independent sets are known to differ: from how often I of different repeats do,
    n images and repeats would agree by chance with probability exp(-n · rate).

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the share of cosines that are 1, or of images that A and I
        disagree on.
    """
    values, spec = result[GROUP].dataset, read_spec(result)
    common = sorted(
        set(values["attack_samples"].values.tolist())
        & set(values["inference_samples"].values.tolist())
    )
    disagreement = _disagreement(values, common)
    if _has_identity(spec):
        shares = _shares_of_ones(values, CLOSE_COMPACT if "compact" in result.attrs else CLOSE)
        share = float(shares.mean())
        status = "fail" if share > FAIL_ABOVE else "warn" if share > WARN_ABOVE else "pass"
        text = f"{share:.1%} of the cosines are 1, as all of an attack on its own samples are"
        if status == "fail" and shares.min() <= WARN_ABOVE:
            status = "warn"  # few members drawn with replacement may be the same in A and I
            text += ", but not in every repeat; if members are few, split them: disjoint_members"
        if status != "pass" or disagreement is None:
            return Finding(name=NAME, status=status, value=share, message=text)
    if disagreement is None:
        return skipped(
            NAME,
            "needs a margin attack (one ℓ2 step), or S_A = S_I and two repeats; has neither",
        )
    observed, expected, number = disagreement
    if observed == 0 and np.exp(-number * expected) >= FAILURE_RATE:
        return skipped(NAME, "needs images that independent sets disagree on, has too few")
    text = f"A and I disagree on {observed:.2%} of the clean images, independent sets on "
    return Finding(
        name=NAME,
        status="fail" if observed == 0 else "pass",
        value=observed,
        message=f"{text}{expected:.2%}",
    )


def _has_identity(spec: dict[str, object]) -> bool:
    """Return whether the attack follows the gradient that defines the cosine."""
    wanted = {"attack": "fgm", "norm": "l2", "loss": "margin", "gradient": "mean_prediction"}
    return all(spec.get(key) == value for key, value in wanted.items()) and not spec.get("clip")


def _shares_of_ones(values: xr.Dataset, tolerance: float) -> np.ndarray:
    """Return the share of cosines that are 1, shape (repeat,), of the sizes with most of them."""
    cosine = values["cosine"]
    ones = (cosine > 1 - tolerance).sum(("example", "strength"))
    known = cosine.notnull().sum(("example", "strength"))
    shares = (ones / known.where(known > 0)).fillna(0.0)
    by_repeat = shares.transpose("repeat", ...).values.reshape(shares.sizes["repeat"], -1)
    largest: np.ndarray = by_repeat[:, by_repeat.mean(0).argmax()]
    return largest


def _disagreement(values: xr.Dataset, sizes: list[int]) -> tuple[float, float, int] | None:
    """Return the share of images that A and I disagree on, that of two I's, and the number."""
    repeats = values.sizes["repeat"]
    if not sizes or repeats < 2:
        return None
    inference = values["clean_correct"].sel(inference_samples=sizes[0])
    attack = values["attack_correct"].sel(attack_samples=sizes[0])
    correct = inference.mean("repeat")
    # of two repeats drawn without replacement
    expected = float((2 * correct * (1 - correct)).mean()) * repeats / (repeats - 1)
    return float((inference != attack).mean()), expected, inference.size
