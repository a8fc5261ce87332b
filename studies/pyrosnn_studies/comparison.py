"""What `pyrosnn compare` shows: tables of two models side by side, and what they say."""

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from pyrosnn.settings import checked_arguments, reads
from pyrosnn.summaries import Comparison
from pyrosnn.tables import Cell, Number, Table

# an error of the law, in units of the reachable cosine, that makes its shares rough
ROUGH = 0.05
_of_comparison = reads("the comparison", "give what compare_results returned, and two names")


@_of_comparison
def comparison_tables(
    compared: Comparison,
    by_size: pd.DataFrame,
    by_reach: pd.DataFrame,
    names: list[str],
    confidence: float,
) -> list[Table]:
    """Return the tables: every strength, cosines, equal S_A, and equal share if there is a fit.

    Args:
        compared: the two results.
        by_size: what ``compared.at_equal_size`` gave.
        by_reach: what ``compared.at_equal_reach`` gave.
        names: the two models' names.
        confidence: confidence of the intervals in all.
    """
    level = f"{100 * confidence:g} %"
    by_strength = compared.at_every_strength(confidence=confidence)
    tables = [_strengths(by_strength, compared, names, level), _fits(compared, names)]
    if len(by_size) > 0:
        tables.append(_sizes(by_size, compared, names, level))
    if by_reach[["first_samples", "second_samples"]].notna().any(axis=None):
        tables.append(_shares(by_reach, compared, names, level))
    return tables


def _strengths(table: pd.DataFrame, compared: Comparison, names: list[str], level: str) -> Table:
    """Return the comparison without attack, and at every strength."""
    sizes = compared.sizes
    attacked = f"under attack with S_A = {sizes[-1]:,}" if sizes else "no S_A is common"
    return Table(
        title=f"Accuracy in %, clean and {attacked}; difference 1 - 2 in points",
        columns=["η", *names, *difference_columns(level)],
        rows=[
            [
                Number(value=eta, text=compared.shown(eta) if eta != 0 else "clean"),
                *difference_cells(row),
            ]
            for eta, row in _rows(table)
        ],
    )


def _fits(compared: Comparison, names: list[str]) -> Table:
    """Return the cosines of both models by S_A, and the law that they follow, if they do."""
    fits = (compared.first_fit, compared.second_fit)
    sizes = sorted({int(size) for fit in fits for size in fit["attack_samples"].values})
    rows: list[list[Cell]] = []
    for name, fit in zip(names, fits, strict=True):
        cells: list[Cell] = []
        for size in sizes:
            has = size in fit["attack_samples"].values
            at = fit.sel(attack_samples=size) if has else None
            cells.append("" if at is None else _cosine(float(at["cosine"]), float(at["reach"])))
        forms = {"noise_scale": ".3g", "limit": ".3f", "error": ".3f"}
        scalars = [Number(value=float(fit[key]), form=form) for key, form in forms.items()]
        rows.append([name, *cells, *scalars])
    columns = ["model", *[f"S_A = {size:,}" for size in sizes]]
    eta = compared.shown(compared.strength)
    if not compared.law:
        return Table(
            title=f"Mean cosine at η = {eta} (it follows no law for this attack)",
            columns=columns,
            rows=[row[: len(columns)] for row in rows],
        )
    law = (
        "law cos = reachable / √(1 + B / S_A), fitted"
        if compared.moments is None
        else "predicted from the moments of single samples, a B for each image"
    )
    return Table(
        title=f"Mean cosine at η = {eta} (share of the reachable); {law}",
        columns=[*columns, "B", "reachable", "largest error"],
        rows=rows,
    )


def _cosine(cosine: float, reach: float) -> Number:
    text = "" if math.isnan(reach) else f"{cosine:.3f} ({reach:.2f})"
    return Number(value=cosine, form=".3f", text=text)


def _sizes(table: pd.DataFrame, compared: Comparison, names: list[str], level: str) -> Table:
    """Return the comparison at each S_A that both have."""
    eta = compared.shown(compared.strength)
    return Table(
        title=f"At equal S_A and η = {eta}: adversarial accuracy in %, difference 1 - 2 in points",
        columns=["S_A", *names, *difference_columns(level)],
        rows=[[Number(value=size, form=","), *difference_cells(row)] for size, row in _rows(table)],
    )


def _shares(table: pd.DataFrame, compared: Comparison, names: list[str], level: str) -> Table:
    """Return the comparison at equal shares of the reachable cosine, with the S_A it takes."""
    grids = [result["attack_samples"].values for result in (compared.first, compared.second)]
    rows = []
    for share, row in _rows(table):
        needed = [
            _needed(row[f"{which}_samples"], grid, reached=not math.isnan(row[which]))
            for which, grid in zip(("first", "second"), grids, strict=True)
        ]
        rows.append([Number(value=share, form=".4g"), *needed, *difference_cells(row)])
    return Table(
        title=(
            "At an equal share of the reachable cosine (the fair comparison), with the S_A that it "
            "takes (< or >: not in the result)"
        ),
        columns=["share", "S_A of 1", "S_A of 2", *names, *difference_columns(level)],
        rows=rows,
    )


def _needed(samples: float, grid: Any, *, reached: bool) -> Number:
    """Say which S_A a share takes, and that the sizes of the result end before or begin after."""
    text = f"{samples:.3g}" if samples < 100 else f"{samples:,.0f}"
    if math.isnan(samples):
        text = "no fit"
    elif not reached:
        text += f" < {grid[0]:,}" if samples < grid[0] else f" > {grid[-1]:,}"
    return Number(value=float(samples), text=text)


@checked_arguments
def difference_columns(level: str) -> list[str]:
    """Return the columns of a difference and its two intervals.

    Args:
        level: the intervals' confidence, in words.
    """
    return ["1 - 2", f"{level}: fresh A, I", f"{level}: fresh images, too"]


def _rows(table: pd.DataFrame) -> list[tuple[Any, Any]]:
    """Return what each row is for, and the row."""
    rows = [row for _, row in table.iterrows()]
    return list(zip(table.index.tolist(), rows, strict=True))


@_of_comparison
def difference_cells(row: Any) -> list[Number]:
    """Return accuracies, their difference and its two intervals.

    Args:
        row: of :func:`~pyrosnn.summaries.difference_of_models`.
    """
    cells = [Number(value=100 * float(row[name]), form=".1f") for name in ("first", "second")]
    difference = Number(value=100 * float(row["difference"]), form="+.1f")
    intervals = [
        replace(
            difference,
            low=100 * float(row[f"{kind}_low"]),
            high=100 * float(row[f"{kind}_high"]),
            bare=True,
        )
        for kind in ("samples", "images")
    ]
    return [*cells, difference, *intervals]


def _sign(row: Any, kind: str) -> int:
    """Return the sign of a difference whose interval excludes 0, otherwise 0."""
    return int(row[f"{kind}_low"] > 0) - int(row[f"{kind}_high"] < 0)


@_of_comparison
def conclusions(
    by_size: pd.DataFrame, by_reach: pd.DataFrame, compared: Comparison, names: list[str]
) -> list[str]:
    """Say what the largest common share shows; without one, or a rough one, the largest S_A."""
    shown = by_reach.dropna(subset=["difference"])
    if shown.empty:
        return [*_no_share(compared, names), *_at_largest_size(by_size, compared, names)]
    share, row = shown.index[-1], shown.iloc[-1]
    rough = bool(_rough(compared, names))
    lines = [judged(row, f"At the largest common share, {share:.4g}", names, rough=rough)]
    sign = _sign(row, "images") or _sign(row, "samples")
    opposite = [f"{size:,}" for size, at in by_size.iterrows() if _sign(at, "samples") == -sign]
    if sign and opposite:
        lines.append(
            f"At equal S_A = {', '.join(opposite)} it looks the other way round: "
            "that attack is too weak for the noisier model."
        )
    return [*lines, *(_at_largest_size(by_size, compared, names) if rough else [])]


def _no_share(compared: Comparison, names: list[str]) -> list[str]:
    """Say why no share of the reachable cosine is compared."""
    if not compared.law:
        return [
            "Only equal S_A are compared. Equal shares of the reachable cosine are known for a "
            "single step in ℓ2 alone: run both studies with --attack fgm --norm l2 to compare them."
        ]
    has = []
    for name, fit in zip(names, (compared.first_fit, compared.second_fit), strict=True):
        least, most = float(fit["reach"][0]), float(fit["reach"][-1])
        spans = f"from {least:.4g} to {most:.4g} of its reachable cosine"
        none = "no fit of its cosines (that takes two S_A, and positive cosines)"
        has.append(f"{name} has {none if math.isnan(least) else spans}")
    return [
        "No fair comparison, no share is common.",
        f"{'; '.join(has)}. Other --attack-samples of the study may give one.",
    ]


def _at_largest_size(by_size: pd.DataFrame, compared: Comparison, names: list[str]) -> list[str]:
    """Say what the largest S_A that both have shows."""
    if by_size.empty:
        grids = [values["attack_samples"].values for values in (compared.first, compared.second)]
        has = " and ".join(", ".join(f"{size:,}" for size in grid) for grid in grids)
        return [f"Nothing was compared under attack: the S_A of both are {has}, none is common."]
    return [judged(by_size.iloc[-1], f"At the largest common S_A, {by_size.index[-1]:,}", names)]


ONE_REPEAT = "One repeat: no interval for fresh A, I; that for images is for these A, I."


@_of_comparison
def judged(
    row: Any, where: str, names: list[str], *, rough: bool = False, said: str = "more robust"
) -> str:
    """Say which model a row shows to be more robust, or that it shows none to be.

    Args:
        row: of :func:`~pyrosnn.summaries.difference_of_models`.
        where: at which strength, size or share, in words.
        names: the two models' names.
        rough: whether the row rests on a law that the results miss.
        said: what the larger share is called.
    """
    over_images, over_samples = _sign(row, "images"), _sign(row, "samples")
    sign = over_images or over_samples
    points = f"{100 * row['difference']:+.1f} points"
    if math.isnan(row["images_low"]) and math.isnan(row["samples_low"]):
        return (
            f"{where}: the difference is {points}, without an interval: outcomes of images and "
            "repeats do not vary."
        )
    if sign == 0:
        return f"{where}: no difference beyond the intervals ({points})."
    reach = "for fresh images, too" if over_images else "on these images; fresh ones may differ"
    better = names[0] if sign > 0 else names[1]
    return f"{where}: {better} {'seems' if rough else 'is'} {said}, {reach}."


@_of_comparison
def warnings_of(compared: Comparison, names: list[str]) -> list[str]:
    """Say where the numbers are less than they seem."""
    lines = [f"Mean cosines of {text}: rough shares." for text in _rough(compared, names)]
    if lines and compared.moments is None:
        lines.append("Run pyrosnn diagnose for both models: its results need no such law.")
    if min(compared.first.sizes["repeat"], compared.second.sizes["repeat"]) == 1:
        lines.append(ONE_REPEAT)
    return lines


def _rough(compared: Comparison, names: list[str]) -> list[str]:
    """Return which model's mean cosines miss the law, and by how much."""
    texts = []
    for name, fit in zip(names, (compared.first_fit, compared.second_fit), strict=True):
        error, limit = float(fit["error"]), float(fit["limit"])
        if error > ROUGH * limit:
            texts.append(f"{name} miss the law by up to {error:.3f}")
    return texts
