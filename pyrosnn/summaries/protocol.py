"""What an evaluation does otherwise than attack true labels and judge the attacked image."""

from collections.abc import Mapping
from typing import Any

from pyrosnn.summaries.reading import of_spec


@of_spec
def attacks_predicted(spec: Mapping[str, Any]) -> bool:
    """Whether the attack maximises the loss of predicted labels.

    Args:
        spec: the settings of a result.
    """
    return spec.get("labels") == "predicted"


@of_spec
def judges_clipped(spec: Mapping[str, Any]) -> bool:
    """Whether the image judged is x + δ clipped, and the attack did not clip it itself.

    Args:
        spec: the settings of a result.
    """
    return bool(spec.get("clip_judged")) and not spec.get("clip")


@of_spec
def deviations(spec: Mapping[str, Any]) -> str:
    """Return what a table's title says of both; empty if there is nothing to say.

    Args:
        spec: the settings of a result.

    Example:
        >>> deviations({"labels": "predicted", "clip_judged": True})
        ' (predicted labels, clipped images judged)'
        >>> deviations({"labels": "true", "clip_judged": True, "clip": True})
        ''
    """
    named = {
        "predicted labels": attacks_predicted(spec),
        "clipped images judged": judges_clipped(spec),
    }
    words = [word for word, holds in named.items() if holds]
    return f" ({', '.join(words)})" if words else ""
