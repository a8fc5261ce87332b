"""Evaluation: an attack on A, judged on I, as labelled arrays."""

from pyrosnn.evaluation.attack_moments import attack_moments
from pyrosnn.evaluation.evaluate import accuracy, evaluate
from pyrosnn.evaluation.moments import gradient_moments

__all__ = ["accuracy", "attack_moments", "evaluate", "gradient_moments"]
