"""Figures as files: PNG, or vectors with text that stays text."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from pyrosnn.errors import ArgumentError, FigureError, PyrosnnError, PyrosnnWarning, first_line

# What matplotlib writes by a file's suffix, without the time, so that a figure is the same again.
KINDS: dict[str, dict[str, Any]] = {
    ".png": {"format": "png"},
    ".pdf": {"format": "pdf", "metadata": {"CreationDate": None}},
    ".svg": {"format": "svg", "metadata": {"Date": None}},
}
# TrueType in a PDF, text in an SVG: both can be searched, and edited.
SETTINGS: dict[Any, Any] = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "pyrosnn"}


def figure_suffix(path: Path) -> str:
    """Return the suffix of a figure's file, which says its format.

    Args:
        path: the file.

    Raises:
        ArgumentError: naming the suffixes that there are.

    Example:
        >>> figure_suffix(Path("figures/a.PDF"))
        '.pdf'
    """
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        *others, last = KINDS
        raise ArgumentError(f"--output must end in {', '.join(others)} or {last}, got {path}")
    return suffix


def draw_png(make: Callable[[], Figure]) -> bytes:
    """Draw a figure as PNG, see :func:`draw`.

    Args:
        make: makes the figure.
    """
    return draw(make, ".png")


def draw(make: Callable[[], Figure], suffix: str) -> bytes:
    """Draw a figure, whatever the user's settings of matplotlib are.

    A setting may need what is not there: LaTeX (``text.usetex``), or a font. The figure is then
    drawn with matplotlib's defaults, after a warning.

    Args:
        make: makes the figure.
        suffix: the format, ``.png``, ``.pdf`` or ``.svg``.

    Raises:
        FigureError: if the defaults do not help, with matplotlib's reason.
    """
    try:
        return _drawn(make, suffix)
    except (MemoryError, KeyError, PyrosnnError):
        raise  # of the result, not of matplotlib
    except Exception as error:
        reason = first_line(error)
    with mpl.rc_context():
        mpl.rcdefaults()
        try:
            content = _drawn(make, suffix)
        except MemoryError:
            raise
        except Exception as error:
            raise FigureError(f"matplotlib cannot draw the figure: {first_line(error)}") from error
    warnings.warn(
        f"matplotlib cannot draw with its settings ({reason}); the figure has the defaults",
        PyrosnnWarning,
        stacklevel=3,
    )
    return content


def _drawn(make: Callable[[], Figure], suffix: str) -> bytes:
    buffer = io.BytesIO()  # not a file: then matplotlib's errors are not those of a disk
    with mpl.rc_context(SETTINGS):
        make().savefig(buffer, **KINDS[suffix])
    return buffer.getvalue()
