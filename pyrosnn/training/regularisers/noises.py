"""The noise that a regulariser is about."""

from typing import TYPE_CHECKING, TypeVar

from torch import Tensor

from pyrosnn.errors import ArgumentError, require
from pyrosnn.models.composed import Composed
from pyrosnn.networks.network import Network
from pyrosnn.noise.noise import Noise
from pyrosnn.noise.stochastic_layer import StochasticLayer

if TYPE_CHECKING:
    from pyrosnn.training.step import Step

N = TypeVar("N", bound=Noise)


def noise_of(step: "Step", kind: type[N], name: str, models: str) -> tuple[Network, N]:
    """Return the network of a step's classifier, and its noise of a kind.

    Args:
        step: of a training.
        kind: class of the noise.
        name: of the regulariser, for errors.
        models: models that have such noise, for errors.

    Raises:
        ArgumentError: for a classifier that has none, or several: ``logit-variance needs a
            LearnedCovariance, which the classifier does not have; train wca, or leave it out``.
    """
    classifier = step.setting.classifier
    if isinstance(classifier, Composed):
        found = [part for part in classifier.noise if isinstance(part, kind)]
        require(
            len(found) <= 1,
            f"{name} is about one {kind.__name__}, and the classifier has {len(found)}; leave it "
            "out, or write a regulariser of your own",
        )
        if found:
            return classifier.network, found[0]
    raise ArgumentError(
        f"{name} needs a {kind.__name__}, which the classifier does not have; train {models}, or "
        "leave it out"
    )


def latent_moments(step: "Step", name: str) -> tuple[Tensor, Tensor]:
    """Return means and scales of a stochastic layer at a step's images, (example, feature) each.

    Args:
        step: of a training.
        name: of the regulariser, for errors.
    """
    network, noise = noise_of(step, StochasticLayer, name, "se-snn or flss")
    return noise.moments(network.inputs_of(noise.head, step.x))
