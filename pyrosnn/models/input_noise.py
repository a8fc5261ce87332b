"""The Gaussian noise on the image that a classifier is averaged over."""

from pyrosnn.errors import NotSmoothedError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.networks.network import INPUT
from pyrosnn.noise.additive import AdditiveNoise
from pyrosnn.noise.features import FeatureNoise
from pyrosnn.noise.input import InputNoise
from pyrosnn.noise.noise import Noise


def input_variance(classifier: StochasticClassifier) -> float:
    r"""Return the variance σ² of the Gaussian noise that is added to the image before all else.

    The mean prediction is then $\mathbb E_\varepsilon h(x + \varepsilon)$ with
    $\varepsilon \sim \mathcal N(0, \sigma^2 I)$, whatever else is random in h. Independent noises
    add up: a smoothed network with input noise has the sum of both variances.

    Args:
        classifier: the classifier.

    Returns:
        σ², in squared pixel units.

    Raises:
        NotSmoothedError: for a classifier without such noise. Noise in weights, in hidden layers
            or behind a normalisation does not count.

    Example:
        >>> from pyrosnn.models import build_model
        >>> sin = build_model("sin", image_shape=(1, 8, 8), num_classes=10)
        >>> input_variance(sin), round(input_variance(Smoothed(sin, variance=0.2)), 2)
        (0.1, 0.3)
    """
    variance = _variance(classifier)
    if variance == 0:
        raise NotSmoothedError(
            "the classifier is not averaged over Gaussian noise on the image (noise elsewhere does "
            "not count); average it: Smoothed(classifier, variance=0.1), or "
            "--smoothing-variance 0.1 on the command line"
        )
    return variance


def _variance(classifier: StochasticClassifier) -> float:
    """Return the variance, 0 where there is no noise on the image."""
    if isinstance(classifier, Smoothed):
        return classifier.variance + _variance(classifier.base)
    total = 0.0
    if isinstance(classifier, Composed):
        for noise in classifier.noise:
            if isinstance(noise, InputNoise):
                total += noise.noise_variance
            elif isinstance(noise, AdditiveNoise) and noise.is_gaussian_on_image:
                total += noise.noise_scale**2
            elif isinstance(noise, FeatureNoise) and INPUT in noise.place_of.values():
                total += noise.feature_variance
            elif isinstance(noise, Noise) and INPUT in noise.kinds():
                break  # a mask or a transform: noise after it is not noise on the image
    return total
