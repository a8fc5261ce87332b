"""The loss that an attack maximises on a sample set: its value, and its gradient at the images."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pyrosnn.attacks.averages import GRADIENTS, Average
from pyrosnn.attacks.loss import Loss
from pyrosnn.attacks.losses import LOSSES
from pyrosnn.errors import require, unknown_name
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.outputs.algebra import weighted
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import (
    AfterTrunk,
    DifferentiableChunk,
    DifferentiableReplay,
    SampleSet,
    ScaledSum,
    mean_prediction,
    replay,
)
from pyrosnn.sampling.replay import require_finite
from pyrosnn.shapes import Images, Labels, PerImage


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """A loss gradient for each image, summed over images (no batch mean).

    Attributes:
        direction: the gradient divided by ``scale``, shape (example, *image).
        scale: largest cotangent of each image, float64, shape (example,). A saturated softmax
            makes it tiny (1e-13 at a logit gap of 30); kept apart, it costs no precision.
    """

    direction: Images
    scale: PerImage


@dataclass(frozen=True, kw_only=True)
class AttackLoss:
    """The loss and the average to maximise, by name, and the precision.

    Attributes:
        loss: name in ``LOSSES``.
        gradient: name in ``GRADIENTS``: what is averaged over samples.
        precision: name in ``PRECISIONS``: of the networks' values and derivatives. Losses are
            always computed in float64, and gradients summed in the images' precision.
        target: the class that the loss leads to, of each image, shape (example,); None for any
            class but the label.
    """

    loss: str
    gradient: str
    precision: str = "full"
    target: Labels | None = None

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            UnknownNameError: for an unknown loss, gradient or precision.
        """
        for kind, name, table in (
            ("loss", self.loss, LOSSES),
            ("gradient", self.gradient, GRADIENTS),
            ("precision", self.precision, PRECISIONS),
        ):
            if name not in table:
                raise unknown_name(kind, name, table)

    @property
    def row(self) -> Loss:
        """The row of ``loss`` in ``LOSSES``, toward the target if there is one."""
        row = LOSSES[self.loss]
        if self.target is None:
            return row
        assert row.toward is not None  # see ``toward``
        return row.toward(self.target)

    def toward(self, target: Labels) -> "AttackLoss":
        """Return the loss that leads to one class of each image.

        Args:
            target: that class, shape (example,).

        Raises:
            ArgumentError: for a loss without such a form, naming those that have one.
        """
        having = [name for name, row in LOSSES.items() if row.toward is not None]
        require(
            self.loss in having,
            f"the loss '{self.loss}' leads to no given class; {', '.join(having)} do",
        )
        return replace(self, target=target)

    @property
    def average(self) -> Average:
        """The row of ``gradient`` in ``GRADIENTS``."""
        return GRADIENTS[self.gradient]

    def value(
        self, attacker: StochasticClassifier, x: Tensor, y: Labels, samples: SampleSet
    ) -> PerImage:
        """Return the loss of each image, float64, shape (example,), without a gradient.

        Args:
            attacker: the classifier in the attacker's precision.
            x: images, shape (example, *image).
            y: labels, shape (example,).
            samples: the sample set; its memory does not grow with S.
        """
        mean = MeanPrediction(attacker.output)
        total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        images = AfterTrunk(attacker, x, samples.memory_budget).values
        for chunk in replay(attacker, len(x), samples):
            logits = chunk.logits(images)
            mean.add(logits, chunk.weights)
            if self.average.apart:
                losses = self.average.value(self.row, logits, y, mean)
                total += weighted(losses, chunk.weights).sum(0)
        require_finite(mean.scores)
        if self.average.apart:
            return total / samples.total
        return self.average.value(self.row, logits, y, mean)

    def differentiate(
        self,
        attacker: StochasticClassifier,
        x: Tensor,
        y: Labels,
        samples: SampleSet,
        *,
        predict: bool,
    ) -> tuple[Gradient, MeanPrediction | None]:
        """Return the gradient with respect to the images, and the mean prediction if it is known.

        Args:
            attacker: the classifier in the attacker's precision.
            x: images, shape (example, *image).
            y: labels, shape (example,).
            samples: the sample set.
            predict: whether the mean prediction is asked for, where the gradient needs none.
        """
        if self.average.apart:
            return self._in_one_pass(attacker, x, y, samples, predict=predict)
        # two passes: the cotangents of a sample need the mean prediction of all of them
        replayed = DifferentiableReplay(attacker, x, samples)
        mean = mean_prediction(replayed, attacker.output)
        total = ScaledSum(replayed.images)
        for chunk in replayed:
            total.add(chunk, self.average.cotangents(self.row, chunk.logits, y, mean))
        return Gradient(direction=total.value, scale=total.scale), mean

    def _in_one_pass(
        self,
        attacker: StochasticClassifier,
        x: Tensor,
        y: Labels,
        samples: SampleSet,
        *,
        predict: bool,
    ) -> tuple[Gradient, MeanPrediction | None]:
        """Differentiate a loss of each sample alone: no graph waits for the other samples."""
        mean, number = MeanPrediction(attacker.output), MeanPrediction(attacker.output)
        number.total = samples.total  # all that the cotangents ask of it
        images = AfterTrunk(attacker, x, samples.memory_budget)
        total, finite = ScaledSum(images), torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for chunk in replay(attacker, len(x), samples):
            evaluated = DifferentiableChunk(chunk, images)
            finite += evaluated.logits.sum((0, 2), dtype=torch.float64)
            if predict:
                mean.add(evaluated.logits, evaluated.weights)
            total.add(evaluated, self.average.cotangents(self.row, evaluated.logits, y, number))
        require_finite(finite)
        return Gradient(direction=total.value, scale=total.scale), mean if predict else None
