"""Bounds of a network's values over a ball of images, by intervals and by linear relaxation.

A network is a list of steps, as ``LayeredNetwork.steps`` and :func:`module_steps` give them, for
the samples of a chunk: bounds have an axis of samples, like values.
"""

from pyrosnn.propagation.ball import BALLS, Region, ball
from pyrosnn.propagation.methods import METHODS, Method, difference_bounds
from pyrosnn.propagation.traced import module_steps

__all__ = ["BALLS", "METHODS", "Method", "Region", "ball", "difference_bounds", "module_steps"]
