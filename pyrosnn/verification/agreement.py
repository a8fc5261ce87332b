"""Programs held against the classifier that they were read of."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyrosnn.errors import NoBoundsError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.program import Program, Step
from pyrosnn.shapes import Images, Sites

TOLERANCE = 1e-3  # of float32 sums in another order


def require_same(
    classifier: StochasticClassifier, x: Images, sites: Sites, programs: Sequence[Sequence[Step]]
) -> None:
    """Refuse programs that are not the classifier: a forward that does more than was read.

    Args:
        classifier: the classifier.
        x: a few images.
        sites: values of a few samples.
        programs: what was read of them.

    Raises:
        NoBoundsError: with the difference.
    """
    with torch.no_grad():
        logits = classifier.logits(x, sites)
        read = torch.cat([_logits(steps, x, classifier.num_classes) for steps in programs])
    error = (read - logits).abs().max() / logits.abs().max().clamp(min=1e-30)
    if not float(error) <= TOLERANCE:
        raise NoBoundsError(
            f"the layers that were read of the {type(classifier).__name__} give logits that differ "
            f"from its own by {float(error):.2g} of the largest; its forward does more than its "
            "layers say"
        )


def _logits(steps: Sequence[Step], x: Images, num_classes: int) -> Tensor:
    program = Program(steps, [x.shape[1:]], [len(steps)], [(num_classes,)], enters=True)
    return program.value(x)
