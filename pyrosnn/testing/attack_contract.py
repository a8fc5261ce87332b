"""The contract of attacks, as a class for tests to inherit."""

import pytest
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.errors import resolve
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.testing.attack_guarantees import ATTACK_GUARANTEES, trial_classifier, trial_labels
from pyrosnn.testing.guarantees import trial_images


class AttackContract:
    """One test for each of ``ATTACK_GUARANTEES``; inherit it beside a fixture ``attack``.

    The classifier is a small network before training, the images are uniform noise, and the labels
    are the classes in turn, unless the subclass has fixtures ``classifier``, ``images`` and
    ``labels``.

    Example:
        >>> from pyrosnn.attacks import PGD
        >>> class TestMine(AttackContract):
        ...     @pytest.fixture
        ...     def attack(self):
        ...         return PGD(strength=0.5, steps=5, relative_step=0.4)
    """

    @pytest.fixture
    def classifier(self) -> StochasticClassifier:
        """Return the classifier to attack."""
        return trial_classifier()

    @pytest.fixture
    def images(self, classifier: StochasticClassifier) -> Tensor:
        """Return a few images, shape (example, *image)."""
        return trial_images(classifier)

    @pytest.fixture
    def labels(self, classifier: StochasticClassifier, images: Tensor) -> Tensor:
        """Return their labels, shape (example,)."""
        return trial_labels(classifier, images)

    @pytest.mark.parametrize("guarantee", list(ATTACK_GUARANTEES))
    def test_guarantee(
        self,
        guarantee: str,
        attack: Attack,
        classifier: StochasticClassifier,
        images: Tensor,
        labels: Tensor,
    ) -> None:
        """Check one guarantee."""
        check = resolve(ATTACK_GUARANTEES, guarantee, "guarantee")
        check(attack, classifier, images, labels)
