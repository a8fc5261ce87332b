"""A small result of made-up values, which needs no model and takes a millisecond."""

from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.results import GROUP, GROUPS, VARIABLES, make_dataset, make_result
from pyrosnn.results.dataset import combine_repeats

SIZES = {
    "repeat": 3,
    "example": 5,
    "strength": 3,
    "attack_samples": 2,
    "inference_samples": 2,
}


def small_result(sizes: dict[str, int] | None = None, **provenance: Any) -> xr.DataTree:
    """Return a result whose values are drawn with a fixed seed."""
    sizes = sizes or SIZES
    rng = np.random.default_rng(0)
    coords = {
        "example": np.arange(sizes["example"]),
        "strength": np.arange(sizes["strength"]) / 4,
        "attack_samples": 1 + np.arange(sizes["attack_samples"]) * 4,
        "inference_samples": 5 + np.arange(sizes["inference_samples"]),
        "label": rng.integers(0, 10, sizes["example"]),
    }

    def values(name: str) -> np.ndarray:
        shape = [sizes[dim] for dim in VARIABLES[name].dims]
        drawn = rng.random(shape) * (1 if VARIABLES[name].dtype.startswith("float") else 9)
        if name == "cosine":
            drawn[..., :1, :] = np.nan  # as where there is no gradient
        return drawn > 0.5 if VARIABLES[name].dtype == "bool" else drawn

    repeats = [
        make_dataset({name: values(name) for name in sorted(GROUPS[GROUP])}, coords)
        for _ in range(sizes["repeat"])
    ]
    spec = {
        "images": sizes["example"],
        "repeats": sizes["repeat"],
        "strengths": coords["strength"].tolist(),
        "attack_samples": coords["attack_samples"].tolist(),
        "inference_samples": coords["inference_samples"].tolist(),
        "attack": "fgm",
        "attack_options": {},
        "norm": "l2",
        "loss": "cross-entropy",
        "gradient": "mean_prediction",
        "labels": "true",
        "seed": 0,
        "block_size": 50,
    }
    made = {
        "model": "bnn",
        "model_digest": "a" * 64,
        "dataset": "digits",
        "dataset_digest": "b" * 64,
        "seed": 0,
        "threads": 1,
        "created": "2026-01-01T00:00:00+00:00",
        "wall_time_s": 1.5,
        **provenance,
    }
    joined = combine_repeats(repeats)
    return make_result(joined, study="sample-size", spec=spec, provenance=made)


def part_of(result: xr.DataTree, **places: Any) -> xr.DataTree:
    """Return a part of a result, by places along dimensions, with the settings of the whole."""
    part = result.copy()
    for name, node in result.children.items():
        held = {dim: place for dim, place in places.items() if dim in node.dims}
        part[name] = xr.DataTree(node.to_dataset().isel(held), name=name)
    return part
