"""Evaluation mode for a part of a training step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pyrosnn.models.classifier import StochasticClassifier


@contextmanager
def evaluating(classifier: StochasticClassifier) -> Iterator[None]:
    """Put a classifier in evaluation mode within the block: batch norm uses running statistics."""
    training = classifier.training
    classifier.eval()
    try:
        yield
    finally:
        classifier.train(training)


@contextmanager
def frozen(classifier: StochasticClassifier) -> Iterator[None]:
    """Put a classifier in evaluation mode, without gradients of parameters, in full precision."""
    learned = [p for p in classifier.parameters() if p.requires_grad]
    with evaluating(classifier), torch.autocast(classifier.device.type, enabled=False):
        for parameter in learned:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in learned:
                parameter.requires_grad_(True)
