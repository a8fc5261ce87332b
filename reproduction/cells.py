"""What all tables of the page are made of: the paper's numbers, and how ours are written."""

import tomllib
from importlib import resources
from typing import Any

import xarray as xr

from pyrosnn_studies.tables import percent

SIZES = (1, 5, 10, 100)  # S_I of table 2
Row = list[str]
Table = tuple[Row, list[Row]]


def paper() -> dict[str, Any]:
    """Return the paper's numbers."""
    text = resources.files("reproduction").joinpath("paper.toml").read_text("utf-8")
    return tomllib.loads(text)


def share(found: xr.Dataset, name: str = "adversarial") -> str:
    """Format a share in % with its interval, of what ``accuracy_intervals`` returned."""
    return str(percent(found, name))


def size_text(size: float) -> str:
    """Format the size of a sample set."""
    return f"{int(size):,}"


def by_strength(found: xr.Dataset, name: str) -> list[str]:
    """Format shares in % with their intervals, one for each strength."""
    return [share(found.sel(strength=strength), name) for strength in found["strength"].values]
