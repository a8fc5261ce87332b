"""Tests of a stochastic classifier's outputs: they vary between samples, and are logits."""

from jaxtyping import Float
from torch import Tensor

from pyrosnn.errors import NotStochasticError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling.draw import draw_sample_set
from pyrosnn.sampling.replay import replay_logits
from pyrosnn.shapes import Logits

# Spread of logits over samples, relative to the largest: rounding stays below.
SMALLEST_SPREAD = 1e-5
# float32 rounding of a sum of probabilities
SUM_TOLERANCE = 1e-4
# Two coins fall alike more often than these.
NUM_SAMPLES = 16


def share_still(logits: Logits) -> float:
    """Return the share of images whose logits are the same in all samples.

    Args:
        logits: logits of some samples.

    Example:
        >>> import torch
        >>> share_still(torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[1.0, 2.0], [0.0, 1.0]]]))
        0.5
    """
    exact = logits.double()
    spread = (exact.amax(0) - exact.amin(0)).amax(-1)
    still = spread <= SMALLEST_SPREAD * exact.abs().amax((0, 2))
    return float(still.double().mean())


def share_of_probabilities(logits: Float[Tensor, "*sample example class_"]) -> float:
    """Return the share of outputs that lie in [0, 1] and sum to 1, like those of a softmax.

    Args:
        logits: what should be logits.

    Example:
        >>> import torch
        >>> share_of_probabilities(torch.tensor([[0.3, 0.7], [-0.5, 1.5]]))
        0.5
    """
    exact = logits.double()
    inside = ((exact >= -SUM_TOLERANCE) & (exact <= 1 + SUM_TOLERANCE)).all(-1)
    return float((inside & ((exact.sum(-1) - 1).abs() < SUM_TOLERANCE)).double().mean())


def require_stochastic(classifier: StochasticClassifier, x: Tensor, *, seed: int = 0) -> None:
    """Refuse a classifier whose outputs do not vary between samples.

    Args:
        classifier: the classifier.
        x: a few images, shape (example, *image).
        seed: root seed of the 16 samples that are drawn, of a stream of their own.

    Raises:
        NotStochasticError: ``the logits of all 5 images are the same in 16 samples: …``.

    Example:
        >>> import pyrosnn
        >>> from pyrosnn.models import build_model
        >>> digits = pyrosnn.load_dataset("digits")
        >>> sin = build_model("sin", image_shape=digits.image_shape, num_classes=10)
        >>> require_stochastic(sin, digits.x_test[:5])
    """
    x = x.to(classifier.device)
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=seed, stream="outputs-vary")
    if share_still(replay_logits(classifier, x, samples)) == 1:
        raise NotStochasticError(
            f"the logits of all {len(x)} images are the same in {NUM_SAMPLES} samples: the "
            f"classifier ({type(classifier).__name__}) is not stochastic; switch its randomness "
            "on (a dropout probability above 0, a guide that is no point estimate, members that "
            "differ, sample sites that logits uses), or evaluate it with a tool for deterministic "
            "networks"
        )
