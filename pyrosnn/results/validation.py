"""Validation of results: groups, dimensions, types and settings follow the schema."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.results.schema import COORDINATES, GROUPS, OF_GRADIENTS, VARIABLES

# A spec has a few hundred characters for each variant of the evaluation.
MAX_JSON = 2**20

# Settings that tables and figures read; what else a spec holds is the study's.
_SETTINGS: dict[str, type | tuple[type, ...]] = {
    "images": int,
    "repeats": int,
    "seed": int,
    "block_size": int,
    "strength": (int, float),
    "strengths": list,
    "smoothing_variance": (int, float),
    "attack": str,
    "attack_kind": str,
    "attack_options": dict,
    "norm": str,
    "loss": str,
    "gradient": str,
    "labels": str,
    "precision": str,
    "model": str,
    "dataset": str,
    "dataset_source": str,
    "model_digest": str,
    "dataset_digest": str,
    "output": str,
    "bounds": list,
    "image_shape": list,
    "num_classes": int,
}


def check_result_tree(tree: xr.DataTree) -> None:
    """Refuse a tree that summaries and figures could not use.

    Args:
        tree: what was read.

    Raises:
        ValueError: naming what is wrong.
    """
    for name in ("spec", "provenance"):
        check_settings(name, tree.attrs.get(name))
    if not isinstance(tree.attrs.get("study"), str):
        raise ValueError("it does not name its study")
    for name in sorted(set(GROUPS) & set(tree.children)):
        check_group(tree[name].dataset, GROUPS[name])


def check_settings(name: str, text: Any) -> None:
    """Refuse a text unless it is a JSON object with the expected values."""
    if not isinstance(text, str):
        raise ValueError(f"its {name} is missing")
    if len(text) > MAX_JSON:
        raise ValueError(f"its {name} has {len(text):,} characters, expected at most {MAX_JSON:,}")
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: nested a thousand times
        raise ValueError(f"its {name} cannot be read ({error})") from error
    if not isinstance(settings, Mapping):
        raise ValueError(f"its {name} is a {type(settings).__name__}, expected settings by name")
    for key, kinds in _SETTINGS.items():
        value = settings.get(key)
        if value is not None and not isinstance(value, kinds):
            raise ValueError(f"its {name} has {key} = {str(value)[:40]}")


def check_group(values: xr.Dataset, needed: Collection[str] = ()) -> None:
    """Refuse values whose dimensions or types are not those of their names.

    Args:
        values: the values of a group.
        needed: names of variables that they must have.

    Raises:
        ValueError: naming what is wrong.
    """
    missing = set(needed) - set(values.data_vars)
    if missing and missing != OF_GRADIENTS:
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    for name, array in values.data_vars.items():
        variable = VARIABLES.get(str(name))
        if variable is None:
            continue
        dims = tuple(dim for dim in array.dims if dim != "repeat")
        if dims != tuple(dim for dim in variable.dims if dim != "repeat"):
            raise ValueError(f"{name} has the dimensions {array.dims}, expected {variable.dims}")
        if array.dtype.kind != np.dtype(variable.dtype).kind:
            raise ValueError(f"{name} is {array.dtype}, expected {variable.dtype}")
    for dim, size in values.sizes.items():
        if size == 0:
            raise ValueError(f"it has no {dim}")
        if dim in COORDINATES and dim not in values.coords:
            raise ValueError(f"it does not say which {dim} its values have")
