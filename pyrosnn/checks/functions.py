"""Attacks that are functions from elsewhere: of them less is known."""

from collections.abc import Mapping
from typing import Any


def is_function(spec: Mapping[str, Any]) -> bool:
    """Whether the attack of a result is a function, given to the library or named to a study.

    Args:
        spec: the result's settings.
    """
    return "external" in (spec.get("attack"), spec.get("attack_kind"))
