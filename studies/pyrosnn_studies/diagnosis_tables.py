"""What a diagnosis says: a verdict, and the tables behind it."""

import math

import numpy as np
import xarray as xr

from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import (
    Advice,
    advise,
    is_measured,
    loss_mismatch,
    mean_cosine,
    mean_reach,
    noise_factor,
    reachable_cosine,
    samples_needed,
)
from pyrosnn.tables import Table
from pyrosnn_studies.diagnosis_steps import conclusion_of_steps, tables_of_steps
from pyrosnn_studies.needs import needs
from pyrosnn_studies.tables import mean_and_sd, number, or_dash, robustness

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
ENOUGH = 0.9  # share of images whose number should be known within a factor 1.5
SURE = 2.25  # upper end over lower end, of what is known within a factor 1.5
USUAL = 20  # samples that attacks take where nobody asks how many are needed
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@needs("moments")
def verdict(result: xr.DataTree) -> str:
    """Return the advice in a sentence or two."""
    spec, moments = read_spec(result), result["moments"].dataset
    advice = advise(moments, share=spec["share"], inference_samples=spec["inference_samples"])
    images = moments.sizes["example"]
    if float(moments["direction_trace"].max()) == 0:
        return "No image has a gradient in any sample: more samples do not help this attack."
    if math.isinf(advice.samples):
        return (
            f"No number of samples is known to reach {spec['share']:.0%} of the reachable cosine: "
            f"the gradients of {advice.undetermined} of {images} images cannot be told from noise; "
            "take more --num-samples."
        )
    reached = mean_reach(moments, [USUAL], spec["inference_samples"]).item()
    interval = f"90 % interval {advice.low:,} to {advice.high:,}"
    if math.isinf(advice.high):
        interval = f"no fewer than {advice.low:,} with 95 %; no upper end is known"
    lines = [
        f"Attack with ≥ {advice.samples:,} samples ({interval}): "
        f"{spec['share']:.0%} of the reachable cosine, mean over images.",
        f"{USUAL} samples reach {reached:.0%} of it."
        + _left_out(moments, advice.undetermined, images),
        *_too_few(result, advice),
    ]
    return "\n".join(lines)


@needs()
def conclusion(result: xr.DataTree) -> str:
    """Return one sentence: which S_A to attack with, and whether the data allow to say so."""
    if "moments" not in result.children:
        return f"Verdict: {conclusion_of_steps(result)}"
    spec, moments = read_spec(result), result["moments"].dataset
    advice = advise(moments, share=spec["share"], inference_samples=spec["inference_samples"])
    images, number = moments.sizes["example"], spec["num_samples"]
    if float(moments["direction_trace"].max()) == 0:
        return "Verdict: no S_A helps, as no image has a gradient in any sample."
    data = f"{number:,} single samples of {images:,} image{'' if images == 1 else 's'}"
    if math.isinf(advice.samples):
        return f"Verdict: {data} do not tell which S_A is enough; take --num-samples {4 * number}."
    if advice.high < SURE * advice.low:
        return (
            f"Verdict: attack with --attack-samples {advice.samples}; {data} tell it within a "
            "factor 1.5."
        )
    safe = advice.samples if math.isinf(advice.high) else advice.high
    return (
        f"Verdict: attack with --attack-samples {safe} to be safe; {data} do not tell the number "
        f"within a factor 1.5, --num-samples {4 * number} may."
    )


def _left_out(moments: xr.Dataset, number: int, images: int) -> str:
    """Return how many images the means leave out, and why."""
    if not is_measured(moments):
        why = "whose gradients cannot be told from noise"
    elif number == 0:
        return ""
    else:
        why = "which have no gradient in some sample set"
    return f" Not counted: {number} of {images} images, {why}."


def _too_few(result: xr.DataTree, advice: Advice) -> list[str]:
    """Return what the single samples do not know, and how many would know it."""
    spec, moments = read_spec(result), result["moments"].dataset
    number = spec["num_samples"]
    more = f"use --num-samples {4 * number}."
    if is_measured(moments):
        if advice.high < SURE * advice.low:
            return []
        beyond = "" if advice.samples <= number else f", and no more than {number:,} were measured"
        return [
            f"From {number:,} single samples that is not known within a factor 1.5{beyond}; {more}"
        ]
    sure = _sure(samples_needed(moments, spec["share"]))
    if sure >= ENOUGH:
        return []
    return [
        f"From {number:,} single samples an image's own number is known within a factor 1.5 for "
        f"{sure:.0%} of the images, and the gradients of {advice.unclear} are within two standard "
        f"errors of noise; {more}"
    ]


def _sure(needed: xr.Dataset) -> float:
    """Return the share of images whose whole interval is within a factor 1.5 of its middle."""
    return float((needed["high"] < SURE * needed["low"]).mean())


def _by_size(result: xr.DataTree) -> Table:
    """Return what sizes of A reach, predicted and, where it was, measured."""
    spec, moments = read_spec(result), result["moments"].dataset
    size_i = spec["inference_samples"]
    sizes = sorted({*SIZES, *spec["attack_samples"]})
    cosine = mean_cosine(moments, sizes, size_i).values
    reach = mean_reach(moments, sizes, size_i).values
    doubled = mean_reach(moments, [2 * size for size in sizes], size_i).values
    values = result[GROUP].dataset["cosine"].isel(strength=-1, inference_samples=0)
    measured = values.mean("example", skipna=True)
    rows = []
    for index, size in enumerate(sizes):
        known = size in spec["attack_samples"]
        seen = number(*mean_and_sd(measured.sel(attack_samples=size))) if known else ""
        rows.append(
            [
                f"{size:,}",
                or_dash(100 * reach[index], ".1f"),
                or_dash(100 * (doubled[index] - reach[index]), "+.1f"),
                or_dash(cosine[index], ".3f"),
                seen,
                f"{size * spec['images']:,}",
            ]
        )
    ceiling = reachable_cosine(moments, size_i)
    return Table(
        title=(
            f"{verdict(result)}\n\nWhat S_A samples reach, S_I = {size_i:,}; "
            f"ceiling of the predicted cosine {or_dash(ceiling, '.3f')}"
        ),
        columns=[
            "S_A",
            "reach, %",
            "2 S_A adds, points",
            "predicted cosine",
            "measured",
            "gradients",
        ],
        rows=rows,
    )


def _parts(result: xr.DataTree) -> Table:
    """Return the factors of the cosine, means over images that are determined."""
    spec, moments = read_spec(result), result["moments"].dataset
    size_i = spec["inference_samples"]
    rows = [["loss mismatch", or_dash(float(loss_mismatch(moments).mean()), ".3f")]]
    for size in spec["attack_samples"]:
        factor = noise_factor(moments, "attack", [size]).mean()
        rows.append([f"attack noise, S_A = {size:,}", or_dash(float(factor), ".3f")])
    factor = noise_factor(moments, "condition", [size_i]).mean()
    rows.append([f"inference noise, S_I = {size_i:,}", or_dash(float(factor), ".3f")])
    return Table(
        title="What the cosine is a product of to first order, means over images",
        columns=["factor", "mean"],
        rows=rows,
    )


def _by_image(result: xr.DataTree) -> Table:
    """Return quantiles over images of the S_A that each needs, and how sure that is."""
    spec, moments = read_spec(result), result["moments"].dataset
    needed = samples_needed(moments, spec["share"])

    def cell(name: str, quantile: float) -> str:
        value = float(np.quantile(needed[name].values, quantile, method="inverted_cdf"))
        return "∞" if math.isinf(value) else f"{math.ceil(value):,}"

    return Table(
        title=(
            f"S_A that {spec['share']:.0%} of an image's reachable cosine needs; of single images "
            f"it is known within a factor 1.5 for {_sure(needed):.0%}"
        ),
        columns=["quantile over images", *[f"{q:.0%}" for q in QUANTILES]],
        rows=[
            [title, *[cell(name, q) for q in QUANTILES]]
            for name, title in (
                ("low", "lower end of 90 %"),
                ("needed", "estimate"),
                ("high", "upper end"),
            )
        ],
    )


@needs(GROUP)
def diagnosis_tables(result: xr.DataTree) -> list[Table]:
    """Return what a diagnosis ends with: sizes of A, what explains them, and P(robust)."""
    if "moments" not in result.children:
        return [*tables_of_steps(result), robustness(result)]
    explained = [_parts(result), _by_image(result)] if _is_gradient(result) else []
    return [_by_size(result), *explained, robustness(result)]


def _is_gradient(result: xr.DataTree) -> bool:
    """Whether the attack's direction is the gradient's, which the moments are of."""
    spec = read_spec(result)
    return bool(spec.get("norm", "l2") == "l2" and not spec.get("clip", False))
