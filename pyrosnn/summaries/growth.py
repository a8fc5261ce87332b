"""The cosine at S_A samples: measured up to many, continued beyond them."""

import math

import numpy as np
import xarray as xr

from pyrosnn.summaries.line import least_squares

Array = np.ndarray
TAIL = 2  # largest sizes that decide how the curve goes on: all samples, and half of them
# One image goes on with 1 / S_A; images differ, and the mean over them rises more slowly. Measured,
# see the concepts.
EXPONENT = 0.9


class Growth:
    r"""Mean cosine over images against S_A, at one S_I.

    Up to the largest size it is what was measured, interpolated in $\log S_A$. Beyond, it follows
    $\cos^{-2} = i + s\, S_A^{-0.9}$ through the two largest, with $i \ge 1$. Another S_I than the
    measured one changes each image's cosines by the ratio of the first order's inference noise.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned.
        inference_samples: S_I.
    """

    def __init__(self, moments: xr.Dataset, inference_samples: float | int):
        cosine = moments["resampled_cosine"].transpose("example", "subset").values
        cosine = cosine * _other_inference(moments, inference_samples)[:, None]
        defined = cosine[~np.isnan(cosine).any(1)]
        self.sizes = moments["subset"].values.astype(float)
        self.curve = defined.mean(0) if len(defined) else np.full(len(self.sizes), np.nan)
        self._largest, self._last = self.sizes[-1], float(self.curve[-1])
        tail = self.curve[-TAIL:]
        self._flat = bool(np.isnan(tail).any() or (tail <= 0).any())
        if self._flat:
            return
        i, s, _ = least_squares(self.sizes[-TAIL:], tail, power=4.0, exponents=[EXPONENT])
        self._i, self._s = max(float(i), 1.0), float(s)

    def means(self, sizes: Array) -> Array:
        """Return the mean cosine over images for each S_A; NaN where there is no image."""
        inside = np.interp(np.log(np.minimum(sizes, self._largest)), np.log(self.sizes), self.curve)
        if self._flat:
            return np.asarray(inside)
        beyond = self._last * np.sqrt(self._inverse(self._largest) / self._inverse(sizes))
        return np.asarray(np.where(sizes <= self._largest, inside, np.minimum(beyond, 1.0)))

    def _inverse(self, sizes: Array | float) -> Array:
        return np.asarray(self._i + self._s * np.asarray(sizes, dtype=float) ** -EXPONENT)

    @property
    def ceiling(self) -> float:
        """The largest mean cosine that any S_A reaches.

        More samples may reach less: where a few samples have much larger gradients than all
        others, a large A follows them, and an I of few samples seldom holds one.
        """
        return float(np.maximum(self.curve.max(), self.means(np.array([math.inf]))[0]))

    def needed(self, share: float) -> float:
        """Return the S_A at which the mean rises to a share of the ceiling; ∞ if none is known.

        Args:
            share: ρ, between 0 and 1.
        """
        if not self.ceiling > 0:  # an attack that more samples turn away from the boundary
            return math.inf
        target = share * self.ceiling
        rising = self.curve[: self.curve.argmax() + 1]
        below = np.flatnonzero(rising < target)
        if len(below) == 0:
            return 1.0
        last = below[-1]
        if last < len(self.sizes) - 1:
            logs, values = np.log(self.sizes[last : last + 2]), self.curve[last : last + 2]
            return math.exp(float(np.interp(target, values, logs)))
        rest = self._inverse(self._largest) * (self._last / target) ** 2 - self._i
        return float((self._s / rest) ** (1 / EXPONENT)) if rest > 0 else math.inf


def _other_inference(moments: xr.Dataset, inference_samples: float | int) -> Array:
    """Return what an image's cosines are multiplied by at another S_I, shape (example,)."""
    measured = float(moments["resampled_inference"])
    if inference_samples == measured:
        return np.ones(moments.sizes["example"])
    of = moments.sel(direction="condition")
    square, trace = of["direction_square"].values, of["direction_trace"].values
    noisy = [square + trace / size for size in (measured, inference_samples)]
    known = (noisy[0] > 0) & (noisy[1] > 0)
    ratio = np.divide(noisy[0], noisy[1], out=np.ones_like(square), where=known)
    return np.asarray(np.sqrt(ratio))
