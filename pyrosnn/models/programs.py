"""The networks of a composed classifier's samples, as programs whose values can be bounded."""

from collections.abc import Callable

from pyrosnn.errors import NoBoundsError, with_article
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.networks.module import ModuleNetwork
from pyrosnn.networks.program import Step
from pyrosnn.propagation.traced import Traced, own_tensors
from pyrosnn.shapes import Sites

# From stored sites to programs: one for all samples, or one for each in their order.
Reader = Callable[[Sites], list[list[Step]]]

CAN = (
    "Composed(network, noise=[…]) with dense, cnn, resnet or a module of known layers, "
    "WeightSamples and Ensemble can"
)


def programs_of(classifier: StochasticClassifier) -> Reader:
    """Return the function that gives the one program of some samples.

    Args:
        classifier: a composed classifier in evaluation mode.

    Raises:
        NoBoundsError: for another one, or layers that are not known.
    """
    if not isinstance(classifier, Composed):
        raise NoBoundsError(
            f"{with_article(type(classifier).__name__)} has no bounds: its layers are not known, "
            f"or its forward is a program; {CAN}"
        )
    network = classifier.network
    if isinstance(network, LayeredNetwork):
        return lambda sites: [network.steps(classifier.edits(sites))]
    if isinstance(network, ModuleNetwork):
        traced, own = Traced(network.module, network.image_shape), own_tensors(network.module)
        return lambda sites: [traced.steps(own, classifier.edits(sites))]
    raise NoBoundsError(
        f"the network is {with_article(type(network).__name__)}, whose layers are not known; {CAN}"
    )
