"""P(robust), equation (4): the probability over the sample sets that a prediction withstands."""

import pandas as pd
import xarray as xr

from pyrosnn.statistics import clopper_pearson, require_confidence
from pyrosnn.summaries.accuracy import with_intervals
from pyrosnn.summaries.evaluated import Evaluated, evaluation_of
from pyrosnn.summaries.reading import of_result

EVENTS = ("linear_condition", "adversarial_correct")


@of_result
def robust_probability(result: Evaluated, *, confidence: float = 0.95) -> xr.Dataset:
    r"""Estimate, for each image, the probability over (A, I) that it stays correct.

    Equation (4) of the paper is
    $\mathbb P(\min_{c \neq y} \tilde r_c^I > \|\delta^A\|)$ with both sides random. Each repeat
    has an independent pair (A, I), so the share of repeats estimates it, and the number is
    binomial. Different images of a block share their pairs: these intervals hold image by image;
    for the mean over images take :func:`robustness_table`.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
        confidence: confidence of the Clopper-Pearson intervals.

    Returns:
        ``probability``, ``low`` and ``high`` over ``event``, ``example``, ``strength``,
        ``attack_samples`` and ``inference_samples``. The events are ``linear_condition``,
        equation (4) as theorem 4.1 has it (the image is correct under A and I, too), and
        ``adversarial_correct``: the attack fails, whatever the condition says; it is alone for a
        classifier without gradients. With few repeats the intervals are wide: [0.48, 1] where all
        of 5 withstand.

    Raises:
        ArgumentError: for a confidence out of (0, 1).

    References:
        Däubener and Fischer (2022), equation (4); Clopper and Pearson (1934).

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=3), digits)
        >>> x, y = digits.test_images(20)
        >>> repeats = []
        >>> for repeat in range(4):
        ...     A, I = pyrosnn.disjoint_sample_sets(
        ...         bnn, x, attack=5, inference=20, seed=0, repeat=repeat
        ...     )
        ...     sets = {"attack_samples": A, "inference_samples": I}
        ...     repeats += [pyrosnn.evaluate(bnn, x, y, attack=pyrosnn.FGM(strength=0.4), **sets)]
        >>> values = pyrosnn.combine_repeats(repeats)
        >>> result = pyrosnn.make_result(values, study="mine", spec={}, provenance={})
        >>> found = robust_probability(result).squeeze()
        >>> sorted(set(found["probability"].values.ravel().tolist()) - {0, 0.25, 0.5, 0.75, 1})
        []
        >>> bool((found["low"] <= found["probability"]).all())
        True
    """
    events = _events(result)
    number = events.sizes["repeat"]
    counts = events.sum("repeat", dtype=int)
    low, high = clopper_pearson(counts.values, number, confidence=confidence)
    kept = {
        "probability": (counts / number, "probability over (A, I) that the prediction withstands"),
        "low": (counts.copy(data=low), "lower bound of its Clopper-Pearson interval"),
        "high": (counts.copy(data=high), "upper bound of its Clopper-Pearson interval"),
    }
    return xr.Dataset(
        {
            name: values.assign_attrs(long_name=text, units="1")
            for name, (values, text) in kept.items()
        },
        attrs={"repeats": number, "confidence": confidence},
    )


@of_result
def robustness_table(result: Evaluated, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return P(robust) of the data set: the mean over images, with an interval.

    ``adversarial_correct`` is measured: the share of attacked images that are right, which is the
    adversarial accuracy. ``linear_condition`` is linear theory: the share whose linear radius
    exceeds the length of δ, which may be far from what is measured where δ is large.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
        confidence: confidence of the interval.

    Returns:
        One row for each strength, S_A and S_I; for each event of :func:`robust_probability` a
        column with its mean, one with ``…_low`` and one with ``…_high``: the interval for fresh
        images and fresh sample sets, :func:`~pyrosnn.statistics.share.share_interval`.

    Raises:
        ArgumentError: for a confidence out of (0, 1).
    """
    require_confidence(confidence)
    events = _events(result)
    shares = {name: events.sel(event=name, drop=True) for name in events["event"].values.tolist()}
    table = with_intervals(shares, confidence=confidence)
    columns = [f"{name}{end}" for name in shares for end in ("", "_low", "_high")]
    frame: pd.DataFrame = table.to_dataframe(
        dim_order=["strength", "attack_samples", "inference_samples"]
    )
    return frame[columns]


def _events(result: Evaluated) -> xr.DataArray:
    """Return the events of every image in every repeat, along the dimension ``event``."""
    values = evaluation_of(result)
    known = [name for name in EVENTS if name in values]
    joined = xr.concat([values[name] for name in known], pd.Index(known, name="event"))
    return joined.drop_attrs().rename("robust")
