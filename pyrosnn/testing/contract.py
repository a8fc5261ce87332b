"""The contract of classifiers, as a class for tests to inherit."""

import pytest
from torch import Tensor

from pyrosnn.errors import resolve
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.testing.guarantees import GUARANTEES, trial_images


class ClassifierContract:
    """One test for each of ``GUARANTEES``; inherit it beside a fixture ``classifier``.

    The images are uniform noise unless the subclass has a fixture ``images``: real ones are the
    better trial.

    Example:
        >>> import torch
        >>> from pyrosnn.adapters import Stochastic
        >>> @pytest.fixture(scope="module")
        ... def classifier():
        ...     net = torch.nn.Sequential(
        ...         torch.nn.Flatten(), torch.nn.Dropout(0.2), torch.nn.Linear(64, 10)
        ...     )
        ...     return Stochastic(net, (1, 8, 8))
        >>> class TestMine(ClassifierContract):
        ...     pass
    """

    @pytest.fixture
    def images(self, classifier: StochasticClassifier) -> Tensor:
        """Return a few images, shape (example, *image)."""
        return trial_images(classifier)

    @pytest.mark.parametrize("guarantee", list(GUARANTEES))
    def test_guarantee(
        self, guarantee: str, classifier: StochasticClassifier, images: Tensor
    ) -> None:
        """Check one guarantee."""
        resolve(GUARANTEES, guarantee, "guarantee")(classifier, images)
