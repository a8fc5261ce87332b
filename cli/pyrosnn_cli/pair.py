"""Two results side by side: the names of their models, and the lines that stand above tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from pyrosnn.plots.style import model_name
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn_cli.show import smoothing

# What each result has of its own, and what both have in common.
OWN = ("loss", "gradient", "precision", "attack_samples", "repeats", "seed")
COMMON = ("dataset", "protocol", "attack", "norm", "labels", "clip", "clip_judged")


def made_with(result: xr.DataTree) -> dict[str, Any]:
    """Return provenance and settings of a result together."""
    return {**read_provenance(result), **read_spec(result)}


def model_names(results: Sequence[xr.DataTree]) -> list[str]:
    """Return the names of the models, each with its number: two may have the same name."""
    made = [made_with(result) for result in results]
    named = [{"model": "model", **one} for one in made]
    return [f"{place} {model_name(one, one)}" for place, one in enumerate(named, start=1)]


def origins(
    results: Sequence[xr.DataTree], files: Sequence[Path], names: Sequence[str]
) -> list[str]:
    """Return a line for each result: its model, its file, and the settings that may differ.

    Args:
        results: the results.
        files: where they came from.
        names: what :func:`model_names` returned.
    """
    return [
        f"{name}: {path} ({result.attrs['study']}; {settings(made_with(result), _own(result))}"
        f"{smoothing(made_with(result))})"
        for name, path, result in zip(names, files, results, strict=True)
    ]


def _own(result: xr.DataTree) -> list[str]:
    """Return the settings that may differ; sizes of a grid stand in the tables."""
    return [name for name in OWN if name != "attack_samples" or GROUP not in result.children]


def settings(made: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return settings as words, those that there are and that are set.

    Args:
        made: what :func:`made_with` returned.
        names: names of the settings.
    """
    return ", ".join(f"{name} {made[name]}" for name in names if made.get(name) is not None)
