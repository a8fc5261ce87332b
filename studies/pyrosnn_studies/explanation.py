"""What `pyrosnn explain` shows: tables of a change and its parts, and what they say."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.errors import unknown_name
from pyrosnn.results.threats import shown_strength, threat_name
from pyrosnn.settings import checked_arguments, reads
from pyrosnn.summaries.unexplained import without_common_unit
from pyrosnn.summaries.words import fresh_words
from pyrosnn.tables import Cell, Number, Table

PARTS = {"margin": "margin", "gradient_norm": "gradient length", "cosine": "angle"}
JUDGES = {
    "once": "one prediction (S_I)",
    "noise_free": "noise switched off",
    "known": "attacker who knows I",
}
REMAINDER = "not linear"
# a remainder beside which the parts of a change say little
ROUGH = 0.05
_of_explanation = reads("the explanation", "give what pyrosnn.explain returned, and two names")


@_of_explanation
def explanation_tables(explained: xr.Dataset, names: list[str]) -> list[Table]:
    """Return the tables: the parts under every attack, by S_A, and what other judges leave.

    Args:
        explained: what ``pyrosnn.explain`` returned.
        names: the two models' names.
    """
    norm = explained.attrs["norm"]
    notes = [
        f"[{fresh_words(explained.attrs['repeats'], confidence=explained.attrs['confidence'])}]; "
        f"linear: the three parts together, the prediction of theorem 4.1; {REMAINDER}: the rest"
    ]
    if "threat" in explained.dims:
        threats = [(_threat(one), one) for one in _along(explained, "threat")]
        parts = _parts("Accuracy under all attacks", "δ", threats, names, notes)
        return [parts, _judges(explained, names)]
    at_largest = _largest_size(explained)
    strengths = [(_strength(one, norm), one) for one in _along(at_largest, "strength")]
    title = f"Accuracy under attack with S_A = {int(at_largest['attack_samples']):,}"
    tables = [_parts(title, "η", strengths, names, notes)]
    if explained.sizes["attack_samples"] > 1:
        hardest = explained.isel(strength=-1)
        eta = shown_strength(norm, float(hardest["strength"]))
        sizes = [(_size(one), one) for one in _along(hardest, "attack_samples")]
        tables.append(_parts(f"Accuracy at η = {eta}, by S_A", "S_A", sizes, names, []))
    return [*tables, _factors(explained.isel(strength=-1), names, norm)]


def _largest_size(explained: xr.Dataset) -> xr.Dataset:
    """Return the values at the largest S_A that was measured."""
    measured = np.flatnonzero(np.isfinite(explained["attack_samples"].values))
    return explained.isel(attack_samples=int(measured[-1]))


def _along(explained: xr.Dataset, dim: str) -> Iterator[xr.Dataset]:
    return (explained.isel({dim: place}) for place in range(explained.sizes[dim]))


def _strength(one: xr.Dataset, norm: str) -> Number:
    eta = float(one["strength"])
    return Number(value=eta, text="clean" if eta == 0 else shown_strength(norm, eta))


def _size(one: xr.Dataset) -> Number:
    return Number(value=float(one["attack_samples"]), form=",.0f")


def _threat(one: xr.Dataset) -> str:
    return threat_name(str(one["threat_norm"].item()), float(one["threat_strength"]))


def _parts(
    title: str,
    head: str,
    rows: Sequence[tuple[Cell, xr.Dataset]],
    names: list[str],
    notes: list[str],
) -> Table:
    """Return the table of the parts, a row for each attack."""
    return Table(
        title=f"{title}, in %; change 2 - 1 and its parts in points",
        columns=[head, *names, "2 - 1", *PARTS.values(), "linear", REMAINDER],
        rows=[
            [
                label,
                *_levels(one, "first", "second"),
                points(one, "change"),
                *[points(one.sel(factor=name), "part") for name in PARTS],
                replace(points(one, "predicted"), low=math.nan, high=math.nan),
                points(one, "remainder"),
            ]
            for label, one in rows
        ],
        notes=notes,
    )


def _levels(one: xr.Dataset, *names: str) -> list[Number]:
    """Return accuracies in percent."""
    return [Number(value=100 * float(one[name]), form=".1f") for name in names]


@_of_explanation
def points(one: xr.Dataset, name: str) -> Number:
    """Return a change in points with its interval."""
    value, low, high = (100 * float(one[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return Number(value=value + 0.0, form="+.1f", low=low, high=high)


def _factors(hardest: xr.Dataset, names: list[str], norm: str) -> Table:
    """Return the mean factors of both models by S_A."""
    eta = shown_strength(norm, float(hardest["strength"]))
    rows: list[list[Cell]] = []
    for one in _along(hardest, "attack_samples"):
        for name, which in zip(names, ("first", "second"), strict=True):
            means = [float(one[f"{which}_mean"].sel(factor=factor)) for factor in PARTS]
            predicted = Number(value=100 * float(one[f"{which}_predicted"]), form=".1f")
            factors = [Number(value=mean, form="#.3g") for mean in means]
            rows.append([_size(one), name, *factors, predicted])
    return Table(
        title=f"Means over images at η = {eta}, and the accuracy in % that they leave by theory",
        columns=["S_A", "model", "margin", "gradient length", "cosine", "linear theory"],
        rows=rows,
    )


def _judges(explained: xr.Dataset, names: list[str]) -> Table:
    """Return what is left of the change when another judge looks at the same δ."""
    rows: list[list[Cell]] = []
    for threat in _along(explained, "threat"):
        for one in _along(threat, "judge"):
            levels = _levels(one, "judged_first", "judged_second")
            judge = judge_words(str(one["judge"].item()))
            rows.append([_threat(threat), judge, *levels, points(one, "judged_change")])
    return Table(
        title="What other judges leave of the change at the same δ, in %; 2 - 1 in points",
        columns=["δ", "judge", *names, "2 - 1"],
        rows=rows,
    )


@checked_arguments
def judge_words(judge: str) -> str:
    """Return a judge in words.

    Args:
        judge: its name in ``explained["judge"]``.
    """
    if judge in JUDGES:
        return JUDGES[judge]
    text = judge.removeprefix("robust_at_")
    if not text.isdecimal():
        raise unknown_name("judge", judge, [*JUDGES, "robust_at_100"])
    number = int(text)
    return "1 query" if number == 1 else f"{number:,} queries"


@_of_explanation
def conclusions(explained: xr.Dataset, names: list[str]) -> list[str]:
    """Say which part of the change is largest, and what is left of it.

    Args:
        explained: what ``pyrosnn.explain`` returned.
        names: the two models' names.
    """
    if "threat" in explained.dims:
        return [
            f"Under {_threat(one)}: {_largest(one, names)} {_judged(one)}".strip()
            for one in _along(explained, "threat")
        ]
    hardest = explained.isel(strength=-1)
    sizes, finite = hardest["attack_samples"].values, _largest_size(hardest)
    eta = shown_strength(explained.attrs["norm"], float(hardest["strength"]))
    size = int(finite["attack_samples"])
    lines = [f"At η = {eta} and S_A = {size:,}: {_largest(finite, names)}"]
    if np.isinf(sizes[-1]):
        limit = hardest.isel(attack_samples=-1)
        lines.append(
            f"S_A → ∞ leaves {points(limit, 'predicted')} points by linear theory (at S_A = "
            f"{size:,}: {points(finite, 'predicted')}), the angle "
            f"{points(limit.sel(factor='cosine'), 'part')}."
        )
    return lines


def _largest(one: xr.Dataset, names: list[str]) -> str:
    """Say what changed, and which part has the largest share of it."""
    change = points(one, "change")
    if not (change.low > 0 or change.high < 0):
        return f"no change beyond the interval ({change} points)."
    better, by = (names[1], " by") if change.value > 0 else (names[0], ", with a change of")
    sign = math.copysign(1, change.value)
    parts: dict[str, Number] = {
        words: points(one.sel(factor=name), "part") for name, words in PARTS.items()
    }
    parts[REMAINDER] = points(one, "remainder")
    first = max(parts, key=lambda name: sign * parts[name].value)
    rest = "what is not linear" if first == REMAINDER else f"the {first}"
    return f"{better} is more robust{by} {change} points; most of it is {rest}, {parts[first]}."


def _judged(one: xr.Dataset) -> str:
    """Say what the strictest judges leave."""
    names: list[Any] = [j for j in one["judge"].values.tolist() if j not in ("once", "robust_at_1")]
    left = [f"{judge_words(j)} {points(one.sel(judge=j), 'judged_change')}" for j in names]
    return f"Left with {', '.join(left)}." if left else ""


@_of_explanation
def warnings_of(first: xr.DataTree, second: xr.DataTree, explained: xr.Dataset) -> list[str]:
    """Say where the parts are less than they seem.

    Args:
        first: the first result.
        second: the second one.
        explained: what ``pyrosnn.explain`` returned for them.
    """
    lines = []
    if without_common_unit(first, second):
        lines.append(
            "One model has probabilities, the other logits: margin and gradient length have no "
            "common unit. Read their sum, and the angle."
        )
    judged = explained if "threat" in explained.dims else _largest_size(explained.isel(strength=-1))
    change, rest = judged["change"], judged["remainder"]
    if bool((abs(rest) > ROUGH + abs(change) / 2).any()):
        lines.append(
            "Linear theory misses much of the change: the parts say little at this strength."
        )
    return lines
