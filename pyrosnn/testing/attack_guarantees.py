"""The guarantees of an attack that pyrosnn relies on, by name."""

import torch
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.errors import require, resolve
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.testing.guarantees import trial_images

ATTACK_GUARANTEES = {
    "within-strength": "pyrosnn.testing.perturbations:within_strength",
    "finite": "pyrosnn.testing.perturbations:finite",
    "clip": "pyrosnn.testing.perturbations:clip",
    "zero-strength": "pyrosnn.testing.perturbations:zero_strength",
    "repeats": "pyrosnn.testing.perturbations:repeats",
    "sweep": "pyrosnn.testing.perturbations:sweep",
    "repr": "pyrosnn.testing.perturbations:printed",
    "unchanged": "pyrosnn.testing.attack_effects:unchanged",
    "attack-set-alone": "pyrosnn.testing.attack_effects:attack_set_alone",
}


def trial_classifier() -> StochasticClassifier:
    """Return a small untrained Bayesian network for 8 × 8 images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = build_model("bnn", image_shape=(1, 8, 8), num_classes=10)
    return made.requires_grad_(False)


def trial_labels(classifier: StochasticClassifier, x: Tensor) -> Tensor:
    """Return one label per image, cycling through the classes."""
    return torch.arange(len(x), device=x.device) % classifier.num_classes


def check_attack_contract(
    attack: Attack,
    classifier: StochasticClassifier | None = None,
    x: Tensor | None = None,
    y: Tensor | None = None,
) -> list[str]:
    """Check every guarantee of an attack, in about twenty runs on a few images.

    Args:
        attack: the attack, with a strength above 0.
        classifier: the classifier to attack; None takes a small network for 8 × 8 images.
        x: images, shape (example, *image); None takes uniform noise.
        y: labels, shape (example,); None takes the classes in turn.

    Returns:
        The names of the guarantees that were checked: all of them.

    Raises:
        AssertionError: what does not hold, at the first guarantee that does not.
        ArgumentError: for a strength of 0.

    Example:
        >>> import pyrosnn
        >>> len(check_attack_contract(pyrosnn.FGM(strength=0.5))) == len(ATTACK_GUARANTEES)
        True
    """
    require(attack.strength > 0, "the attack's strength must be > 0 to be checked, got 0")
    classifier = trial_classifier() if classifier is None else classifier
    x = trial_images(classifier) if x is None else x
    y = trial_labels(classifier, x) if y is None else y
    for name in ATTACK_GUARANTEES:
        resolve(ATTACK_GUARANTEES, name, "guarantee")(attack, classifier, x, y)
    return list(ATTACK_GUARANTEES)
