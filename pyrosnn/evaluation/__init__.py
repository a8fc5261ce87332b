"""Evaluation: an attack on A, judged on I, as labelled arrays."""

from pyrosnn.evaluation.evaluate import accuracy, evaluate
from pyrosnn.evaluation.moments import gradient_moments

__all__ = ["accuracy", "evaluate", "gradient_moments"]
