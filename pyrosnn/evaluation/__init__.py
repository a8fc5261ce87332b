"""Evaluation: an attack on A, judged on I, as labelled arrays."""

from pyrosnn.evaluation.attack_moments import attack_moments, has_growth
from pyrosnn.evaluation.attack_spec import attack_spec
from pyrosnn.evaluation.evaluate import accuracy, evaluate
from pyrosnn.evaluation.minimal_norms import minimal_norms
from pyrosnn.evaluation.moments import gradient_moments

__all__ = [
    "accuracy",
    "attack_moments",
    "attack_spec",
    "evaluate",
    "gradient_moments",
    "has_growth",
    "minimal_norms",
]
