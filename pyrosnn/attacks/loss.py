r"""What a loss of an attack is: its value and its cotangents.

Both are functions of a mean prediction. The cotangents $\partial L / \partial z_s$ say how the loss
changes with the logits of each sample: they need the mean prediction of all samples, and the
logits of the chunk in hand. All else (averages, chunks, norms, steps) is the same for every loss.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerImage


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss of a mean prediction.

    Attributes:
        value: (mean prediction, labels) to the loss of each image, float64, shape (example,).
        cotangents: (logits of some samples, labels, mean prediction of all) to the derivatives of
            the value with respect to these logits, float64, shape (sample, example, class).
        rests: whether the loss is constant on images that the attacker's samples misclassify: an
            attack that follows the gradient of fixed samples is then finished with them.
        toward: the same loss toward one class of each image, given as labels of shape (example,);
            None where there is no such form. Images are repeated where each sample is a prediction
            of its own: the classes are then those of the first images, again and again.
    """

    value: Callable[[MeanPrediction, Labels], PerImage]
    cotangents: Callable[[Logits, Labels, MeanPrediction], Logits]
    rests: bool = False
    toward: "Callable[[Labels], Loss] | None" = None


def tiled(target: Tensor, y: Labels) -> Labels:
    """Return the target of each label, where the images are there once for each sample.

    Args:
        target: a class of each image, shape (image,).
        y: labels, shape (example,): those of all images, again and again.
    """
    return target.repeat(len(y) // len(target))


def of_class(values: Tensor, k: Labels) -> PerImage:
    """Return each image's value of one class."""
    return values.gather(-1, k.unsqueeze(-1)).squeeze(-1)
