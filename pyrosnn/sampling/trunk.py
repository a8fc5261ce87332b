"""Images after a classifier's trunk, evaluated once for all samples, and the way back."""

import torch
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.function import VectorJacobianProduct
from pyrosnn.sampling.memory import quarter
from pyrosnn.shapes import Images


class AfterTrunk:
    """The images after the trunk, or the images themselves where there is no trunk.

    A trunk takes as many images at once as a quarter of the memory budget holds. Its graph is
    kept if that is all of them, else it is made again on every way back.

    Args:
        classifier: the classifier.
        x: images, on its device.
        memory_budget: bytes that the evaluation may take.

    Attributes:
        x: the images.
        values: inputs of the samples' first layers.
        straight: whether values at x + t v are those at x plus t times ``jvp(v)``.
    """

    def __init__(self, classifier: StochasticClassifier, x: Images, memory_budget: int):
        trunk = classifier.trunk()
        self.x, self.values = x, x
        self.straight = trunk is None or trunk.affine
        self._trunk = trunk
        self._kept: VectorJacobianProduct | None = None
        if trunk is not None:
            self._dtype = classifier.dtype
            image_bytes = classifier.footprint().trunk * self._dtype.itemsize
            self._size = max(1, quarter(memory_budget) // image_bytes)
            if len(x) <= self._size:
                self.values, self._kept = trunk.vjp(x.to(self._dtype))
            else:
                self.values = self.at(x)

    def at(self, x: Images) -> Tensor:
        """Return the values of other images; without derivatives."""
        if self._trunk is None:
            return x
        with torch.no_grad():
            return torch.cat([self._trunk(part) for part in self._split(x)])

    def jvp(self, v: Images) -> Tensor:
        """Return the derivative of the values along v."""
        if self._trunk is None:
            return v
        parts = zip(self._split(self.x), self._split(v), strict=True)
        return torch.cat([self._trunk.jvp(part, [step])[1][0] for part, step in parts])

    def vjp(self, u: Tensor) -> Images:
        """Return the images' cotangents, given those of the values, in the images' precision."""
        if self._trunk is None:
            return u
        u = u.to(self._dtype)
        if self._kept is not None:
            return self._kept(u).to(self.x.dtype)
        parts = zip(self._split(self.x), u.split(self._size), strict=True)
        cotangents = [self._trunk.vjp(part)[1](step) for part, step in parts]
        return torch.cat(cotangents).to(self.x.dtype)

    def _split(self, x: Images) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = x.to(self._dtype).split(self._size)
        return parts
