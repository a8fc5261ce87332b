"""One step of a training: a batch, and one draw of the guide that all its terms share."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pyro.poutine.trace_struct import Trace
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import Origin, SampleSet
from pyrosnn.training.left_out import LeftOut
from pyrosnn.training.modes import evaluating
from pyrosnn.training.objectives.pooled import PooledELBO, WeighSites
from pyrosnn.training.regularisers.gradients import input_gradients
from pyrosnn.training.spec import TrainingSpec


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Constants of all steps of a training.

    Attributes:
        classifier: what is trained.
        objective: how the particles are pooled.
        spec: settings.
        num_images: N, the number of training images.
        bounds: smallest and largest pixel value of the data.
        left_out: counts of images that regularisers leave out.
    """

    classifier: StochasticClassifier
    objective: PooledELBO
    spec: TrainingSpec
    num_images: int
    bounds: tuple[float, float]
    left_out: LeftOut = field(default_factory=LeftOut)

    def weighing(self, data: float) -> WeighSites:
        """Return a handler that weighs the sites of all traces within it.

        Args:
            data: weight of the log-likelihood of one image.
        """
        return WeighSites(data=data, latent=self.spec.kl_weight / self.num_images)


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """A batch of training images, and the particles that its loss is computed with.

    Attributes:
        setting: what it shares with all steps.
        x: images, augmented and noisy where the settings say so, shape (example, *image).
        y: their labels, shape (example,).
        epoch: number of the epoch, from 1.
        batch: number of the batch within the epoch, from 0.
        drawn: trace of the guide.
    """

    setting: Setting
    x: Tensor
    y: Tensor
    epoch: int
    batch: int
    drawn: Trace

    @classmethod
    def draw(cls, setting: Setting, x: Tensor, y: Tensor, epoch: int, batch: int) -> "Step":
        """Draw the particles of a batch."""
        with setting.weighing(data=1.0):
            drawn = setting.objective.draw(setting.classifier.guide, x, y)
        return cls(setting=setting, x=x, y=y, epoch=epoch, batch=batch, drawn=drawn)

    def evaluate(self, x: Tensor, weight: float = 1.0) -> Trace:
        """Evaluate the model on the step's particles.

        Args:
            x: images in the place of the batch's, with the same labels.
            weight: of their mean log-likelihood in the loss.
        """
        setting = self.setting
        with setting.weighing(data=weight / len(x)):
            return setting.objective.evaluate(setting.classifier.model, self.drawn, x, self.y)

    @cached_property
    def clean(self) -> Trace:
        """The model evaluated on the batch itself; all terms that need it share it."""
        return self.evaluate(self.x)

    def loss(self, first: Trace, *others: Trace) -> Tensor:
        """Return the mean loss of images: the labels' terms of all traces, and the KL once."""
        objective = self.setting.objective
        loss = objective.full_loss(first, self.drawn)
        for evaluated in others:
            loss = loss + objective.label_loss(evaluated)
        return loss

    @cached_property
    def particles(self) -> dict[str, Tensor]:
        """Values of the sites, shape (sample, example or 1, *event), as functions of parameters."""
        number = self.setting.objective.num_particles
        return {
            name: site["value"].reshape(number, -1, *site["fn"].event_shape)
            for name, site in self._latent.items()
        }

    @property
    def samples(self) -> SampleSet:
        """The particles as a sample set, for an attack on the samples of the loss."""
        origin = Origin(
            seed=self.setting.spec.seed,
            stream="particles",
            repeat=self.epoch,
            block=self.batch,
            stop=self.setting.objective.num_particles,
        )
        return SampleSet(
            origin=origin,
            stored={name: value.detach() for name, value in self.particles.items()},
            per_image=frozenset(
                name
                for name, site in self._latent.items()
                if any(frame.dim == -1 for frame in site["cond_indep_stack"])
            ),
            num_examples=len(self.x),
        )

    @cached_property
    def input_gradients(self) -> Tensor:
        """Gradients of each particle's loss at the images, shape (sample, example, *image).

        They can be differentiated once more; all regularisers share them.
        """
        classifier = self.setting.classifier
        with evaluating(classifier):
            return input_gradients(classifier, self.x, self.y, self.particles)

    @property
    def _latent(self) -> dict[str, Any]:
        trace = prune_subsample_sites(self.drawn)
        nodes = dict[str, Any](trace.nodes)  # their values are of many types
        return {name: nodes[name] for name in trace.stochastic_nodes}
