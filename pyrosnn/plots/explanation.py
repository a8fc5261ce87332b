"""What a defence bought: the parts of a change, against strength and S_A, and one by one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.errors import brief, require
from pyrosnn.plots.style import SIZE, count, curve_style, legend_below, one_size, set_title
from pyrosnn.results.threats import NORMS, shown_strength, threat_name
from pyrosnn.settings import checked_arguments
from pyrosnn.summaries.words import fresh_words

WIDTH, HEIGHT = 4.4, 4.2  # inches of a panel
# The parts in the words of a legend, with a hatching each: they differ in greyscale, too.
PARTS = {
    "margin": ("margin", ""),
    "gradient_norm": ("gradient length", "///"),
    "cosine": ("angle", "..."),
    "remainder": ("not linear", "xxx"),
}
JUDGES = {"once": "one prediction", "noise_free": "noise off", "known": "attacker knows I"}
NEEDED = ("change", "part", "predicted", "remainder")
WHISKERS: dict[str, Any] = {"fmt": "none", "ecolor": "black", "capsize": 2.5, "elinewidth": 1.0}


@checked_arguments
def plot_parts(explained: xr.Dataset, ax: Axes, dim: str) -> Axes:
    """Draw the parts of a change as stacked bars, up and down from 0, and the change with whiskers.

    The hollow diamond is the change that linear theory predicts.

    Args:
        explained: what :func:`pyrosnn.explain` returned, without other dimensions than ``dim`` and
            ``factor``.
        ax: where to draw.
        dim: ``strength``, ``attack_samples`` or ``threat``.
    """
    _require(explained, *NEEDED, dims=(dim,))
    places = np.arange(explained.sizes[dim])
    above, below = np.zeros(len(places)), np.zeros(len(places))
    for name, (label, hatch) in PARTS.items():
        height = np.nan_to_num(_values(explained, name)[0])
        bottom = np.where(height >= 0, above, below)
        ax.bar(places, height, 0.7, bottom=bottom, label=label, **_bar_style(name, hatch))
        above, below = above + height.clip(min=0), below + height.clip(max=0)
    change, low, high = _values(explained, "change")
    ax.errorbar(
        places,
        change,
        yerr=[change - low, high - change],
        fmt="D",
        color="black",
        markersize=5,
        capsize=2.5,
        label="change, measured",
    )
    predicted = _values(explained, "predicted")[0]
    ax.plot(places, predicted, "D", color="black", markerfacecolor="white", label="linear theory")
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xticks(places, [_label(explained.isel({dim: place}), dim) for place in places])
    ax.set_xlabel(_axis_name(explained, dim))
    ax.set_ylabel("change of accuracy under attack, points")
    ax.grid(axis="y", alpha=0.3)
    ax.set_axisbelow(True)
    return ax


@checked_arguments
def plot_waterfall(explained: xr.Dataset, ax: Axes, names: Sequence[str]) -> Axes:
    """Draw the way from one accuracy to the other, part by part, each with its whiskers.

    Args:
        explained: what :func:`pyrosnn.explain` returned, under one attack.
        ax: where to draw.
        names: the two models' names.
    """
    _require(explained, "first", "second", *NEEDED, dims=(), names=names)
    levels = [100 * float(explained[which]) for which in ("first", "second")]
    ends = [0, len(PARTS) + 1]
    ax.bar(ends, levels, 0.7, color="0.8", edgecolor="0.3")
    level = levels[0]
    for place, (name, (_, hatch)) in enumerate(PARTS.items(), start=1):
        part, low, high = (float(value) for value in _values(explained, name))
        ax.bar(place, part, 0.7, bottom=level, **_bar_style(name, hatch))
        error = [[part - low], [high - part]]
        ax.errorbar(place, level + part, yerr=error, **WHISKERS)
        ax.plot([place - 1 + 0.35, place + 0.35], [level, level], color="0.3", linewidth=0.8)
        top = level + max(part, high, 0.0)
        ax.annotate(
            f"{part + 0.0:+.1f}", (place, top), (0, 3), textcoords="offset points", ha="center"
        )
        level += part
    ax.plot([len(PARTS) + 0.35, ends[1] + 0.35], [level, level], color="0.3", linewidth=0.8)
    for end, value in zip(ends, levels, strict=True):
        ax.annotate(f"{value:.1f}", (end, value), (0, 3), textcoords="offset points", ha="center")
    words = [names[0], *(label for label, _ in PARTS.values()), names[1]]
    ax.set_xticks(range(len(words)), [label.replace(" ", "\n") for label in words])
    ax.set_ylabel("images that withstand, %")
    ax.margins(y=0.1)
    ax.grid(axis="y", alpha=0.3)
    ax.set_axisbelow(True)
    return ax


@checked_arguments
def plot_judges(explained: xr.Dataset, ax: Axes) -> Axes:
    """Draw the change as each judge sees it, with whiskers, for each threat.

    Args:
        explained: what :func:`pyrosnn.explain` returned for two standard evaluations.
        ax: where to draw.
    """
    _require(explained, "judge", "threat", "judged_change", dims=None)
    judges = [str(judge) for judge in explained["judge"].values]
    places, number = np.arange(len(judges)), explained.sizes["threat"]
    for index in range(number):
        one = explained.isel(threat=index)
        change, low, high = _values(one, "judged_change")
        ax.errorbar(
            change,
            places + 0.2 * (index - (number - 1) / 2),
            xerr=[change - low, high - change],
            linestyle="none",
            capsize=2.5,
            label=_label(one, "threat"),
            **curve_style(index, number),
        )
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, [_judge(judge) for judge in judges])
    ax.invert_yaxis()
    ax.set_xlabel("change of accuracy at the same δ, points")
    ax.grid(axis="x", alpha=0.3)
    legend_below(ax)  # within the panel it would hide an interval: "best" looks at the points alone
    return ax


@checked_arguments
def explanation_figure(explained: xr.Dataset, names: Sequence[str] = ("1", "2")) -> Figure:
    """Draw the parts against the strength and S_A, and one by one at the largest of both.

    Of standard evaluations: the parts one by one under each threat, and what other judges leave.

    Args:
        explained: what :func:`pyrosnn.explain` returned.
        names: the two models' names.
    """
    _require(explained, "first", "second", *NEEDED, dims=None, names=names)
    panels = _standard(explained, names) if "threat" in explained.dims else _grid(explained, names)
    size = (WIDTH * len(panels) + 0.4, HEIGHT)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (title, draw) in zip(axes, panels, strict=True):
        draw(ax).set_title(title, fontsize=SIZE)
    drawn = [ax for ax in axes if ax.get_legend_handles_labels()[0] and ax.get_legend() is None]
    if drawn:
        handles, labels = drawn[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    confidence, repeats = explained.attrs["confidence"], explained.attrs["repeats"]
    set_title(
        figure,
        f"What changes from {names[0]} to {names[1]}; {count(explained.attrs['images'], 'image')}",
        f"whiskers: {fresh_words(repeats, confidence=confidence)}",
    )
    one_size(figure)
    return figure


Panel = tuple[str, Callable[[Axes], Axes]]


def _grid(explained: xr.Dataset, names: Sequence[str]) -> list[Panel]:
    """Return the panels of attacked images, each with its title."""
    sizes = explained["attack_samples"].values
    last = int(np.flatnonzero(np.isfinite(sizes))[-1])
    at_size, at_strength = explained.isel(attack_samples=last), explained.isel(strength=-1)
    eta = shown_strength(explained.attrs["norm"], float(at_strength["strength"]))
    size = f"$S_A$ = {int(sizes[last]):,}"
    panels: list[Panel] = []
    if at_size.sizes["strength"] > 1:
        panels.append((size, lambda ax: plot_parts(at_size, ax, "strength")))
    if len(sizes) > 1:
        panels.append((f"η = {eta}", lambda ax: plot_parts(at_strength, ax, "attack_samples")))
    both = at_size.isel(strength=-1)
    panels.append((f"η = {eta}, {size}", lambda ax: plot_waterfall(both, ax, names)))
    return panels


def _standard(explained: xr.Dataset, names: Sequence[str]) -> list[Panel]:
    """Return the panels of standard evaluations, each with its title."""

    def panel(threat: int) -> Panel:
        one = explained.isel(threat=threat)
        return _label(one, "threat"), lambda ax: plot_waterfall(one, ax, names)

    waterfalls = [panel(threat) for threat in range(explained.sizes["threat"])]
    return [*waterfalls, ("other judges", lambda ax: plot_judges(explained, ax))]


def _values(explained: xr.Dataset, name: str) -> list[np.ndarray]:
    """Return a change and the ends of its interval, in points."""
    if name in explained["factor"].values:
        explained, name = explained.sel(factor=name), "part"
    return [np.asarray(100 * explained[f"{name}{end}"].values) for end in ("", "_low", "_high")]


def _label(one: xr.Dataset, dim: str) -> str:
    """Return what an attack is called on an axis."""
    if dim == "threat":
        return threat_name(str(one["threat_norm"].item()), float(one["threat_strength"]))
    value = float(one[dim])
    if dim == "strength":
        return shown_strength(one.attrs["norm"], value) if value > 0 else "clean"
    return "∞" if np.isinf(value) else f"{value:,.0f}"


def _axis_name(explained: xr.Dataset, dim: str) -> str:
    norm = explained.attrs["norm"]
    in_norm = f" ({NORMS[norm]} norm)" if norm in NORMS else ""
    return {"attack_samples": "attack samples, $S_A$"}.get(dim, f"perturbation strength η{in_norm}")


def _judge(judge: str) -> str:
    return JUDGES.get(judge, judge.replace("robust_at_", "robust@"))


def _bar_style(name: str, hatch: str) -> dict[str, Any]:
    known = list(PARTS).index(name)
    color = "0.6" if name == "remainder" else curve_style(known, len(PARTS))["color"]
    return {"color": color, "hatch": hatch, "edgecolor": "white", "linewidth": 0.5}


def _require(
    explained: xr.Dataset,
    *variables: str,
    dims: Sequence[str] | None,
    names: Sequence[str] = ("1", "2"),
) -> None:
    """Refuse what ``explain`` has not returned, and what has other dimensions than are drawn."""
    lacking = [name for name in variables if name not in explained.variables]
    require(
        not lacking,
        f"the figure needs {', '.join(lacking)}, which the dataset lacks; give it what "
        "pyrosnn.explain returned",
    )
    if dims is not None:
        has = explained["change"].dims
        require(
            has == tuple(dims),
            f"expected changes over {', '.join(dims) or 'nothing'}, got {', '.join(map(str, has))};"
            " choose the others with explained.isel(…)",
        )
    texts = len(names) == 2 and all(isinstance(name, str) for name in names)
    require(texts, f"names must be those of two models, got {brief(names)}")
