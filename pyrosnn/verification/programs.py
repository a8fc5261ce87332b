"""The networks of a classifier's samples, as programs whose values can be bounded."""

from collections.abc import Callable

from torch import Tensor

from pyrosnn.adapters import Ensemble, WeightSamples
from pyrosnn.errors import NoBoundsError, with_article
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.models.noise_free import NoiseFree
from pyrosnn.models.programs import CAN, Reader, programs_of
from pyrosnn.networks.program import Step
from pyrosnn.propagation.traced import Traced, own_tensors
from pyrosnn.sampling import SampleSet
from pyrosnn.shapes import Sites


def reader(classifier: StochasticClassifier) -> Reader:
    """Return the function that gives the programs of some samples.

    Args:
        classifier: the classifier.

    Raises:
        NoBoundsError: for a classifier whose layers are not known, saying why, and what can be
            bounded.

    Example:
        >>> from pyrosnn import draw_sample_set
        >>> from pyrosnn.models import build_model
        >>> bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10)
        >>> x = bnn.network.matrix("last").new_zeros(1, 1, 8, 8)
        >>> I = draw_sample_set(bnn, x, 5, seed=0, stream="inference")
        >>> [program] = reader(bnn)(I.tensors)
        >>> [type(step.operation).__name__ for step in program[:3]]
        ['Flattened', 'DenseProduct', 'Activated']
    """
    for kind, make in READERS.items():
        if isinstance(classifier, kind):
            return make(classifier)
    raise NoBoundsError(
        f"{with_article(type(classifier).__name__)} has no bounds: its layers are not known, or "
        f"its forward is a program; {CAN}"
    )


def _weight_samples(classifier: WeightSamples) -> Reader:
    traced, own = (
        Traced(classifier.module, classifier.image_shape),
        own_tensors(classifier.module),
    )
    stacks = classifier.stacks()

    def read(sites: Sites) -> list[list[Step]]:
        members = sites["member"].flatten()

        def tensor_of(name: str) -> Tensor:
            return stacks[name][members] if name in stacks else own(name)

        return [traced.steps(tensor_of, {})]

    return read


def _ensemble(classifier: Ensemble) -> Reader:
    modules = list(classifier.modules_of_members)
    traced = [Traced(module, classifier.image_shape) for module in modules]
    return lambda sites: [
        traced[member].steps(own_tensors(modules[member]), {})
        for member in sites["member"].flatten().tolist()
    ]


def _noise_free(classifier: NoiseFree) -> Reader:
    return reader(classifier.base)


READERS: dict[type[StochasticClassifier], Callable[..., Reader]] = {
    Composed: programs_of,
    WeightSamples: _weight_samples,
    Ensemble: _ensemble,
    NoiseFree: _noise_free,
}


def typed(samples: SampleSet, classifier: StochasticClassifier) -> Sites:
    """Return the values of samples in the precision of a classifier."""
    dtype = classifier.dtype
    return {n: v.to(dtype) if v.is_floating_point() else v for n, v in samples.tensors.items()}
