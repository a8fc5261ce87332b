"""Discriminant functions: each sample votes for one class, and nothing else counts."""

import torch
from torch import Tensor

from pyrosnn.outputs import Output
from pyrosnn.outputs.algebra import weighted
from pyrosnn.outputs.discriminants import Discriminants
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerClass


class Majority(Discriminants):
    """f_c is 1 for the class that the sample predicts, and 0 for the others."""

    def values(self, logits: Logits) -> Logits:
        return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).double()

    def cotangent(self, logits: Logits, k: Labels) -> Logits:
        return torch.zeros_like(logits, dtype=torch.float64)

    def slopes(self, values: Logits, tangents: Logits, y: Labels) -> Logits:
        return torch.zeros_like(tangents, dtype=torch.float64)

    def averaged_logits(self, logits: Tensor) -> Tensor:
        return self.values(logits).sum(-2).log().to(logits.dtype)

    def pool(
        self, exact: Logits, before: PerClass | None, weights: Tensor | None = None
    ) -> PerClass:
        counts = weighted(self.values(exact), weights).sum(0)
        return counts if before is None else before + counts

    def total(self, scores: PerClass) -> PerClass:
        return scores

    def prediction_logits(self, mean: MeanPrediction) -> PerClass:
        return mean.scores.log()

    def log_prob_cotangents(self, logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
        return torch.zeros_like(logits, dtype=torch.float64)

    def log_probs_vjp(self, g: PerClass, logits: Logits, mean: MeanPrediction) -> Logits:
        return torch.zeros_like(logits, dtype=torch.float64)


MAJORITY = Output(
    functions="outside.output:Majority",
    unit="share of votes",
    bounded=True,
    loss="margin",
    module_output="logits",
)
