"""Robustness conditions of an attack under an inference set (theorems 4.1 and 4.2)."""

from pyrosnn.conditions.geometry import Geometry, attack_geometry
from pyrosnn.conditions.robustness import linear_condition, smooth_condition, smooth_radii

__all__ = [
    "Geometry",
    "attack_geometry",
    "linear_condition",
    "smooth_condition",
    "smooth_radii",
]
