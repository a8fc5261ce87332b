"""The base class of attacks: settings, and the call that all attacks share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, final

import numpy as np
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks.gradient import attackable
from pyrosnn.attacks.labels import LABELS
from pyrosnn.attacks.maximised import AttackLoss
from pyrosnn.attacks.norms import NORMS, Norm
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.result import AttackResult, result_of, shortened, with_step
from pyrosnn.data.bounds import check_bounds, require_within
from pyrosnn.errors import brief, require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.sampling import SampleSet, require_attackers
from pyrosnn.settings import OneOf, Settings, checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike


@dataclass(frozen=True, kw_only=True)
class Attack(Settings, ABC):
    """Settings of an attack; calling it computes perturbations from an attack set alone.

    An attack of one's own writes ``run``, and says below what it is where that differs: studies
    and checks ask the attack, not its type.

    Attributes:
        norm: norm in which the strength bounds δ.
        strength: largest norm of δ, η, in pixel units.
        labels: labels whose loss is maximised: the true ones, or those predicted by the attack
            set at x, as CleverHans does without labels. They differ for images that the
            attacker's samples misclassify; those are then moved away from the wrong class, and
            some of them become correct.
        clip: smallest and largest pixel of x + δ, or None for no clipping (the paper's). The
            images themselves must lie within.
        linear: whether δ, before clipping, is the strength times a direction that does not depend
            on it; all strengths of a sweep then share one run.
        minimises_norm: whether it looks for the shortest δ that misclassifies, whatever the
            strength. ``run`` is then asked once, for a strength of infinity, and what is longer
            than η is shortened to η: give the data's diameter as η to see every length.
        chooses_loss: whether the settings ``loss`` and ``gradient`` decide what it maximises.
        follows_gradient: whether in one l2 step it goes along the gradient itself.
        norms: the norms that δ may be bound or measured in, by name.
    """

    norm: Annotated[str, OneOf(NORMS)] = "l2"
    strength: Annotated[float, Ge(0)] = 1.5
    labels: Annotated[str, OneOf(LABELS)] = "true"
    clip: tuple[float, float] | None = None

    panel: ClassVar[str] = "attack"
    linear: ClassVar[bool] = False
    minimises_norm: ClassVar[bool] = False
    chooses_loss: ClassVar[bool] = False
    follows_gradient: ClassVar[bool] = False
    norms: ClassVar[Mapping[str, Norm]] = NORMS

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``strength must be >= 0, got -0.1``; for a norm that it does not take.
            UnknownNameError: for an unknown norm or labels.
        """
        given: Any = self.strength
        require(
            not isinstance(given, Tensor | np.ndarray | list | tuple),
            f"strength must be one number for all images, got {brief(self.strength)}; for one of "
            "each image or channel give a function (module, x, y, strength) as the attack",
        )
        super().__post_init__()
        require(
            self.norm in self.norms,
            f"{type(self).__name__} takes {', '.join(self.norms)}, got the norm '{self.norm}'; "
            f"take the attack {'fmn' if self.minimises_norm else 'pgd'}",
        )
        if self.clip is not None:
            object.__setattr__(self, "clip", check_bounds("clip", self.clip))

    @abstractmethod
    def run(self, problem: Problem, strength: float) -> Tensor:
        """Return δ for each image, shaped like ``problem.x``: the method that defines an attack.

        Args:
            problem: images, labels and samples, and the loss as a function of δ.
            strength: η > 0; δ may be no longer (``problem.project``). Clipping is not its duty.
        """

    def stay(self, problem: Problem) -> Tensor:
        """Return δ = 0, for strength 0; a subclass may query the gradient to report on it."""
        return problem.x.new_zeros(problem.x.shape)

    @property
    def maximised(self) -> AttackLoss:
        """The loss that is maximised; the margin loss if the attack has no setting for it."""
        return AttackLoss(loss="margin", gradient="mean_prediction")

    @property
    def one_step(self) -> "Attack":
        """The same attack with a single full-length step; the attack itself if it has no steps."""
        return self

    @property
    def iterated(self) -> bool:
        """Whether the attack makes more than one step."""
        return self.one_step != self

    @property
    def linear_in_strength(self) -> bool:
        """Whether δ is the strength times a direction that does not depend on it."""
        return self.is_linear and self.clip is None

    @property
    def is_linear(self) -> bool:
        """``linear``, for an attack whose settings decide it."""
        return self.linear

    @property
    def pixel_range(self) -> float:
        """Width of ``clip``, which lengths are given as a share of; 1 without clipping.

        Example:
            >>> import pyrosnn
            >>> pyrosnn.FGM(clip=(0.0, 255.0)).pixel_range
            255.0
        """
        return 1.0 if self.clip is None else self.clip[1] - self.clip[0]

    @property
    def kind(self) -> str:
        """The name in results of an attack that is not in ``ATTACKS``."""
        return type(self).__name__

    @property
    def options(self) -> dict[str, Any]:
        """Settings specific to this attack, as plain values for a file."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: v for k, v in own.items() if k not in self.shared}

    @property
    def shared(self) -> dict[str, Any]:
        """Settings common to all gradient attacks, to build another attack on the same loss."""
        own = {f.name: getattr(self, f.name) for f in fields(Attack)}
        return own | {
            name: getattr(self.maximised, name) for name in ("loss", "gradient", "precision")
        }

    def num_selection(self, samples: SampleSet) -> int:
        """Return S_V, the samples that this attack decides with, given A: as many, by default."""
        return len(samples)

    def attacked_labels(
        self, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
    ) -> Tensor:
        """Return the labels whose loss is maximised, shape (example,)."""
        return LABELS[self.labels](classifier, x, y, samples)

    @final
    def __call__(
        self,
        classifier: StochasticClassifier,
        x: ImagesLike,
        y: LabelsLike,
        samples: SampleSet,
        *,
        selection: SampleSet | None = None,
    ) -> AttackResult:
        """Compute δ for each image from the attack set.

        Args:
            classifier: the classifier attacked.
            x: images, shape (example, *image): a tensor, an array or nested lists; within
                ``clip``.
            y: labels, shape (example,), likewise.
            samples: the attack set A; the attack draws further ones from its stream.
            selection: the selection set V that it decides with, where it decides; by default it
                draws one.

        Raises:
            ArgumentError: for bad images or labels, or samples of another classifier.
            NotFiniteError: for outputs, gradients or δ that are NaN or infinite.
            OverlapError: if the samples are an inference set.
        """
        return self.sweep(classifier, x, y, samples, [self.strength], selection=selection)[0]

    @final
    @checked_arguments
    @neutral
    def sweep(
        self,
        classifier: StochasticClassifier,
        x: ImagesLike,
        y: LabelsLike,
        samples: SampleSet,
        strengths: Sequence[float],
        *,
        selection: SampleSet | None = None,
    ) -> list[AttackResult]:
        """Compute δ for several strengths, with one run for all where the attack allows it.

        Args:
            classifier: the classifier attacked.
            x: images, shape (example, *image).
            y: labels, shape (example,).
            samples: the attack set A; the attack draws further ones from its stream.
            strengths: η's, in place of the attack's own.
            selection: the selection set V that it decides with, where it decides; by default it
                draws one.

        Raises:
            ArgumentError: for bad images or labels, a negative strength, or samples of another
                classifier.
            OverlapError: if the samples are an inference set.
        """
        for strength in strengths:  # refused as an attack of that strength would be
            replace(self, strength=strength)
        x, y = attackable(classifier, x, y, samples)
        if selection is not None:
            require_attackers(selection.origin)
            selection.require_fit(classifier, len(x))
        if self.clip is not None:
            require_within(x, self.clip, "clip")
        problem = Problem(
            classifier=classifier,
            x=x,
            labels=self.attacked_labels(classifier, x, y, samples),
            samples=samples,
            maximised=self.maximised,
            norm=self.norms[self.norm],
            clip=self.clip,
            selection=self.num_selection(samples) if selection is None else selection,
        )
        if self.is_linear:
            unit = result_of(problem, self.run(problem, 1.0), y, 1.0)
            return [self._bounded(problem, unit.scaled(strength)) for strength in strengths]
        if self.minimises_norm:
            whole = result_of(problem, self.run(problem, math.inf), y, math.inf)
            return [shortened(problem, whole, strength) for strength in strengths]
        results = []
        for strength in strengths:
            problem = problem.again()
            delta = self.run(problem, strength) if strength > 0 else self.stay(problem)
            results.append(result_of(problem, problem.clipped(delta), y, strength))
        return results

    def _bounded(self, problem: Problem, result: AttackResult) -> AttackResult:
        """Clip x + δ of a scaled result; return it uncopied if there is nothing to clip."""
        if self.clip is None or result.factor == 0:
            return result
        return with_step(problem, result, problem.clipped(result.perturbation))
