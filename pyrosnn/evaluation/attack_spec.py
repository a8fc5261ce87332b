"""An attack's settings as plain values, under the names that a result's spec has."""

from dataclasses import fields
from typing import Any

from pyrosnn.attacks import ATTACKS, Attack, GradientAttack
from pyrosnn.settings import checked_arguments


@checked_arguments
def attack_spec(attack: Attack) -> dict[str, Any]:
    """Describe an attack for the spec of a result: plain values, ready for JSON.

    Args:
        attack: the attack.

    Returns:
        The settings that all attacks along a gradient have, by name, with ``attack`` (its name in
        ``ATTACKS``, ``external`` for a function), ``attack_options`` (what it has beyond; of a
        function its name), ``clip`` as whether it clips, ``rests`` as whether its loss does, and
        ``minimises_norm`` as whether δ may be shorter than the strength.

    Example:
        >>> import pyrosnn
        >>> spec = attack_spec(pyrosnn.PGD(steps=7, relative_step=0.3))
        >>> spec["attack"], spec["norm"], spec["clip"]
        ('pgd', 'l2', False)
        >>> list(spec["attack_options"].items())[0]
        ('steps', 7)
    """
    common = {field.name for field in fields(GradientAttack)}
    settings = {f.name: getattr(attack, f.name) for f in fields(attack) if f.name in common}
    names = {kind: name for name, kind in ATTACKS.items()}
    plain = {k: v for k, v in attack.options.items() if isinstance(v, int | float | str)}
    return {
        **settings,
        "attack": names.get(type(attack), attack.kind),
        "attack_options": plain,
        "clip": attack.clip is not None,
        "rests": attack.maximised.row.rests,
        "minimises_norm": attack.minimises_norm,
    }
