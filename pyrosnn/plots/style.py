"""Colours and markers that also tell curves apart in greyscale."""

from typing import Any

import matplotlib as mpl

MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def curve_style(index: int, total: int) -> dict[str, Any]:
    """Return colour and marker of curve ``index`` of ``total``, light to dark."""
    shade = 0.85 * (1 - index / max(total - 1, 1))
    return {
        "color": mpl.colormaps["viridis"](shade),
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4.5,
    }
