"""What all tables of the page are made of: the paper's numbers, and how ours are written."""

import tomllib
from importlib import resources
from typing import Any

import xarray as xr

SIZES = (1, 5, 10, 100)  # S_I of table 2
Row = list[str]
Table = tuple[Row, list[Row]]


def paper() -> dict[str, Any]:
    """Return the paper's numbers."""
    text = resources.files("reproduction").joinpath("paper.toml").read_text("utf-8")
    return tomllib.loads(text)


def share(values: xr.DataArray) -> str:
    """Format a share per repeat in %, mean ± standard deviation."""
    mean = f"{100 * float(values.mean()):.1f}"
    if values.size == 1:
        return mean
    return f"{mean} ± {100 * float(values.std(ddof=1)):.1f}"


def size_text(size: float) -> str:
    """Format the size of a sample set."""
    return f"{int(size):,}"


def by_strength(values: xr.DataArray) -> list[str]:
    """Format shares in %, one for each strength, averaged over repeats."""
    return [f"{100 * float(v):.1f}" for v in values.mean("repeat").values]
