r"""Predictions of the angle from the moments: cosines, their factors, and advice.

Attack and inference sets are independent, so that the expected cosine is a product of three:

$$\underbrace{\frac{\langle \mu_a, \mu_c \rangle}{\|\mu_a\| \|\mu_c\|}}_{\text{loss mismatch}}
\cdot \underbrace{(1 + B_a / S_A)^{-1/2}}_{\text{attack noise}}
\cdot \underbrace{(1 + B_c / S_I)^{-1/2}}_{\text{inference noise}}$$

to first order, with noise scales $B = \operatorname{tr} \Sigma / \|\mu\|^2$. Without attack
noise it is the ceiling: what more attack samples cannot exceed.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from pyrosnn.errors import require, unknown_name
from pyrosnn.statistics import require_confidence, student_quantile
from pyrosnn.summaries.reading import of_moments

WITHOUT = "_without"
DIRECTIONS = ("attack", "condition")
# Intervals are so much wider than Student's: where single gradients are heavy-tailed, few samples
# see too little of the tails, and the jackknife of their errors too. Measured, see the concepts.
HEAVY_TAILS = 1.5
Sizes = Sequence[float | int]


@of_moments
def jackknife(
    of: Callable[[xr.Dataset], xr.DataArray], moments: xr.Dataset
) -> tuple[xr.DataArray, xr.DataArray]:
    r"""Return a number that is derived from the moments, and its standard error.

    The error is $\sqrt{\frac{G - 1}{G} \sum_k (v_k - \bar v)^2}$ over the numbers without group k.
    For squares and products of means it is right where the mean stands out of the noise, and up
    to √2 too large where it drowns in it: on the safe side.

    Args:
        of: the number, as a function of the moments.
        moments: what :func:`attack_moments` returned.

    References:
        B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter 3.
    """
    names = [str(name) for name in moments.data_vars if str(name).endswith(WITHOUT)]
    folds = xr.Dataset({name.removesuffix(WITHOUT): moments[name] for name in names})
    values = of(folds)
    error: xr.DataArray = (values.sizes["fold"] - 1) ** 0.5 * values.std("fold", skipna=False)
    return of(moments.drop_dims("fold")), error


@of_moments
def noise_scale(moments: xr.Dataset) -> xr.DataArray:
    r"""Return $B = \operatorname{tr} \Sigma / \|\mu\|^2$ of both directions.

    ∞ where the estimate of ‖μ‖² is not positive: more noise than the samples can see through.
    """
    square = moments["direction_square"]
    return (moments["direction_trace"] / square.where(square > 0)).fillna(np.inf)


@of_moments
def predicted_cosine(
    moments: xr.Dataset,
    attack_samples: Sizes,
    inference_samples: Sizes,
    *,
    order: int = 1,
) -> xr.DataArray:
    """Return the expected cosine of each image for any sizes of A and I.

    Args:
        moments: what :func:`attack_moments` returned.
        attack_samples: S_A's; ``math.inf`` for the ceiling.
        inference_samples: S_I's; ``math.inf`` for the exact prediction.
        order: 1, or 2 for the next term of the expansion in 1 / S.

    Returns:
        Over example, attack_samples and inference_samples; NaN where an estimated moment leaves
        a square root negative.

    Raises:
        ArgumentError: ``order must be 1 or 2, got 3``.
    """
    require(order in (1, 2), f"order must be 1 or 2, got {order}")
    numerator = moments["direction_product"]
    denominator = xr.ones_like(numerator)
    for direction, values in (("attack", attack_samples), ("condition", inference_samples)):
        dim = "attack_samples" if direction == "attack" else "inference_samples"
        size = xr.DataArray(list(values), dims=dim, coords={dim: list(values)})
        of = moments.sel(direction=direction, drop=True)
        square = of["direction_square"] + of["direction_trace"] / size
        square = square.where(square > 0)
        if order == 2:
            spread = 4 * of["quadratic"] / size + 2 * of["trace_of_square"] / size**2
            numerator = numerator + 3 / 8 * moments["direction_product"] * spread / square**2
            numerator = numerator - of["cross_quadratic"] / (size * square)
        denominator = denominator * square**0.5
    return numerator / denominator


@of_moments
def loss_mismatch(moments: xr.Dataset) -> xr.DataArray:
    """Return the cosine of the expected gradients of the attack's loss and of the condition."""
    exact = predicted_cosine(moments, [math.inf], [math.inf])
    return exact.isel(attack_samples=0, inference_samples=0, drop=True)


@of_moments
def noise_factor(moments: xr.Dataset, direction: str, sizes: Sizes) -> xr.DataArray:
    r"""Return $(1 + B / S)^{-1/2}$, the share of the cosine that remains with S samples.

    For the attack it is the share of the reachable cosine, the *reach*.

    Args:
        moments: what :func:`attack_moments` returned.
        direction: ``attack`` or ``condition``.
        sizes: S.

    Raises:
        UnknownNameError: for another direction.
    """
    if direction not in DIRECTIONS:
        raise unknown_name("direction", direction, DIRECTIONS)
    size = xr.DataArray(list(sizes), dims="samples", coords={"samples": list(sizes)})
    scale = noise_scale(moments).sel(direction=direction, drop=True)
    factor: xr.DataArray = (1 + scale / size) ** -0.5
    return factor


@of_moments
def samples_needed(moments: xr.Dataset, share: float = 0.95, confidence: float = 0.9) -> xr.Dataset:
    r"""Return for each image the S_A that reaches a share ρ of the reachable cosine.

    $S_A = B_a \rho^2 / (1 - \rho^2)$: 4.3 B for 0.90, 9.3 B for 0.95, 49 B for 0.99.

    Args:
        moments: what :func:`attack_moments` returned.
        share: ρ.
        confidence: of the interval, from the jackknife's error of the inverse of S_A, which is
            nearly normal where S_A itself is not; wider by ``HEAVY_TAILS``.

    Returns:
        ``needed``, ``low`` and ``high``, at least 1; ∞ where ‖μ‖² cannot be told from 0.

    Raises:
        ArgumentError: ``share must be between 0 and 1, got 1.5``.
    """
    require(0 < share < 1, f"share must be between 0 and 1, got {share}")
    require_confidence(confidence)
    times = share**2 / (1 - share**2)

    def inverse(of: xr.Dataset) -> xr.DataArray:
        attack = of.sel(direction="attack", drop=True)
        square = attack["direction_square"]
        # without any spread one sample is enough; without any gradient no number is
        least = np.maximum(1e-12 * square, np.finfo(float).tiny)
        return square / np.maximum(attack["direction_trace"], least)

    estimate, error = jackknife(inverse, moments)
    groups = moments.sizes["fold"]
    reach = HEAVY_TAILS * student_quantile(confidence, groups - 1) * error

    def needed(value: xr.DataArray) -> xr.DataArray:
        return (times / value.where(value > 0)).fillna(np.inf).clip(min=1)

    return xr.Dataset(
        {
            "needed": needed(estimate),
            "low": needed(estimate + reach),
            "high": needed(estimate - reach),
        }
    )
