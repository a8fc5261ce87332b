"""Results of certificates with radii that are given."""

from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.results import make_dataset, make_result

DATA = {"dataset": "digits", "dataset_digest": "b" * 64}


def certificates(radii: Any, first: int = 0, *, model: str = "bnn", **spec: Any) -> xr.DataTree:
    """Return certificates of margins with these radii, at the distances 0.5 and 1.

    Args:
        radii: of the images; NaN where the certificate abstains.
        first: index of the first image.
        model: name of the model.
        spec: settings that differ.
    """
    number = len(radii)
    values = {
        "certified_radius": np.asarray(radii, dtype=float)[:, None],
        "certified_class": np.zeros((number, 1), dtype=int),
        "vote_bound": np.full(number, 0.9),
        "own_correct": np.ones(number, dtype=bool),
        "noise_scale": np.array(0.5),
    }
    coords = {
        "example": np.arange(first, first + number),
        "label": np.zeros(number, dtype=int),
        "certificate": ["margin"],
        "distance": [0.5, 1.0],
    }
    return make_result(
        make_dataset(values, coords),
        study="certificates",
        spec={"alpha": 0.001, "num_samples": 1000, **spec},
        provenance={**DATA, "model": model},
        group="certificates",
    )
