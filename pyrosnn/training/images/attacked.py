"""Images under an attack within the training: what `adversarial` and `trades` share."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pyrosnn.attacks import ATTACKS, Attack
from pyrosnn.errors import ArgumentError, require, unknown_name
from pyrosnn.training.images.attack_samples import ATTACK_SAMPLES
from pyrosnn.training.images.kind import TrainingImages
from pyrosnn.training.modes import frozen
from pyrosnn.training.options import from_options

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step

# Set by the images' own fields. An attack of several steps that can keep its samples has the last.
OWN = ("strength", "labels", "clip", "fixed_samples")


@dataclass(frozen=True, kw_only=True)
class AttackedImages(TrainingImages):
    """An attack on the batch, whatever the loss makes of its images.

    The attack sees the classifier as it will be evaluated: batch norm has running statistics. Its
    samples are of the stream ``training`` and of the batch: attacks and judgements after the
    training have the same samples with and without it.

    Attributes:
        attack: name in ``ATTACKS``.
        strength: η, the largest norm of δ, in the data's pixel units.
        attack_options: other settings of the attack (``norm``, ``loss``, ``steps``, …), complete
            with its defaults.
        labels: whose loss the attack maximises: the ``true`` labels, or those ``predicted``.
        num_samples: S_T, samples in a step of the attack.
        noise: name in ``ATTACK_SAMPLES``: ``fresh`` samples in each step of the attack; the same,
            ``fixed`` in all of its steps; or the particles of the loss, ``reused`` by the attack.
        clip: keep x + δ within the data's bounds.
        warm_up: epochs that are trained on the clean images first.
    """

    attack: str = "pgd"
    strength: float
    attack_options: Mapping[str, Any] = field(default_factory=dict)
    labels: str = "true"
    num_samples: int = 1
    noise: str = "fresh"
    clip: bool = True
    warm_up: int = 0

    def __post_init__(self) -> None:
        """Check the settings, by making the attack, and complete its options.

        Raises:
            UnknownNameError: for an unknown attack, noise, or option of the attack.
            ArgumentError: ``strength must be >= 0 and finite, got -0.1``.
        """
        if self.noise not in ATTACK_SAMPLES:
            raise unknown_name("noise", self.noise, ATTACK_SAMPLES)
        require(self.num_samples >= 1, f"num_samples must be >= 1, got {self.num_samples}")
        require(self.warm_up >= 0, f"warm_up must be >= 0, got {self.warm_up}")
        made = self.make_attack(None)
        own = {f.name: getattr(made, f.name) for f in fields(made) if f.name not in OWN}
        object.__setattr__(self, "attack_options", own)

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse noise that clipping would undo, and a number of samples that nobody draws."""
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
        if self.attack not in ATTACKS:
            raise unknown_name("attack", self.attack, ATTACKS)
        kind = ATTACKS[self.attack]
        values = (self.strength, self.labels, bounds, ATTACK_SAMPLES[self.noise].fixed)
        has = {f.name for f in fields(kind)}
        own = {name: value for name, value in zip(OWN, values, strict=True) if name in has}
        # checked alone first, so that nobody gives what the images set
        from_options(kind, self.attack, self.attack_options, hidden=OWN)
        attack: Attack = kind(**{**self.attack_options, **own})
        return attack

    def attacked(self, step: "Step") -> Tensor:
        """Return x + δ of a step's images; x where the training has no finite loss any more."""
        setting = step.setting
        attack = self.make_attack(setting.bounds if self.clip else None)
        try:
            with frozen(setting.classifier):
                samples = ATTACK_SAMPLES[self.noise].samples(step, self.num_samples)
                result = attack(setting.classifier, step.x, step.y, samples)
        except ArgumentError:
            if torch.isfinite(step.loss(step.evaluate(step.x))):
                raise
            return step.x  # the training says better than an attack why it ends
        return step.x + result.perturbation.detach()

    def warming_up(self, step: "Step") -> bool:
        """Return whether a step is still trained on the clean images."""
        return step.epoch <= self.warm_up
