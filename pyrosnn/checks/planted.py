"""A classifier with a planted vulnerability: other classes, whose boundaries are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyro
import torch
from pyro.distributions import Delta
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.function import Function, VectorJacobianProduct
from pyrosnn.networks.network import Parts
from pyrosnn.outputs.algebra import one_hot
from pyrosnn.shapes import Images, Labels, Logits, PerClass, Sites

SITE = "planted_image"
# Logit of all classes but the label and the class planted beside it: never the largest.
OTHERS = -5.0


class Planted(StochasticClassifier):
    r"""A classifier whose logits z are read out anew, so that its truth is known at some points.

    Each image $x_i$ has a direction $w_i$, a label and a second class. The score of an image x is
    $s = w_i^\top (z(x, \theta) - z(x_i, \theta))$; the label has the logit 1 - s and the second
    class s - 1. The noise is that of the base. The mean of the new logits is the new readout of
    the mean logits, so that a point with a mean score above 1 is misclassified.

    The site ``planted_image`` says which image a row belongs to, so that attacks may ask about
    some of the images in any order.

    Args:
        base: the classifier.
        x: images, shape (example, *image); samples are drawn for all of them.
        weight: $w_i$, shape (example, class).
        y: label of each image, shape (example,).
        other: second class of each image, shape (example,).
    """

    x: Tensor
    weight: Tensor
    slope: Tensor
    offset: Tensor
    output = "logits"
    objective = ""  # its base is trained

    def __init__(
        self, base: StochasticClassifier, x: Images, weight: PerClass, y: Labels, other: Labels
    ):
        super().__init__(base.image_shape, base.num_classes)
        self.base = base
        self.per_example = True
        self.vectorized_guide = base.vectorized_guide
        label, second = one_hot(y, weight), one_hot(other, weight)
        slope = second - label
        values = {
            "x": x,
            "weight": weight,
            "slope": slope,
            "offset": OTHERS * (1 - label - second) - slope,
        }
        for name, value in values.items():
            self.register_buffer(name, value.to(base.dtype))

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw the base's sites, and number the images."""
        index = torch.arange(len(x), device=x.device)
        with images:
            own = {SITE: pyro.sample(SITE, Delta(index))}
        return {**self.base.sample_sites(x, images), **own}

    def trunk(self) -> Function | None:
        """Return the base's trunk."""
        return self.base.trunk()

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return the base's logits, read out anew."""
        base, readout = self._readout(sites)
        return readout(self.base.logits(x, base))

    def parts(self, sites: Sites) -> Parts:
        """Read out the base's parts: an attack meets the derivatives of the base itself."""
        base, readout = self._readout(sites)
        parts = self.base.parts(base)
        return Parts(parts.first, ReadOut(parts.rest, readout))

    def _readout(self, sites: Sites) -> tuple[Sites, "Readout"]:
        """Return the base's sites, and the readout of the images that samples belong to."""
        base = {name: value for name, value in sites.items() if name != SITE}
        rows = sites[SITE][0]
        with torch.no_grad():
            clean = self.base.logits(self.x[rows], base)
        return base, Readout(clean, self.weight[rows], self.slope[rows], self.offset[rows])


@dataclass(frozen=True)
class Readout:
    """Logits of the planted classes as an affine map of the base's.

    Attributes:
        clean: logits of the unmoved images, shape (sample, example, class).
        weight, slope, offset: of each image, shape (example, class).
    """

    clean: Logits
    weight: PerClass
    slope: PerClass
    offset: PerClass

    def __call__(self, logits: Logits) -> Logits:
        """Return the new logits."""
        return self.offset + self.linear(logits - self.clean)

    def linear(self, step: Logits) -> Logits:
        """Return the derivative along a step of the logits."""
        return self.slope * (self.weight * step).sum(-1, keepdim=True)

    def transposed(self, cotangents: Logits) -> Logits:
        """Return the cotangents of the base's logits."""
        return self.weight * (self.slope * cotangents).sum(-1, keepdim=True)


@dataclass(frozen=True)
class ReadOut(Function):
    """A network's last part, and a readout after it.

    Attributes:
        rest: features to the base's logits.
        readout: the base's logits to those of the planted classes.
    """

    rest: Function
    readout: Readout

    @property
    def affine(self) -> bool:
        """Whether the base's part is."""
        return self.rest.affine

    def __call__(self, h: Tensor) -> Tensor:
        """Return the new logits."""
        return self.readout(self.rest(h))

    def jvp(self, h: Tensor, steps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the new logits, and their derivative along each of the steps."""
        logits, tangents = self.rest.jvp(h, steps)
        return self.readout(logits), [self.readout.linear(tangent) for tangent in tangents]

    def vjp(self, h: Tensor) -> tuple[Tensor, VectorJacobianProduct]:
        """Return the new logits, and the map of their cotangents to those of the features."""
        logits, of_rest = self.rest.vjp(h)
        return self.readout(logits), lambda u: of_rest(self.readout.transposed(u))
