"""Colours, labels and sizes that all figures share; curves differ in greyscale, too."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, PercentFormatter

from pyrosnn.results.threats import NORMS, shown_strength

SIZE = 9  # points of all text
MOST_TICKS = 6  # labels of strengths, where each is named
BOXES = "boxes: middle half of images and repeats; whiskers: up to 1.5 box lengths; cross: mean."
AIM = "aim of the attack (cosine)"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
# Colours without an order, which those who see few colours tell apart (M. Okabe, K. Ito, 2008).
KINDS = (
    "#e69f00", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#999999", "#8c510a",
    "#000000",
)  # fmt: skip
PER_INCH = 13  # characters of a title


def curve_style(index: int, total: int) -> dict[str, Any]:
    """Return colour and marker of curve ``index`` of ``total``, light to dark."""
    shade = 0.85 * (1 - index / max(total - 1, 1))
    return {
        "color": mpl.colormaps["viridis"](shade),
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4.5,
    }


def kind_style(index: int) -> dict[str, Any]:
    """Return colour, line and marker of a curve that is of another kind than the others."""
    return {
        "color": KINDS[index % len(KINDS)],
        "linestyle": LINES[index % len(LINES)],
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4.5,
    }


def draw_boxes(ax: Axes, columns: Mapping[str, np.ndarray], *, far: bool = True) -> None:
    """Draw one box per column of values, left to right; leave undefined values out.

    Boxes hold the middle half, whiskers reach 1.5 box lengths, the cross is the mean. What lies
    beyond the whiskers is drawn as points if ``far`` is set.
    """
    boxes = ax.boxplot(
        [column[np.isfinite(column)] for column in columns.values()],
        tick_labels=list(columns),
        showmeans=True,
        showfliers=far,
        patch_artist=True,
        widths=0.6,
        medianprops={"color": "black"},
        meanprops={
            "marker": "X",
            "markersize": 8,
            "markerfacecolor": "white",
            "markeredgecolor": "black",
        },
        flierprops={"marker": ".", "markersize": 2, "alpha": 0.3, "markeredgecolor": "0.4"},
    )
    for index, box in enumerate(boxes["boxes"]):
        box.set_facecolor(curve_style(index, len(columns))["color"])
        box.set_alpha(0.75)
    ax.grid(axis="y", alpha=0.3)


def set_title(figure: Figure, *lines: str) -> None:
    """Set a figure's title, with each line folded to the figure's width."""
    figure.suptitle(_folded(figure, lines), fontsize=SIZE)


def set_caption(figure: Figure, *lines: str) -> None:
    """Say below a figure what its bands, whiskers and boxes are; give all its text one size."""
    figure.supxlabel(_folded(figure, lines), fontsize=SIZE, color="0.25")
    one_size(figure)


def one_size(figure: Figure) -> None:
    """Give all text of a figure one size."""
    for ax in figure.axes:
        ax.tick_params(which="both", labelsize=SIZE)
    for text in figure.findobj(Text):
        text.set_fontsize(SIZE)


def _folded(figure: Figure, lines: Sequence[str]) -> str:
    width = int(PER_INCH * figure.get_figwidth())
    parts = [part for line in lines for part in textwrap.wrap(line, width, break_on_hyphens=False)]
    return "\n".join(parts)


def strength_axis(ax: Axes, norm: str, strengths: Sequence[float]) -> None:
    """Label the horizontal axis of strengths; ℓ∞ ones of whole grey levels are fractions.

    Args:
        ax: the axes.
        norm: name of the norm that bounds δ; empty if it is not known.
        strengths: the strengths, rising.
    """
    in_norm = f"{NORMS[norm]} norm, pixel values" if norm in NORMS else "pixel values"
    ax.set_xlabel(f"perturbation strength η ({in_norm})")
    named = {float(eta): shown_strength(norm, float(eta)) for eta in strengths}
    if norm == "linf" and all("/" in text for eta, text in named.items() if eta > 0):
        step = math.ceil(len(named) / MOST_TICKS)
        shown = list(named.items())[::step]
        ax.set_xticks([eta for eta, _ in shown], ["0" if eta == 0 else t for eta, t in shown])
    if len(named) > 1:  # a single point needs the margin
        ax.set_xlim(left=0)


def share_axis(ax: Axes, label: str, *, vertical: bool = True) -> None:
    """Label an axis of shares, from 0 to 100 %."""
    axis = ax.yaxis if vertical else ax.xaxis
    axis.set_label_text(f"{label}, %")
    axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    (ax.set_ylim if vertical else ax.set_xlim)(-0.02, 1.02)


def draw_band(ax: Axes, curves: Any, name: str, color: Any) -> None:
    """Draw the interval of a share against the strengths.

    Args:
        ax: the axes.
        curves: a dataset over ``strength`` with the interval of the share, ``…_low`` and
            ``…_high``.
        name: name of the share.
        color: colour of its curve.
    """
    low, high = (curves[f"{name}{end}"].values for end in ("_low", "_high"))
    ax.fill_between(curves["strength"].values, low, high, color=color, alpha=0.15, linewidth=0)


def legend_below(ax: Axes) -> None:
    """Place the legend below the axes, where it covers no curve."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


def short_log_labels(ax: Axes) -> None:
    """Label minor ticks of logarithmic axes as 6e-01, small; powers would overlap."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
        axis.set_tick_params(which="minor", labelsize="x-small")


def say(ax: Axes, sentence: str) -> None:
    """Write the reason why there is nothing to draw."""
    ax.text(0.5, 0.5, sentence, transform=ax.transAxes, ha="center", va="center")
    ax.set_xticks([])
    ax.set_yticks([])


def model_name(provenance: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Return a model's name with its distinguishing noise: ``sin 0.1``.

    It is ``smoothed`` if it was trained with noise, or is averaged over noise by the spec.
    """
    training = provenance.get("training") or {}
    noise = training.get("options", {}).get("noise_variance")
    name = provenance["model"] if noise is None else f"{provenance['model']} {noise:g}"
    smoothed = training.get("smoothing_variance") or spec.get("smoothing_variance")
    return f"smoothed {name}" if smoothed else name


def attack_name(spec: Mapping[str, Any]) -> str:
    """Return an attack in a figure's words: ``FGM on cross-entropy, predicted labels``."""
    own = ":" in spec["attack"]  # package.module:function
    name = spec["attack"] if own else f"{spec['attack'].upper()} on {spec['loss']}"
    return name if spec["labels"] == "true" else f"{name}, {spec['labels']} labels"


def count(number: int, noun: str) -> str:
    """Return ``1 repeat`` or ``5 repeats``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
