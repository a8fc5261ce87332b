"""What `pyrosnn compare` shows of two evaluations or certificates: both bounds, side by side."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr

from pyrosnn.plots.standard import threat_names
from pyrosnn.plots.style import count
from pyrosnn.results import read_spec
from pyrosnn.settings import reads
from pyrosnn.summaries.certificates import GROUP, STANDARD
from pyrosnn.summaries.compare_bounds import (
    compare_certificates,
    compare_evaluations,
    num_draws,
)
from pyrosnn.summaries.standard import standard_of
from pyrosnn.tables import Number, Table
from pyrosnn_studies.comparison import ONE_REPEAT, difference_cells, difference_columns, judged

WORDS = {
    "clean": "no attack",
    "archive": "all attacks",
    "certified": "any attack, by certificate",
}
_of_bounds = reads("a result", "give two results with bounds, and two names")


@_of_bounds
def have_bounds(results: Sequence[xr.DataTree]) -> bool:
    """Whether two results are both evaluations, or both have certificates.

    Args:
        results: the two results.
    """
    return any(all(group in result.children for result in results) for group in (STANDARD, GROUP))


@_of_bounds
def bounds_tables(
    results: Sequence[xr.DataTree], names: Sequence[str], confidence: float
) -> tuple[list[Table], list[str]]:
    """Return the comparison as a table, and what it says.

    Args:
        results: two results that :func:`have_bounds`.
        names: the two models' names.
        confidence: confidence of the intervals.
    """
    first, second = results
    level = f"{100 * confidence:g} %"
    columns = [*names, *difference_columns(level)]
    if all(STANDARD in result.children for result in results):
        rows = compare_evaluations(first, second, confidence=confidence)
        shown = dict(zip(standard_of(first)["threat"].values, threat_names(first), strict=True))
        table = Table(
            title=f"Of {_images(rows)}, those that are right in %; difference 1 - 2 in points",
            columns=["threat", "under", *columns],
            rows=[
                [shown[threat], WORDS[share], *difference_cells(row)]
                for (threat, share), row in _rows(rows)
            ],
        )
        said = [
            judged(
                row,
                f"Under {shown[threat]}, {WORDS[share]}",
                list(names),
                said="certified on more images" if share == "certified" else "more robust",
            )
            for (threat, share), row in _rows(rows)
            if share != "clean"
        ]
        return [table], [*said, *_proved(rows, shown, names), *_warnings(results, names)]
    rows = compare_certificates(first, second, confidence=confidence)
    table = Table(
        title=(
            f"Certified accuracy in % beyond a radius in ℓ2, of {_images(rows)}; difference 1 - 2 "
            "in points"
        ),
        columns=["radius", "certificate", *columns],
        rows=[
            [Number(value=radius, form=".4g"), kind, *difference_cells(row)]
            for (radius, kind), row in _rows(rows)
        ],
    )
    said = [
        judged(row, f"Beyond {radius:.4g}, by {kind}", list(names), said="certified on more images")
        for (radius, kind), row in _rows(rows)
        if row["first"] + row["second"] > 0
    ]
    return [table], [*said, *_warnings(results, names)]


def _images(table: pd.DataFrame) -> str:
    return count(table.attrs["images"], "image")


def _rows(table: pd.DataFrame) -> list[tuple[Any, Any]]:
    """Return what each row is for, and the row."""
    return list(zip(table.index.tolist(), (row for _, row in table.iterrows()), strict=True))


def _proved(table: pd.DataFrame, shown: dict[str, str], names: Sequence[str]) -> list[str]:
    """Say where the certificate of one model is above what the attacks leave of the other."""
    sentences, rows = [], dict(_rows(table))
    for threat, name in shown.items():
        if (threat, "certified") not in rows:
            continue
        least, most = rows[threat, "certified"], rows[threat, "archive"]
        for one, other, place in (("first", "second", 0), ("second", "first", 1)):
            if least[one] > most[other]:
                sentences.append(
                    f"Under {name}, whatever the attack: {names[place]} withstands at least "
                    f"{100 * least[one]:.1f} %, {names[1 - place]} at most "
                    f"{100 * most[other]:.1f} % of these images."
                )
    return sentences


def _warnings(results: Sequence[xr.DataTree], names: Sequence[str]) -> list[str]:
    """Say where attacks and certificates are less alike than they seem."""
    sizes = [read_spec(result).get("attack_samples") for result in results]
    lines = []
    if any(read_spec(result).get("repeats", 1) == 1 for result in results):
        lines.append(ONE_REPEAT)
    if all(STANDARD in result.children for result in results) and sizes[0] != sizes[1]:
        lines.append(
            f"The attacks have S_A = {sizes[0]} and {sizes[1]}, as the diagnosis of each model or "
            "its settings decided."
        )
    missing = [n for n, r in zip(names, results, strict=True) if GROUP not in r.children]
    if missing:
        one = len(missing) < len(names)
        words = f"{missing[0]} has no certificate: only what attacks leave is compared."
        return [*lines, words] if one else lines
    numbers = [num_draws(result) for result in results]
    scales = [float(result[GROUP].dataset["noise_scale"]) for result in results]
    if numbers[0] != numbers[1]:
        shown = " and ".join("unknown" if n is None else f"{n:,}" for n in numbers)
        lines.append(f"Certificates of {shown} draws: more draws certify more.")
    if not math.isclose(scales[0], scales[1], rel_tol=1e-6):
        lines.append(
            f"The models are averaged over noise of σ = {scales[0]:.3g} and {scales[1]:.3g}: more "
            "noise reaches further, and costs accuracy at 0."
        )
    return lines
