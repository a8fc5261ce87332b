"""Names of threats: a norm and a strength in a reader's words."""

import math
from collections.abc import Mapping
from typing import Any

NORMS = {"linf": "ℓ∞", "l2": "ℓ2", "l1": "ℓ1"}
LEVELS = 255  # of grey in a picture's byte


def threat_name(norm: str, strength: float) -> str:
    """Return a threat's name; an ℓ∞ strength of whole grey levels is a fraction.

    Args:
        norm: name of the norm that bounds δ.
        strength: η, in pixel values.

    Example:
        >>> threat_name("linf", 8 / 255), threat_name("linf", 0.1), threat_name("l2", 1.5)
        ('ℓ∞ 8/255', 'ℓ∞ 0.1', 'ℓ2 1.5')
    """
    return f"{NORMS.get(norm, norm)} {shown_strength(norm, strength)}"


def shown_strength(norm: str, strength: float) -> str:
    """Return a strength as text; in ℓ∞ one of whole grey levels is a fraction.

    Args:
        norm: name of the norm that bounds δ.
        strength: η, in pixel values.

    Example:
        >>> shown_strength("linf", 8 / 255), shown_strength("l2", 8 / 255)
        ('8/255', '0.0313725')
    """
    if f"{strength:g}" == repr(strength):  # as somebody wrote it
        return repr(strength)
    levels = round(strength * LEVELS)
    whole = norm == "linf" and levels > 0 and math.isclose(strength * LEVELS, levels, abs_tol=1e-6)
    return f"{levels}/{LEVELS}" if whole and levels < LEVELS else f"{strength:g}"


def strength_in(spec: Mapping[str, Any], strength: float) -> str:
    """Return a strength as the norm in a result's settings is written; see :func:`shown_strength`.

    Args:
        spec: the settings.
        strength: η, in pixel values.

    Example:
        >>> strength_in({"norm": "linf"}, 8 / 255)
        '8/255'
    """
    return shown_strength(str(spec.get("norm", "")), float(strength))
