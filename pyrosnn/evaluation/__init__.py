"""Evaluation: an attack on A, judged on I, as labelled arrays."""

from pyrosnn.evaluation.evaluate import accuracy, evaluate

__all__ = ["accuracy", "evaluate"]
