"""Colours and markers that distinguish curves in greyscale, too."""

import io
import textwrap
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from pyrosnn.errors import FigureError, PyrosnnError, PyrosnnWarning, first_line

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PER_INCH = 11  # characters of a title


def curve_style(index: int, total: int) -> dict[str, Any]:
    """Return colour and marker of curve ``index`` of ``total``, light to dark."""
    shade = 0.85 * (1 - index / max(total - 1, 1))
    return {
        "color": mpl.colormaps["viridis"](shade),
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
    width = int(PER_INCH * figure.get_figwidth())
    folded = [part for line in lines for part in textwrap.wrap(line, width, break_on_hyphens=False)]
    figure.suptitle("\n".join(folded), fontsize="medium")


def legend_below(ax: Axes) -> None:
    """Place the legend below the axes, where it covers no curve."""
    ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


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


def draw_png(make: Callable[[], Figure]) -> bytes:
    """Draw a figure as PNG, whatever the user's settings of matplotlib are.

    A setting may need what is not there: LaTeX (``text.usetex``), or a font. The figure is then
    drawn with matplotlib's defaults, after a warning.

    Args:
        make: makes the figure.

    Raises:
        FigureError: if the defaults do not help, with matplotlib's reason.
    """
    try:
        return _png(make)
    except (MemoryError, KeyError, PyrosnnError):
        raise  # of the result, not of matplotlib
    except Exception as error:
        reason = first_line(error)
    with mpl.rc_context():
        mpl.rcdefaults()
        try:
            content = _png(make)
        except MemoryError:
            raise
        except Exception as error:
            raise FigureError(f"matplotlib cannot draw the figure: {first_line(error)}") from error
    warnings.warn(
        f"matplotlib cannot draw with its settings ({reason}); the figure has the defaults",
        PyrosnnWarning,
        stacklevel=2,
    )
    return content


def _png(make: Callable[[], Figure]) -> bytes:
    buffer = io.BytesIO()  # not a file: then matplotlib's errors are not those of a disk
    make().savefig(buffer, format="png")
    return buffer.getvalue()
