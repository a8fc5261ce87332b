"""The attack of a study, as settings: which one, its options, and what all have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, MinLen

from pyrosnn.attacks import ATTACKS, GRADIENTS, LABELS, LOSSES, NORMS, PRECISIONS
from pyrosnn.attacks.own_attack import AttackRow, find_attack
from pyrosnn.errors import ArgumentError
from pyrosnn.functions import OWN_FUNCTION
from pyrosnn.settings import Default, Named, OneOf, OptionsOf, Settings, check_argument

# Settings of the study itself, which it gives to every attack that has them.
SHARED = ("norm", "loss", "gradient", "labels", "precision")
# What is no option of one attack alone.
COMMON = (*SHARED, "strength", "clip", "function")


@dataclass(frozen=True, kw_only=True)
class NamedAttack(Settings):
    """Which attack it is.

    Attributes:
        attack: attack on the images, by name or your own.
        attack_options: options of that attack alone, such as PGD's steps, complete with its
            defaults.
    """

    panel: ClassVar[str] = "attack"

    attack: Annotated[str, OneOf(ATTACKS, also=OWN_FUNCTION)] = "fgm"
    attack_options: Annotated[
        Mapping[str, Any],
        OptionsOf("attack", ATTACKS, hidden=COMMON, own="pyrosnn.attacks.external:ExternalAttack"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Strengths(Settings):
    """How strong it is.

    Attributes:
        strengths: strengths η, one or several, such as 0,4/255,8/255 or 0:1:0.5
            (start:stop:step).
    """

    panel: ClassVar[str] = "attack"

    strengths: Annotated[
        tuple[float, ...], MinLen(1), Ge(0), Default("the data set's"), Named("strength")
    ]


@dataclass(frozen=True, kw_only=True)
class SharedSettings(Settings):
    """What all attacks have in common.

    Attributes:
        norm: norm in which the strength bounds δ.
        loss: loss that the attack maximises, unless it has its own.
        gradient: quantity that the attack averages over its samples.
        labels: labels whose loss the attack maximises (``predicted`` by the attack set).
        precision: precision of the attacker's networks (``bf16`` is faster and coarser).
        clip: clip x + δ to the data's bounds within the attack.
        clip_judged: clip x + δ to the data's bounds before it is judged, but leave δ as it is.
    """

    panel: ClassVar[str] = "attack"

    norm: Annotated[str, OneOf(NORMS)] = "l2"
    loss: Annotated[str, OneOf(LOSSES), Default("cross-entropy, of logits the margin")] = (
        "cross-entropy"
    )
    gradient: Annotated[str, OneOf(GRADIENTS)] = "mean_prediction"
    labels: Annotated[str, OneOf(LABELS)] = "true"
    precision: Annotated[str, OneOf(PRECISIONS)] = "full"
    clip: bool = False
    clip_judged: bool = False


@dataclass(frozen=True, kw_only=True)
class AttackSettings(SharedSettings, Strengths, NamedAttack):
    """The attack of a study: :class:`NamedAttack`, :class:`Strengths`, :class:`SharedSettings`."""


def attack_row(attack: str) -> AttackRow:
    """Return what an attack's name stands for."""
    if attack in ATTACKS:
        return AttackRow(name=attack, kind=ATTACKS[attack])
    return find_attack(attack)


def complete_options(attack: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attack's own options, those that are not given with their defaults.

    Args:
        attack: its name, or ``package.module:function``.
        options: those that are given.

    Raises:
        ArgumentError: for an option that the attack does not have.
    """
    check_argument("attack_options", options, Mapping)
    own = attack_row(attack).defaults(hidden=COMMON)
    for name in options:
        if name not in own:
            raise _no_option(attack, name)
    return {**own, **options}


def _no_option(attack: str, name: str) -> ArgumentError:
    """Return the error for an option that an attack does not have, naming one that does."""
    own = attack_row(attack).defaults(hidden=COMMON)
    has = f"its options are {', '.join(own)}" if own else "it has none"
    others = [other for other in ATTACKS if name in attack_row(other).defaults(hidden=COMMON)]
    step = f"; give --attack {others[0]} (attack='{others[0]}' in Python)" if others else ""
    return ArgumentError(f"{attack} has no option '{name}'; {has}{step}")
