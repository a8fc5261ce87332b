"""Robustness conditions of an attack under an inference set (theorems 4.1, 4.2, and tighter).

What needs torch is loaded when it is first used: the closed forms do not, and results are read
without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pyrosnn.conditions.expected_cosine import expected_cosine, second_order_cosine
from pyrosnn.conditions.interval import interval_bound, interval_radius
from pyrosnn.conditions.smoothness import CONSTANTS, cutoff, smoothness_constant

if TYPE_CHECKING:
    from pyrosnn.conditions.geometry import (
        Geometry,
        attack_geometry,
        first_order,
        geometries,
        met_first,
        radii_of,
        require_judgeable,
    )
    from pyrosnn.conditions.linearization import Line, Linearization, linearize
    from pyrosnn.conditions.robustness import (
        interval_condition,
        interval_radii,
        linear_condition,
        smooth_condition,
        smooth_radii,
    )

_WITH_TORCH = {
    "geometry": (
        "Geometry",
        "attack_geometry",
        "first_order",
        "geometries",
        "met_first",
        "radii_of",
        "require_judgeable",
    ),
    "linearization": ("Line", "Linearization", "linearize"),
    "robustness": (
        "interval_condition",
        "interval_radii",
        "linear_condition",
        "smooth_condition",
        "smooth_radii",
    ),
}

__all__ = [
    "CONSTANTS",
    "Geometry",
    "Line",
    "Linearization",
    "attack_geometry",
    "cutoff",
    "expected_cosine",
    "first_order",
    "geometries",
    "interval_bound",
    "interval_condition",
    "interval_radii",
    "interval_radius",
    "linear_condition",
    "linearize",
    "met_first",
    "radii_of",
    "require_judgeable",
    "second_order_cosine",
    "smooth_condition",
    "smooth_radii",
    "smoothness_constant",
]


def __getattr__(name: str) -> Any:
    for module, names in _WITH_TORCH.items():
        if name in names:
            return getattr(importlib.import_module(f"pyrosnn.conditions.{module}"), name)
    raise AttributeError(f"module 'pyrosnn.conditions' has no attribute {name!r}")
