"""Figures of the standard evaluation: accuracies with intervals, and errors of single images."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import SIZE, count, curve_style, model_name, set_title
from pyrosnn.results import read_provenance, read_spec
from pyrosnn.results.threats import threat_name
from pyrosnn.summaries import entry_table, standard_table
from pyrosnn.summaries.standard import QUERIES, num_queries, standard_of
from pyrosnn.summaries.words import fresh_words, interval_words

WIDTH, HEIGHT = 5.0, 5.2  # inches of a panel
FOLD = 42  # characters of a line below an axis
GAP = 0.6  # of a row, between groups

# Frozen δ whose errors are drawn, in the words of the legend.
CURVES = {"none": "no attack", "random": "random δ, the worst on V", "archive": "all attacks"}
LINES = {"none": ":", "random": "--", "archive": "-"}
MAIN = "all attacks"  # the row that counts
ERRORS = (0.0, 0.1, 0.5, 0.9)  # of which a text alternative speaks


@dataclass(frozen=True, kw_only=True)
class Row:
    """A share of images, with its interval.

    Attributes:
        label: what it is the share of, in a newcomer's words.
        value, low, high: the share and its interval; NaN for both ends where it has none.
        group: rows of one group stand together.
        control: whether nobody attacks.
    """

    label: str
    value: float
    low: float
    high: float
    group: int
    control: bool = False

    def __str__(self) -> str:
        """Return the row as words."""
        value, low, high = 100 * self.value, 100 * self.low, 100 * self.high
        interval = "" if np.isnan(low) else f" [{low:.1f}, {high:.1f}]"
        return f"{self.label} {value:.1f} %{interval}"


def standard_rows(result: xr.DataTree, threat: int) -> list[Row]:
    """Return the accuracies under one threat, in the order of the figure.

    Args:
        result: a result of the standard evaluation.
        threat: index of the threat.
    """
    table, entries = standard_table(result).iloc[threat], entry_table(result)
    name = standard_of(result)["threat"].values[threat]
    return [row for row in _rows(table, entries.loc[name]) if not np.isnan(row.value)]


def _rows(table: pd.Series, entries: pd.DataFrame) -> Iterator[Row]:
    yield _row("no attack", table, "clean", 0, control=True)
    yield _row("random δ (control)", table, "random", 0, control=True)
    for name, entry in entries.iterrows():
        part = "alone" if entry["run"] == 1 else f"({entry['run']:.0%} of images)"
        yield _row(f"{name} {part}", entry, "correct", 1)
    yield _row(MAIN, table, "archive", 2)
    if "certified" in table:
        yield _row("any attack, certified", table, "certified", 2)
    yield _row("all attacks, on V", table, "archive_selected", 2)
    if "known" in table:
        yield _row("attacker knows I", table, "known", 3)
    if "noise_free" in table:
        yield _row("same δ, noise off", table, "noise_free", 3)
        yield _row("no attack, noise off", table, "noise_free_clean", 3, control=True)
    for group, k in enumerate((k for k in QUERIES if f"robust_at_{k}" in table), start=4):
        queries = "1 query" if k == 1 else f"{k} queries"
        yield _row(f"{queries}, no attack", table, f"clean_at_{k}", group, control=True)
        yield _row(f"{queries}, all attacks", table, f"robust_at_{k}", group)


def _row(
    label: str, numbers: "pd.Series[float]", column: str, group: int, *, control: bool = False
) -> Row:
    value, low, high = (float(numbers[f"{column}{end}"]) for end in ("", "_low", "_high"))
    return Row(label=label, value=value, low=low, high=high, group=group, control=control)


@draws(variables=("archive_correct",), group="standard")
def plot_standard_accuracies(result: xr.DataTree, ax: Axes, threat: int) -> Axes:
    """Draw the accuracies under one threat, each with its 95 % interval over images.

    Args:
        result: a result of the standard evaluation.
        ax: where to draw.
        threat: index of the threat.
    """
    rows = standard_rows(result, threat)
    places = np.array([index + GAP * row.group for index, row in enumerate(rows)])
    for row, place in zip(rows, places, strict=True):
        main = row.label == MAIN
        color = _color(control=row.control)
        ax.errorbar(
            100 * row.value,
            place,
            xerr=[[100 * (row.value - row.low)], [100 * (row.high - row.value)]],
            fmt="D" if main else "o",
            markersize=7 if main else 5,
            color="black" if main else color,
            markerfacecolor="white" if row.control else None,
            capsize=2.5,
            clip_on=False,
        )
        ax.text(
            1.03,
            place,
            f"{100 * row.value:.1f}",
            transform=ax.get_yaxis_transform(),
            va="center",
            fontweight="bold" if main else "normal",
        )
    ax.set_yticks(places, [row.label for row in rows])
    ax.set_ylim(places[-1] + 0.8, -0.8)  # the first on top
    ax.set_xlim(0, 100)
    ax.set_xlabel(
        "images that are right, %; hollow: no attack\n"
        + textwrap.fill(f"whiskers: {fresh_words(standard_of(result).sizes['repeat'])}", FOLD)
    )
    ax.grid(axis="x", alpha=0.3)
    ax.tick_params(axis="y", length=0)
    return _one_size(ax)


@draws(variables=("archive_correct",), group="standard")
def plot_errors(result: xr.DataTree, ax: Axes, threat: int) -> Axes:
    """Draw the distribution over images of the error of single queries at frozen δ.

    Args:
        result: a result of the standard evaluation.
        ax: where to draw.
        threat: index of the threat.
    """
    number = num_queries(result)
    for name, label in CURVES.items():
        ax.ecdf(
            100 * _errors(result, threat, name),
            label=label,
            color=_color(control=name != "archive"),
            linestyle=LINES[name],
            linewidth=2 if name == "archive" else 1.5,
        )
    ax.set_xlabel(f"wrong answers of an image in {number:,} fresh queries, %")
    ax.set_ylabel("images with at most as many, share")
    ax.set_xlim(-1, 101)
    ax.set_ylim(-0.02, 1.02)
    ax.grid(alpha=0.3)
    ax.legend(loc="best")
    return _one_size(ax)


def _errors(result: xr.DataTree, threat: int, perturbation: str) -> np.ndarray:
    """Return the share of wrong answers of each image, mean over repeats."""
    values = standard_of(result)["queries_correct"].isel(threat=threat)
    correct = values.sel(perturbation=perturbation).mean("repeat")
    return np.asarray(1 - correct.values / num_queries(result))


def accuracies_in_words(result: xr.DataTree, threat: int) -> str:
    """Return the numbers of :func:`plot_standard_accuracies`, as a text alternative."""
    rows = "; ".join(map(str, standard_rows(result, threat)))
    sizes = standard_of(result).sizes
    words = interval_words(sizes["example"], sizes["repeat"])
    return f"Accuracies under {threat_names(result)[threat]} [{words}]: {rows}."


def errors_in_words(result: xr.DataTree, threat: int) -> str:
    """Return the main numbers of :func:`plot_errors`, as a text alternative."""
    parts = []
    for name, label in CURVES.items():
        errors = _errors(result, threat, name)
        shares = ", ".join(
            f"{(errors <= most).mean():.0%} of the images at most {most:.0%}" for most in ERRORS
        )
        parts.append(f"{label}: {shares}")
    return (
        f"Share of wrong answers in {num_queries(result):,} fresh queries under "
        f"{threat_names(result)[threat]}. {'; '.join(parts)}."
    )


def threat_names(result: xr.DataTree) -> list[str]:
    """Return the names of a result's threats, as ``ℓ∞ 8/255``."""
    values = standard_of(result)
    norms, strengths = values["threat_norm"].values, values["threat_strength"].values
    return [threat_name(str(n), float(s)) for n, s in zip(norms, strengths, strict=True)]


def accuracies_figure(result: xr.DataTree, threat: int) -> Figure:
    """Draw the accuracies under one threat, as wide as a phone shows well.

    Args:
        result: a result of the standard evaluation.
        threat: index of the threat.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained", dpi=200)
    plot_standard_accuracies(result, figure.subplots(), threat)
    return figure


def errors_figure(result: xr.DataTree, threat: int) -> Figure:
    """Draw the errors of single images under one threat, as wide as a phone shows well.

    Args:
        result: a result of the standard evaluation.
        threat: index of the threat.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained", dpi=200)
    plot_errors(result, figure.subplots(), threat)
    return figure


@draws(
    provenance=("model", "dataset"),
    spec=("protocol", "queries", "attack_samples", "inference_samples"),
    group="standard",
)
def standard_figure(result: xr.DataTree) -> Figure:
    """Draw accuracies and errors, a line of panels for each threat.

    Args:
        result: a result of the standard evaluation.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    names = threat_names(result)
    size = (2 * WIDTH, len(names) * HEIGHT)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    panels = figure.subplots(len(names), 2, squeeze=False)
    for threat, (left, right) in enumerate(panels):
        plot_standard_accuracies(result, left, threat).set_title(names[threat], fontsize=SIZE)
        plot_errors(result, right, threat).set_title(names[threat], fontsize=SIZE)
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}, {spec['protocol']}",
        f"{count(standard_of(result).sizes['example'], 'image')}, "
        f"$S_A$ = {spec['attack_samples']:,}, $S_I$ = {spec['inference_samples']:,}",
    )
    return figure


def _color(*, control: bool) -> Any:
    return curve_style(1 if control else 2, 3)["color"]


def _one_size(ax: Axes) -> Axes:
    """Give all text of a panel one size."""
    legend = ax.get_legend()
    texts = [ax.xaxis.label, ax.yaxis.label, *ax.texts, *(legend.get_texts() if legend else [])]
    for text in texts:
        text.set_fontsize(SIZE)
    ax.tick_params(labelsize=SIZE)
    return ax
