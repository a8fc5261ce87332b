"""An attack of the user's own, named as ``package.module:function`` in the place of a row."""

import hashlib
import inspect
import sys
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.external import ExternalAttack
from pyrosnn.errors import ArgumentError, require
from pyrosnn.functions import find_function

ARGUMENTS = ("module", "x", "y", "strength")


@dataclass(frozen=True, kw_only=True)
class AttackRow:
    """What an attack's name stands for: a class, and the settings that are not its defaults.

    Attributes:
        name: a name in ``ATTACKS``, or ``package.module:function``.
        kind: the class.
        own: settings of a function or an attack of the user's.
    """

    name: str
    kind: type[Attack]
    own: dict[str, Any] = field(default_factory=dict)

    def defaults(self, *, hidden: tuple[str, ...]) -> dict[str, Any]:
        """Return its options with their defaults.

        Args:
            hidden: settings that are no options.
        """
        return {one.name: self._default(one) for one in fields(self.kind) if one.name not in hidden}

    def _default(self, one: "Field[Any]") -> Any:
        if one.name in self.own:
            return self.own[one.name]
        if one.default_factory is not MISSING:
            return one.default_factory()
        require(
            one.default is not MISSING,
            f"{self.name} needs '{one.name}'; give it a default, or name an attack that has it",
        )
        return one.default

    def make(self, shared: dict[str, Any], options: dict[str, Any]) -> Attack:
        """Return the attack.

        Args:
            shared: settings of a study, which it gives to all attacks that have them.
            options: the attack's own.

        Raises:
            ArgumentError: ``mine:attack has norm 'linf', the study has 'l2'; give --norm linf``.
        """
        its = {one.name: one.default for one in fields(self.kind)}
        for name in shared.keys() & self.own.keys():
            own = self.own[name]
            require(
                own in (its[name], shared[name]),
                f"{self.name} has {name} '{own}', the study has '{shared[name]}'; give --{name} "
                f"{own}",
            )
        given = {name: value for name, value in shared.items() if name in its}
        return self.kind(**{**self.own, **given, **options})


def find_attack(reference: str) -> AttackRow:
    """Import a function (module, x, y, strength), an attack, or a class of attacks.

    Args:
        reference: ``package.module:function``.

    Raises:
        ArgumentError: for a module or name that is not there, or that is none of these.
    """
    found = find_function(reference)
    if isinstance(found, Attack):
        own = {one.name: getattr(found, one.name) for one in fields(found)}
        return AttackRow(name=reference, kind=type(found), own=own)
    if isinstance(found, type):
        if not issubclass(found, Attack) or inspect.isabstract(found):
            raise ArgumentError(
                f"{reference} is the class {found.__name__}; expected a function "
                f"({', '.join(ARGUMENTS)}) -> attacked images, or an attack with a method run"
            )
        return AttackRow(name=reference, kind=found)
    try:
        inspect.signature(found).bind(*ARGUMENTS)
    except TypeError as error:
        raise ArgumentError(
            f"{reference} cannot be called with ({', '.join(ARGUMENTS)}): {error}"
        ) from None
    return AttackRow(name=reference, kind=ExternalAttack, own={"function": found})


def source_digest(reference: str) -> str:
    """Return the SHA-256 of the file that a name is defined in; empty where there is none.

    Args:
        reference: ``package.module:function``, whose module is imported.
    """
    file = getattr(sys.modules.get(reference.partition(":")[0]), "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
