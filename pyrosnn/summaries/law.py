"""The cosine at S_A samples as older files know it: from second moments, beyond small sizes."""

import math

import numpy as np
import xarray as xr
from scipy import optimize

Array = np.ndarray
MOST = 1e9  # samples that no attack will have


class Law:
    r"""Expected cosine of each image against S_A, at one S_I.

    Up to the largest resampled S_A it is the resampled cosine, interpolated in $\log S_A$. Beyond,
    it is the first order in the attack's noise, $p / \sqrt{\|\mu_a\|^2 + \operatorname{tr} \Sigma_a
    / S_A}$, with p the product of the attack's mean gradient and resampled directions of I, and
    what the first order misses at the largest resampled S_A, which falls like $1 / S_A$. Another
    S_I than the resampled one changes both by the ratio of the first order's inference noise.
    Moments without resampled cosines have the first order alone.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned, of images that are
            ``determined``.
        inference_samples: S_I.
    """

    def __init__(self, moments: xr.Dataset, inference_samples: float | int):
        squares, traces = (
            moments[f"direction_{name}"].transpose("example", "direction").values.astype(float)
            for name in ("square", "trace")
        )
        self.square, self.trace = squares[:, 0], traces[:, 0]
        exact = np.sqrt(squares[:, 1] + traces[:, 1] / inference_samples)
        if "resampled_cosine" not in moments:
            self.product = moments["direction_product"].values / exact
            self.sizes = np.ones(0)
            return
        resampled = np.sqrt(squares[:, 1] + traces[:, 1] / float(moments["resampled_inference"]))
        self.product = moments["unit_product"].values * resampled / exact
        cosine = moments["resampled_cosine"].transpose("example", "subset").values
        self.cosine = cosine * (resampled / exact)[:, None]
        self.sizes = moments["subset"].values.astype(float)

    def means(self, sizes: Array) -> Array:
        """Return the mean cosine over images for each S_A; NaN where there is no image."""
        if len(self.square) == 0:
            return np.full(len(sizes), np.nan)
        first = self._first_order(sizes)
        if len(self.sizes) == 0:
            return np.asarray(first.mean(0))
        largest = self.sizes[-1]
        eye = np.eye(len(self.sizes))
        logs = np.log(np.minimum(sizes, largest))
        weights = np.stack([np.interp(logs, np.log(self.sizes), row) for row in eye])
        missed = self.cosine[:, -1] - self._first_order(self.sizes[-1:])[:, 0]
        beyond = first + missed[:, None] * (largest / np.maximum(sizes, largest))
        values = np.where(sizes <= largest, self.cosine @ weights, beyond)
        return np.asarray(np.nanmean(values, axis=0))

    @property
    def ceiling(self) -> float:
        """The mean cosine without attack noise."""
        return float(self.means(np.array([math.inf]))[0])

    def needed(self, share: float) -> float:
        """Return the S_A at which the mean is a share of what is reachable; ∞ if none is.

        Args:
            share: ρ, between 0 and 1.
        """
        ceiling = self.ceiling
        if not ceiling > 0:  # an attack that more samples turn away from the boundary
            return math.inf

        def lacking(log_size: float) -> float:
            return float(self.means(np.array([math.exp(log_size)]))[0] / ceiling) - share

        if lacking(0.0) >= 0:
            return 1.0
        if lacking(math.log(MOST)) < 0:
            return math.inf
        return math.exp(float(optimize.brentq(lacking, 0.0, math.log(MOST), xtol=1e-6)))

    def _first_order(self, sizes: Array) -> Array:
        noisy = self.square[:, None] + self.trace[:, None] / sizes
        # where ‖μ‖² is nearly lost in its error, the quotient of estimates can be anything
        return np.asarray(np.clip(self.product[:, None] / np.sqrt(noisy), -1.0, 1.0))
