"""Attacked training images: the base class of `adversarial` and `trades`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks import ATTACKS, Attack, AttackResult
from pyrosnn.attacks.labels import LABELS
from pyrosnn.errors import ArgumentError, require
from pyrosnn.settings import OneOf, OptionsOf, from_options
from pyrosnn.training.images.attack_samples import ATTACK_SAMPLES
from pyrosnn.training.images.kind import TrainingImages
from pyrosnn.training.modes import frozen

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step

# Set by the images' own fields. An attack of several steps that can keep its samples has the last.
OWN = ("strength", "labels", "clip", "fixed_samples")


@dataclass(frozen=True, kw_only=True)
class AttackedImages(TrainingImages):
    """An attack on the batch; subclasses define the loss on its images.

    The attack sees the classifier as it will be evaluated: batch norm has running statistics. Its
    samples are of the stream ``training`` and of the batch: attacks and judgements after the
    training have the same samples with and without it.

    Attributes:
        attack: attack on the images of each step.
        strength: strength η, the largest norm of δ, in pixel units.
        attack_options: other settings of the attack (``norm``, ``loss``, ``steps``, …), complete
            with its defaults.
        labels: labels whose loss the attack maximises.
        num_samples: number of samples in each step of the attack, S_T.
        noise: samples of the attack, drawn in each step, drawn once, or reused from the loss.
            Those of the loss are its particles.
        clip: clip x + δ to the data's bounds.
        warm_up: number of epochs on clean images before the first attack.
    """

    attack: Annotated[str, OneOf(ATTACKS)] = "pgd"
    strength: Annotated[float, Ge(0)]
    attack_options: Annotated[
        Mapping[str, Any], OptionsOf("attack", ATTACKS, hidden=OWN, prefix="attack")
    ] = field(default_factory=dict)
    labels: Annotated[str, OneOf(LABELS)] = "true"
    num_samples: Annotated[int, Ge(1)] = 1
    noise: Annotated[str, OneOf(ATTACK_SAMPLES)] = "fresh"
    clip: bool = True
    warm_up: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        """Check the settings, by making the attack, and complete its options.

        Raises:
            UnknownNameError: for an unknown attack, noise, or option of the attack.
            ArgumentError: ``strength must be >= 0 and finite, got -0.1``.
        """
        super().__post_init__()
        made = self.make_attack(None)
        own = {f.name: getattr(made, f.name) for f in fields(made) if f.name not in OWN}
        object.__setattr__(self, "attack_options", own)

    @property
    def clean_epochs(self) -> int:
        """The warm-up."""
        return self.warm_up

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse noise that clipping would undo, and a number of samples without effect."""
        require(
            spec.smoothing_variance == 0 or not self.clip,
            "noisy images leave the data's bounds, to which the attack would clip them; set clip "
            "to False, or smoothing_variance to 0",
        )
        require(
            self.noise != "reused" or self.num_samples in (1, spec.num_particles),
            f"an attack that reuses the particles has {spec.num_particles} samples, got "
            f"num_samples = {self.num_samples}; leave it out",
        )

    def make_attack(self, bounds: tuple[float, float] | None) -> Attack:
        """Return the attack.

        Args:
            bounds: smallest and largest pixel value; None for no clipping.
        """
        kind = ATTACKS[self.attack]
        values = (self.strength, self.labels, bounds, ATTACK_SAMPLES[self.noise].fixed)
        has = {f.name for f in fields(kind)}
        own = {name: value for name, value in zip(OWN, values, strict=True) if name in has}
        # checked alone first, so that nobody gives what the images set
        from_options(kind, self.attack, self.attack_options, hidden=OWN)
        attack: Attack = kind(**{**self.attack_options, **own})
        return attack

    def attacked(self, step: "Step") -> Tensor:
        """Return x + δ of a step's images; x once the training's loss is not finite."""
        setting = step.setting
        attack = self.make_attack(setting.bounds if self.clip else None)
        try:
            with frozen(setting.classifier):
                delta = self.run(attack, step)
        except ArgumentError:
            if torch.isfinite(step.loss(step.clean)):
                raise
            return step.x  # the training says better than an attack why it ends
        return step.x + delta.detach()

    def run(self, attack: Attack, step: "Step") -> Tensor:
        """Return δ of a step's images; a subclass may share it among some of them.

        Args:
            attack: the attack.
            step: the step.
        """
        samples = ATTACK_SAMPLES[self.noise].samples(step, self.num_samples)
        result: AttackResult = attack(step.setting.classifier, step.x, step.y, samples)
        return result.perturbation

    def warming_up(self, step: "Step") -> bool:
        """Return whether a step belongs to the warm-up on clean images."""
        return step.epoch <= self.warm_up
