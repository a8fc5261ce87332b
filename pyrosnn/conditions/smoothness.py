"""The smoothness constant L of a classifier that is averaged over Gaussian noise."""

import math

from pyrosnn.errors import require, unknown_name

# L σ², as each source proves it.
CONSTANTS = {
    "paper": 2.0,
    "tight": 4 * math.exp(-0.5) / math.sqrt(2 * math.pi),
}


def smoothness_constant(variance: float, which: str = "tight") -> float:
    r"""Return L of the difference $f_y - f_c$ of a classifier smoothed with Gaussian noise.

    For f in [0, 1], both bounds hold for the exact expectation $\mathbb E_\varepsilon f(x +
    \varepsilon)$, not for an estimate of it from a few noises.

    Args:
        variance: σ² of the noise, in squared pixel units.
        which: ``paper`` for 2 / σ² (Yang et al. 2022), ``tight`` for 4 φ(1) / σ² = 0.968 / σ².

    Raises:
        ArgumentError: ``variance must be > 0, got 0``.
        UnknownNameError: for an unknown constant.

    Example:
        >>> smoothness_constant(0.1, "paper"), round(smoothness_constant(0.1, "tight"), 2)
        (20.0, 9.68)
    """
    require(variance > 0, f"variance must be > 0, got {variance}")
    if which not in CONSTANTS:
        raise unknown_name("constant", which, CONSTANTS)
    return CONSTANTS[which] / variance


def cutoff(smoothness: float) -> float:
    r"""Return $\sqrt{2 / L}$: no longer attack fulfils the smooth condition.

    With a slope ≥ 0 along δ and a margin ≤ 1, $1 - \frac L2 \|\delta\|^2 > 0$ must hold.

    Args:
        smoothness: L.

    Example:
        >>> round(cutoff(20.0), 3)
        0.316
    """
    require(smoothness > 0, f"smoothness must be > 0, got {smoothness}")
    return math.sqrt(2 / smoothness)
