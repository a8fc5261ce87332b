"""A classifier as it is outside of training, for a part of a step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pyrosnn.models.classifier import StochasticClassifier


@contextmanager
def evaluating(classifier: StochasticClassifier) -> Iterator[None]:
    """Put a classifier in evaluation mode within the block: batch norm has running statistics."""
    training = classifier.training
    classifier.eval()
    try:
        yield
    finally:
        classifier.train(training)


@contextmanager
def frozen(classifier: StochasticClassifier) -> Iterator[None]:
    """Put it in evaluation mode, its parameters without gradients, in full precision."""
    learned = [p for p in classifier.parameters() if p.requires_grad]
    with evaluating(classifier), torch.autocast(classifier.device.type, enabled=False):
        for parameter in learned:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in learned:
                parameter.requires_grad_(True)
