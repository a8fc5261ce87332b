"""Protocols: named lists of attacks with their sizes, as data in ``protocols.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from pyrosnn.attacks import ATTACKS, Attack
from pyrosnn.errors import unknown_name
from pyrosnn.evaluation.standard.threat import Threat

PROTOCOLS = ("standard-1", "quick-1")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An attack of a protocol.

    Attributes:
        name: its name in results.
        attack: its name in ``ATTACKS``, or an attack of one's own, whose norm and strength are
            replaced by those of the threat.
        options: its settings, beside those of the threat.
        remaining: run it only on images that V does not find clearly misclassified yet.
        classes: the smallest number of classes that it can be used with.
    """

    name: str
    attack: str | Attack
    options: Mapping[str, Any] = field(default_factory=dict)
    remaining: bool = False
    classes: int = 2

    def __str__(self) -> str:
        """Return the entry as a line of a result's settings.

        Example:
            >>> str(Entry(name="pgd-7", attack="pgd", options={"steps": 7}))
            'pgd-7: pgd(steps=7)'
        """
        kind = self.attack if isinstance(self.attack, str) else self.attack.kind
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name}: {kind}({options}){' on remaining images' * self.remaining}"

    def against(self, threat: Threat, clip: tuple[float, float] | None) -> Attack:
        """Return the attack with the norm and strength of a threat."""
        settings = {**self.options, **threat.bound(clip)}
        if isinstance(self.attack, str):
            return ATTACKS[self.attack](**settings)
        return replace(self.attack, **settings)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The attacks of a standard evaluation, in turn, and its numbers of samples.

    Attributes:
        name: its name and version.
        entries: its attacks.
        selection_samples: S_V, the samples that every decision of an attack is made with.
        inference_samples: S_I, the samples of a prediction.
        queries: predictions with fresh samples at each frozen δ.
        random_draws: random δ that the control chooses from.
        least_attack_samples, most_attack_samples: range of S_A, within which the diagnosis decides.
        known_steps: steps of the attack that knows I.
        checked_images: images that the checks and the diagnosis take at most.
        certificate_samples: draws that certify an image, where its model can be certified; 0 for
            none. They are no part of the attacks, and change none of their values.
        alpha: probability that the certified radius of an image is too large, at most.
    """

    name: str
    entries: tuple[Entry, ...]
    selection_samples: int
    inference_samples: int
    queries: int
    random_draws: int
    least_attack_samples: int
    most_attack_samples: int
    known_steps: int
    checked_images: int = 50
    certificate_samples: int = 0
    alpha: float = 0.001


@cache
def find_protocol(name: str) -> Protocol:
    """Return a protocol by its name.

    Raises:
        UnknownNameError: with the nearest name.

    Example:
        >>> ", ".join(entry.name for entry in find_protocol("quick-1").entries)
        'apgd-ce, apgd-dlr, transfer, square'
    """
    tables = tomllib.loads(Path(__file__).with_name("protocols.toml").read_text("utf-8"))
    if name not in tables:
        raise unknown_name("protocol", name, tables)
    settings = {key: value for key, value in tables[name].items() if key != "entries"}
    entries = tuple(Entry(**entry) for entry in tables[name]["entries"])
    return Protocol(name=name, entries=entries, **settings)
