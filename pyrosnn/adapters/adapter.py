"""The common base of adapters: sites with their axes, and a fixed mode."""

from typing import Any

from torch import Tensor

from pyrosnn.adapters.probe import probe
from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.trial import is_shape
from pyrosnn.outputs import find_output


class Adapter(StochasticClassifier):
    """A classifier around a model that was trained elsewhere; pyrosnn does not train it.

    An adapter works on a copy in evaluation mode: the original keeps its mode, parameters,
    buffers and hooks, and may be trained further without changing the adapter. ``train()`` and
    ``eval()`` change nothing: randomness belongs to the samples.

    A subclass ends its constructor with ``settle()``, which finds the number of classes and refuses
    models that are not stochastic classifiers.

    Args:
        image_shape: shape of one image.
        output: what f_c is, ``probs`` or ``logits``; the module returns logits (or
            log-probabilities) in either case.

    Attributes:
        not_replayed: what to do if a sample gives other outputs when it is replayed.
        says_what_it_returns: whether the user said that the outputs are logits, so that numbers in
            [0, 1] are believed.
    """

    objective = ""  # trained by its owner
    not_replayed: str = "make each member a function of the images"
    says_what_it_returns: bool = False

    def __init__(self, image_shape: tuple[int, ...], *, output: str = "probs"):
        require(
            is_shape(image_shape),
            f"image_shape must be a shape such as (1, 8, 8), got {_first_line(image_shape)}",
        )
        super().__init__(image_shape, 0)
        find_output(output)  # refuses any other name
        self.output = output

    def settle(self) -> None:
        """Freeze the parameters, evaluate a few outputs, and refuse implausible ones.

        Raises:
            ArgumentError: for images that the module does not take, outputs that are no logits,
                depend on other images or are not replayed.
            NotStochasticError: for outputs that do not vary.
        """
        self.freeze()
        self.num_classes = probe(self, not_replayed=self.not_replayed)

    def freeze(self) -> None:
        """Switch off the gradients of the parameters."""
        for parameter in self.parameters():  # a scripted module has no requires_grad_()
            parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> "Adapter":
        """Set the flag of this module only; its parts keep their modes."""
        self.training = mode
        return self


def _first_line(value: Any) -> str:
    return repr(value).splitlines()[0]  # images, which may be given in its place, have many


def by_sample(x: Tensor, image_shape: tuple[int, ...], num_samples: int) -> Tensor:
    """Return images with a sample axis, shape (sample, example, *image), without a copy.

    Args:
        x: shape (example, *image), or with that axis already.
        image_shape: shape of one image.
        num_samples: how many samples.
    """
    images = x if x.ndim == len(image_shape) + 2 else x.unsqueeze(0)
    return images.expand(num_samples, *images.shape[1:])
