"""The factors of theorem 4.1 of every image, and whether linear theory lets it withstand."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

FACTORS = ("margin", "gradient_norm", "cosine")


def factors_of(values: xr.Dataset) -> list[xr.DataArray]:
    r"""Return the three factors of the condition that an image withstands δ, to first order.

    $f_y - f_j > \|\nabla (f_y - f_j)\| \cdot \|\delta\| \cos$ for the class j whose boundary is
    met first. An image that I misclassifies withstands nothing: its margin counts as -∞. Where the
    cosine is not defined, because δ or the gradient is 0, δ moves the margin by nothing.

    Args:
        values: ``margin``, ``gradient_norm`` and ``cosine`` of every image, the ``length`` ‖δ‖₂,
            and whether it is ``correct`` without δ.

    Returns:
        The margin, the length of its gradient, and how far δ goes against the gradient: its length
        times the cosine. float64, in the order of ``FACTORS``.

    References:
        Däubener and Fischer (2022), theorem 4.1.

    Example:
        >>> of = {"margin": 0.5, "gradient_norm": 2.0, "cosine": 0.8, "length": 0.3}
        >>> values = xr.Dataset({**of, "correct": True}).expand_dims("example")
        >>> withstands([one.values for one in factors_of(values)]).tolist()
        [True]
    """
    margin = values["margin"].astype("float64").where(values["correct"], -np.inf)
    against = (values["cosine"].astype("float64") * values["length"]).fillna(0.0)
    return [margin, values["gradient_norm"].astype("float64"), against]


def withstands(factors: Sequence[np.ndarray]) -> np.ndarray:
    """Return whether images withstand δ by linear theory.

    Args:
        factors: arrays of :func:`factors_of`, of shapes that can be broadcast.
    """
    margin, gradient_norm, against = factors
    return np.asarray(margin > gradient_norm * against)
