"""The contract as a class that tests inherit."""

import pytest
from torch import Tensor

from pyrosnn.errors import resolve
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.testing.guarantees import GUARANTEES, trial_images


class ClassifierContract:
    """One test for each of ``GUARANTEES``; inherit it and say what the classifier is.

    A subclass, named ``Test…``, has a fixture ``classifier``; with ``scope="class"`` it is made
    once. The images are uniform noise unless there is a fixture ``images``, too: real ones are the
    better trial.

    Example:
        >>> import torch
        >>> from pyrosnn.adapters import MCDropout
        >>> class TestMine(ClassifierContract):
        ...     @pytest.fixture(scope="class")
        ...     def classifier(self):
        ...         net = torch.nn.Sequential(
        ...             torch.nn.Flatten(), torch.nn.Dropout(0.2), torch.nn.Linear(64, 10)
        ...         )
        ...         return MCDropout(net, (1, 8, 8))
    """

    @pytest.fixture(scope="class")
    def classifier(self) -> StochasticClassifier:
        """Return the classifier; to be overridden."""
        raise NotImplementedError("write a fixture 'classifier' that returns the classifier")

    @pytest.fixture(scope="class")
    def images(self, classifier: StochasticClassifier) -> Tensor:
        """Return a few images, shape (example, *image)."""
        return trial_images(classifier)

    @pytest.mark.parametrize("guarantee", list(GUARANTEES))
    def test_guarantee(
        self, guarantee: str, classifier: StochasticClassifier, images: Tensor
    ) -> None:
        """Check one guarantee."""
        resolve(GUARANTEES, guarantee, "guarantee")(classifier, images)
