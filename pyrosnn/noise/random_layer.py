"""The operation of a stochastic layer: a mean, and noise whose scale depends on the image."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from pyrosnn.networks.operation import Operation


@dataclass(frozen=True)
class Scale:
    """A positive function of single numbers, which gives a standard deviation.

    Attributes:
        value: the function.
        derivative: its derivative.
    """

    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


SCALES = {
    "softplus": Scale(softplus, torch.sigmoid),
    "exp": Scale(lambda r: (r / 2).exp(), lambda r: (r / 2).exp() / 2),  # r is a log-variance
}


@dataclass(frozen=True)
class RandomLayer(Operation):
    r"""$ψ(h A + a + s(h B + b) \circ ε)$, with ψ the identity or max(0, ·).

    The derivatives need only the features, which all samples share.

    Attributes:
        mean: A with a as the last row, shape (input + 1, output).
        spread: B with b as the last row, the same.
        scale: s.
        rectified: whether ψ is max(0, ·).
        noise: ε, shape (sample, example or 1, output).
    """

    mean: Tensor
    spread: Tensor
    scale: Scale
    rectified: bool
    noise: Tensor
    affine = False
    words = "noise whose size depends on the features"

    @property
    def num_samples(self) -> int:
        """Number of samples with different noise."""
        return len(self.noise)

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the features with noise."""
        z = self._before(inputs[0])
        return torch.relu(z) if self.rectified else z

    def residual(self, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Keep the features."""
        return inputs[0]

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return ψ' (v A + s' (v B) ε)."""
        assert residual is not None
        v = steps[0]
        slope = self.scale.derivative(_affine(residual, self.spread))
        along = v @ self.mean[:-1] + slope * (v @ self.spread[:-1]) * self.noise
        return along * (self._before(residual) > 0) if self.rectified else along

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return u ψ' Aᵀ + (u ψ' s' ε) Bᵀ, summed over samples before the products if wanted."""
        assert residual is not None
        u = cotangent * (self._before(residual) > 0) if self.rectified else cotangent
        slope = self.scale.derivative(_affine(residual, self.spread))
        with_noise = u * self.noise * slope
        if shared[0]:
            u, with_noise = u.sum(0, keepdim=True), with_noise.sum(0, keepdim=True)
        return (u @ self.mean[:-1].mT + with_noise @ self.spread[:-1].mT,)

    def _before(self, h: Tensor) -> Tensor:
        """Return the value before ψ."""
        return _affine(h, self.mean) + self.scale.value(_affine(h, self.spread)) * self.noise


def _affine(h: Tensor, matrix: Tensor) -> Tensor:
    return h @ matrix[:-1] + matrix[-1]
