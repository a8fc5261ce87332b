"""An attack's settings as plain values, under the names that a result's spec has."""

from dataclasses import fields
from typing import Any

from pyrosnn.attacks import ATTACKS, Attack, ExternalAttack


def attack_spec(attack: Attack) -> dict[str, Any]:
    """Describe an attack for the spec of a result: plain values, ready for JSON.

    Args:
        attack: the attack.

    Returns:
        The settings that all attacks have, by name, with ``attack`` (its name in ``ATTACKS``,
        ``external`` for a function), ``attack_options`` (what it has beyond; of a function its
        name), and ``clip`` as whether it clips.

    Example:
        >>> import pyrosnn
        >>> spec = attack_spec(pyrosnn.PGD(steps=7, relative_step=0.3))
        >>> spec["attack"], spec["norm"], spec["clip"]
        ('pgd', 'l2', False)
        >>> list(spec["attack_options"].items())[0]
        ('steps', 7)
    """
    common = {field.name for field in fields(Attack)}
    settings = {field.name: getattr(attack, field.name) for field in fields(attack)}
    options = {name: settings.pop(name) for name in list(settings) if name not in common}
    if isinstance(attack, ExternalAttack):
        options["function"] = function_name(attack)
    names = {kind: name for name, kind in ATTACKS.items()} | {ExternalAttack: "external"}
    return {
        **settings,
        "attack": names.get(type(attack), type(attack).__name__),
        "attack_options": {k: v for k, v in options.items() if isinstance(v, int | float | str)},
        "clip": attack.clip is not None,
    }


def function_name(attack: ExternalAttack) -> str:
    """Return the name under which an attack's function can be found, or its type's."""
    function: Any = attack.function
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"
