"""The paper's four claims as statistical statements on result files."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from pyrosnn.conditions import expected_cosine
from pyrosnn.outputs import find_output
from pyrosnn.results import GROUP, read_provenance
from pyrosnn.statistics import student_quantile
from pyrosnn.summaries import (
    accuracies,
    accuracy_on_clean,
    geometry_means,
    paired_differences,
)

STRENGTH = 1.5
GAP = 0.001  # a cosine within this of 1, an angle below 2.6 degrees, is called 1
Results = Mapping[str, xr.DataTree]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement about one model or pair of models.

    Attributes:
        claim: i, ii, iii or iv.
        about: models and settings compared.
        statement: what is claimed of the number.
        effect: the estimate.
        low, high: its 95 % interval.
        effect_size: mean over standard deviation of the paired differences, NaN if none.
        holds: whether the whole interval agrees with the statement.
    """

    claim: str
    about: str
    statement: str
    effect: float
    low: float
    high: float
    effect_size: float
    holds: bool


def more_attack_samples(results: Results, model: str) -> list[Claim]:
    """Return claim (i): each larger S_A lowers the accuracy, paired over repeats."""
    adversarial = accuracies(results[f"sample-size-{model}"])["adversarial"]
    adversarial = adversarial.sel(strength=STRENGTH).isel(inference_samples=-1, drop=True)
    sizes = [int(size) for size in adversarial["attack_samples"].values]
    claims = []
    for smaller, larger in pairwise(sizes):
        pair = adversarial.sel(attack_samples=[smaller, larger])
        differences = paired_differences(pair, "attack_samples", reference=smaller)
        at = differences.sel(attack_samples=larger)
        claims.append(_claim("i", f"{model}, S_A {smaller} → {larger}", "accuracy falls", at, "<"))
    return claims


def cosine_below_one(results: Results, model: str) -> list[Claim]:
    """Return claim (ii): the gap of the cosine to 1 at the largest S_A, and its limit.

    Both over the images that every A and I of the study has right, where true and predicted
    labels are the same. The measured angle is to the nearest class, over repeats; the limit for
    infinitely many attack samples is the closed form's, for the runner-up class, over images.
    """
    result = results[f"sample-size-{model}"]
    values = result[GROUP].dataset.isel(inference_samples=-1, drop=True)
    right = values["clean_correct"].all("repeat")
    right &= values["attack_correct"].all(("repeat", "attack_samples"))
    cosine = values["cosine"].sel(strength=STRENGTH).isel(attack_samples=-1)
    measured = cosine.where(right).mean("example")
    size = int(cosine["attack_samples"])
    limit = limit_cosines(results[f"prediction-variance-{model}"], _inference_samples(result))
    limit = limit.where(right).dropna("example")
    return [
        _gap(f"{model}, S_A = {size}", "1 - cosine > 0.001", measured.values),
        _gap(
            f"{model}, S_A → ∞, closed form, {limit.sizes['example']} images",
            "1 - cosine > 0.001 (over images)",
            limit.values,
        ),
    ]


def _gap(about: str, statement: str, cosines: np.ndarray) -> Claim:
    mean, low, high = _interval(1 - cosines)
    return Claim(
        claim="ii",
        about=about,
        statement=statement,
        effect=mean,
        low=low,
        high=high,
        effect_size=math.nan,
        holds=low > GAP,
    )


def limit_cosines(result: xr.DataTree, inference_samples: float | int) -> xr.DataArray:
    """Return each image's expected cosine for infinitely many attack samples.

    A cross-entropy attack on mean probabilities goes along the mean gradient of f_y, a margin
    attack along the condition's own. NaN for images whose estimated ‖μ‖² is not positive.

    Args:
        result: a result of ``prediction-variance``.
        inference_samples: S_I.
    """
    values = result["variation"].dataset
    margin = values.sel(gradient="margin", drop=True)
    along, alignment = margin, margin["gradient_square"]
    if find_output(read_provenance(result)["output"]).loss == "cross-entropy":
        along, alignment = values.sel(gradient="label", drop=True), values["alignment"]
    cosines = expected_cosine(
        alignment=alignment.values,
        attack_square=along["gradient_square"].values,
        attack_trace=along["gradient_trace"].values,
        inference_square=margin["gradient_square"].values,
        inference_trace=margin["gradient_trace"].values,
        attack_samples=math.inf,
        inference_samples=inference_samples,
    )
    return margin["gradient_square"].copy(data=cosines)


def inference_samples_do_not_matter(results: Results, model: str) -> list[Claim]:
    """Return claim (iii): accuracy and norm × cosine against S_I, paired on images and attack."""
    result = results[f"inference-size-{model}"]
    slope = geometry_means(result)["slope"]
    compared = {
        "raw accuracy equal within 1 point": (accuracies(result)["adversarial"], 0.01),
        "accuracy of clean-correct equal within 1 point": (accuracy_on_clean(result), 0.01),
        "norm × cosine equal within 5 %": (
            slope / slope.isel(inference_samples=-1, drop=True),
            0.05,
        ),
    }
    sizes = [int(size) for size in slope["inference_samples"].values]
    claims = []
    for size in sizes[:-1]:
        about = f"{model}, S_I {size} against {sizes[-1]}"
        for statement, (values, equal) in compared.items():
            at = values.isel(attack_samples=-1, drop=True).sel(strength=STRENGTH)
            differences = paired_differences(at, "inference_samples").sel(inference_samples=size)
            claims.append(_claim("iii", about, statement, differences, "=", equal=equal))
    return claims


def variance_protects(results: Results, calm: str, varied: str) -> list[Claim]:
    """Return claim (iv): the model whose gradient varies more has lower cosines, and withstands.

    Args:
        results: the files by name.
        calm: the model of the smaller variance.
        varied: the model of the larger variance.
    """
    about = f"{varied} - {calm}"
    moments = [
        results[f"prediction-variance-{model}"]["variation"]
        .dataset.sel(gradient="label", drop=True)
        .drop_vars("label")
        .rename(example="repeat")  # the paired differences are over images here
        for model in (calm, varied)
    ]
    noise = []  # a scale-free spread: gradients of logits have no common unit
    for variation in moments:
        scale = variation["gradient_trace"] / variation["gradient_square"].where(
            variation["gradient_square"] > 0
        )
        noise.append(scale.copy(data=np.log(scale.to_numpy())))
    claims = []
    for spread, statement in (
        (
            [variation["gradient_entry_std"] for variation in moments],
            "higher standard deviation of the gradient (over images)",
        ),
        (noise, "larger noise scale tr Σ / ‖μ‖² (difference of logarithms, over images)"),
    ):
        differences = _differences([values.dropna("repeat") for values in spread])
        claims.append(_claim("iv", about, statement, differences, ">"))
    for means, name, statement, sign in (
        (geometry_means, "cosine", "lower cosine at S_A = 100", "<"),
        (accuracies, "adversarial", "higher adversarial accuracy at S_A = 100", ">"),
    ):
        pair = [
            means(results[f"sample-size-{model}"])[name]
            .isel(inference_samples=-1, drop=True)
            .sel(strength=STRENGTH, attack_samples=100, drop=True)
            for model in (calm, varied)
        ]
        claims.append(_claim("iv", about, statement, _differences(pair), sign))
    return claims


def all_claims(results: Results) -> list[Claim]:
    """Return the four claims on all models of the reproduction."""
    models = ("bnn", "im", "sin-0.05", "sin-0.1")
    return [
        *(claim for model in models for claim in more_attack_samples(results, model)),
        *(claim for model in models for claim in cosine_below_one(results, model)),
        *(claim for model in models for claim in inference_samples_do_not_matter(results, model)),
        *variance_protects(results, "bnn", "im"),
        *variance_protects(results, "sin-0.05", "sin-0.1"),
    ]


def _differences(pair: Sequence[xr.DataArray]) -> xr.Dataset:
    """Compare the second of two arrays with the first, where both are defined."""
    aligned = xr.align(*pair, join="inner")
    both: xr.DataArray = xr.concat(list(aligned), dim="model").assign_coords(model=[0, 1])
    return paired_differences(both, "model", reference=0).sel(model=1)


def _claim(
    claim: str, about: str, statement: str, differences: xr.Dataset, sign: str, equal: float = 0.0
) -> Claim:
    low, high = float(differences["low"]), float(differences["high"])
    agrees = {"<": high < 0, ">": low > 0, "=": -equal < low and high < equal}
    return Claim(
        claim=claim,
        about=about,
        statement=statement,
        effect=float(differences["difference"]),
        low=low,
        high=high,
        effect_size=float(differences["effect_size"]),
        holds=agrees[sign],
    )


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return mean and Student's 95 % interval."""
    mean = float(values.mean())
    sd, number = values.std(ddof=1), len(values)  # of equal values 0, and so is the width
    reach = float(student_quantile(0.95, number - 1) * sd / math.sqrt(number))
    return mean, mean - reach, mean + reach


def _inference_samples(result: xr.DataTree) -> int:
    return int(result[GROUP].dataset["inference_samples"].values[-1])
