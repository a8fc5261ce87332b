"""All settings of a training, as one frozen value."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from pyrosnn.errors import brief, require, resolve
from pyrosnn.models import complete_options, find_row, is_sampled
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.settings import (
    INTERNAL,
    RARE,
    Default,
    OneOf,
    OptionsOf,
    Settings,
    TermsOf,
    from_options,
    kinds_of,
)
from pyrosnn.training.images import IMAGES
from pyrosnn.training.images.augmentations import AUGMENTATIONS
from pyrosnn.training.images.kind import TrainingImages
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.optimizers import OPTIMIZERS
from pyrosnn.training.regularisers import REGULARISERS
from pyrosnn.training.regularisers.regulariser import Regulariser
from pyrosnn.training.schedules import SCHEDULES

# Settings that came later, and their defaults. Files name them only where they differ, so that
# what is trained without them keeps its digest.
LATER: dict[str, Any] = {
    "objective": None,
    "images": "clean",
    "image_options": {},
    "regularisers": {},
}


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings(Settings):
    """The loss of a training.

    Attributes:
        objective: objective, which pools the samples of a step. None is the model's own.
        num_particles: number of samples per step (Pyro's particles).
        kl_weight: weight of the KL divergence per training image; 1 gives the ELBO.
        regularisers: options of each term added to the objective, complete with its defaults, by
            its name in ``REGULARISERS``.
    """

    panel: ClassVar[str] = "objective"

    objective: Annotated[str | None, OneOf(OBJECTIVES), Default("the model's")] = None
    num_particles: Annotated[int, Ge(1)]
    kl_weight: Annotated[float, Ge(0)]
    regularisers: Annotated[
        Mapping[str, Mapping[str, Any]], TermsOf("regulariser", REGULARISERS)
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BatchSettings(Settings):
    """The images of a step.

    Attributes:
        images: images that the loss is computed on. They are made after augmentation and noise.
        image_options: their options, complete with the defaults.
        batch_size: number of images per step.
        augmentation: random changes of the training images.
        smoothing_variance: variance of the Gaussian noise on the training images, in squared pixel
            units; 0 means no noise.
        noisy_copies: number of noisy copies that replace each image, if there is noise.
    """

    panel: ClassVar[str] = "images"

    images: Annotated[str, OneOf(IMAGES)] = "clean"
    image_options: Annotated[Mapping[str, Any], OptionsOf("images", IMAGES)] = field(
        default_factory=dict
    )
    batch_size: Annotated[int, Ge(1)]
    augmentation: Annotated[str, OneOf(AUGMENTATIONS)] = "none"
    smoothing_variance: Annotated[float, Ge(0)] = 0.0
    noisy_copies: Annotated[int, Ge(1), RARE] = 2


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings(Settings):
    """The steps of a training.

    Attributes:
        epochs: number of passes over the training images.
        optimizer: optimizer.
        learning_rate: learning rate, at the peak of its schedule.
        weight_decay: weight decay; this factor times the parameters is added to their gradients.
            Noise may leave parameters out (``without_decay``): ``pni``, ``adv-bnn`` and ``l2p`` do.
        schedule: schedule of the learning rate.
        milestones: epochs after which the learning rate drops (schedule ``steps``).
        decay: factor that multiplies the learning rate at each milestone.
        momentum: momentum (optimizer ``sgd``).
        nesterov: use Nesterov's momentum (optimizer ``sgd``).
        precision: precision of the training (``bf16`` is mixed).
    """

    panel: ClassVar[str] = "optimizer"

    epochs: Annotated[int, Ge(1)]
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = "adam"
    learning_rate: Annotated[float, Gt(0)]
    weight_decay: Annotated[float, Ge(0)] = 0.0
    schedule: Annotated[str, OneOf(SCHEDULES)] = "constant"
    milestones: Sequence[int] = ()
    decay: Annotated[float, Gt(0), Le(1), RARE] = 0.2
    momentum: Annotated[float, Ge(0), RARE] = 0.9
    nesterov: Annotated[bool, RARE] = False
    precision: Annotated[str, OneOf(PRECISIONS)] = "full"


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(OptimizerSettings, BatchSettings, ObjectiveSettings):
    """Settings of one training; ``dataclasses.replace`` changes some.

    The settings of :class:`ObjectiveSettings`, :class:`BatchSettings` and
    :class:`OptimizerSettings`, and these:

    Attributes:
        model: name in ``MODELS``; empty for a classifier of one's own, see :func:`fit`.
        options: options of the model, complete with its defaults.
        seed: root seed of the initial weights, the batches, the noise and the samples.

    Example:
        >>> from pyrosnn.training import preset
        >>> options = {"attack": "fgm", "strength": 0.1, "attack_options": {"norm": "linf"}}
        >>> spec = preset("bnn", images="adversarial", image_options=options)
        >>> spec.image_options["noise"], spec.image_options["num_samples"]
        ('fresh', 1)
        >>> preset("sin", regularisers={"input-gradient": {"weight": 0.1}}).regularisers
        {'input-gradient': {'weight': 0.1, 'start': 0, 'average': 'squares'}}
    """

    panel: ClassVar[str] = "run"
    how_to_make: ClassVar[str] = "make one with pyrosnn.preset, as preset('bnn')"

    model: Annotated[str, INTERNAL]
    options: Annotated[Mapping[str, Any], INTERNAL] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values and complete the options of model, images and regularisers."""
        super().__post_init__()
        require(
            self.momentum > 0 or not self.nesterov, "nesterov needs a momentum > 0, got momentum 0"
        )
        require(
            isinstance(self.options, Mapping),
            "options must be values by name, such as {'hidden': (16,)}, got "
            f"{brief(self.options)}",
        )
        options = {
            # JSON has no tuples; without this a checkpoint's spec would not equal its original
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.options.items()
        }
        options = complete_options(self.model, options) if self.model else options
        object.__setattr__(self, "options", options)
        images = self.make_images()
        images.check(self)
        object.__setattr__(self, "image_options", asdict(images))
        require(
            isinstance(self.regularisers, Mapping),
            "regularisers must be options by name, such as {'input-gradient': {'weight': 0.1}}, "
            f"got {self.regularisers!r}",
        )
        terms = dict(zip(self.regularisers, self.make_regularisers(), strict=True))
        for term in terms.values():
            if term.weight > 0:
                term.check(self)
        made = {name: asdict(term) for name, term in terms.items()}
        object.__setattr__(self, "regularisers", made)

    def make_images(self) -> TrainingImages:
        """Return the images for the loss of a step."""
        row = resolve(IMAGES, self.images, "images")
        made: TrainingImages = from_options(row, self.images, self.image_options)
        return made

    def make_regularisers(self) -> list[Regulariser]:
        """Return the terms that are added to the objective, in the order of ``regularisers``."""
        rows = {name: resolve(REGULARISERS, name, "regulariser") for name in self.regularisers}
        given: Mapping[str, Any] = self.regularisers
        for name, options in given.items():
            without = isinstance(options, Mapping) and "weight" not in options
            require(
                not without or any(option not in kinds_of(rows[name]) for option in options),
                f"{name} needs its weight: --{name}-weight on the command line, "
                f"{name.replace('-', '_')}_weight in a file, or {{'{name}': {{'weight': …}}}} in "
                "Python",
            )
        return [from_options(row, name, given[name]) for name, row in rows.items()]

    @property
    def rounds(self) -> int:
        """The number of epochs; of Markov chains where the posterior is sampled in their place."""
        return int(self.options["chains"]) if is_sampled(self.model) else self.epochs

    @property
    def output(self) -> str:
        """The kind of the model's discriminant functions."""
        return find_row(self.model).output

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain values; newer ones only if they are not the default."""
        values = asdict(self).items()
        return {name: v for name, v in values if name not in LATER or v != LATER[name]}
