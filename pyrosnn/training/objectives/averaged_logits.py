"""`averaged-logits`: the cross-entropy of logits that are averaged first."""

from typing import Any

import torch
from torch import Tensor

from pyrosnn.training.objectives.pooled import PooledELBO


class AveragedLogitsELBO(PooledELBO):
    """Cross-entropy of the logits averaged over the samples (noisy copies) of each image."""

    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return log softmax(mean_s z_s)_y, shape (example,)."""
        logits = likelihood.logits  # normalised per sample, which the softmax does not see
        if logits.ndim == 3:
            logits = logits.mean(0)
        return -torch.nn.functional.cross_entropy(logits, labels, reduction="none")
