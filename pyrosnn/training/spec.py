"""Everything that decides a training, as one frozen value."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyrosnn.errors import require, resolve, unknown_name
from pyrosnn.models import complete_options, find_row
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.training.images import IMAGES
from pyrosnn.training.images.augmentations import AUGMENTATIONS
from pyrosnn.training.images.kind import TrainingImages
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.optimizers import OPTIMIZERS
from pyrosnn.training.options import from_options
from pyrosnn.training.regularisers import REGULARISERS
from pyrosnn.training.regularisers.regulariser import Regulariser
from pyrosnn.training.schedules import SCHEDULES

# The settings that are names, and what they name.
TABLES: dict[str, Mapping[str, Any]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augmentation": AUGMENTATIONS,
    "precision": PRECISIONS,
}

# Settings that came later, and their defaults. Files name them only where they differ, so that
# what is trained without them keeps its digest.
LATER: dict[str, Any] = {
    "objective": "",
    "images": "clean",
    "image_options": {},
    "regularisers": {},
}


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """Settings of one training; ``dataclasses.replace`` changes some.

    Attributes:
        model: name in ``MODELS``; empty for a classifier of one's own, see :func:`fit`.
        options: options of the model, complete with its defaults.
        epochs: passes over the training images.
        batch_size: images in a step.
        learning_rate: the optimizer's step size, at the peak of its schedule.
        num_particles: samples in the objective of a step.
        kl_weight: weight of KL / N beside the mean log-likelihood; 1 is the ELBO.
        smoothing_variance: variance of the Gaussian noise on the training images, in squared
            pixel units; 0 trains on the images themselves.
        noisy_copies: how many noisy copies replace each image of a batch, if there is noise.
        seed: root seed of initial values, batches, noise and particles.
        optimizer: name in ``OPTIMIZERS``: ``adam``, ``sgd``.
        momentum: of ``sgd``.
        nesterov: whether that momentum is Nesterov's.
        weight_decay: factor of the parameters that is added to their gradients.
        schedule: name in ``SCHEDULES``: ``constant``, ``steps``, ``one-cycle``.
        milestones: epochs after which ``steps`` lowers the learning rate.
        decay: the factor that it lowers it by.
        augmentation: name in ``AUGMENTATIONS``: ``none``, ``flip``, ``crop-flip``.
        precision: name in ``PRECISIONS``: ``full``, or ``bf16`` for mixed precision.
        objective: name in ``OBJECTIVES``; empty for the model's own.
        images: name in ``IMAGES`` of what the loss is computed on: ``clean``, ``adversarial``,
            ``trades``; after augmentation and noise.
        image_options: their options, complete with the defaults.
        regularisers: options of each term added to the objective, complete with its defaults, by
            its name in ``REGULARISERS``.

    Example:
        >>> from pyrosnn.training import preset
        >>> options = {"attack": "fgm", "strength": 0.1, "attack_options": {"norm": "linf"}}
        >>> spec = preset("bnn", images="adversarial", image_options=options)
        >>> spec.image_options["noise"], spec.image_options["num_samples"]
        ('fresh', 1)
        >>> preset("sin", regularisers={"input-gradient": {"weight": 0.1}}).regularisers
        {'input-gradient': {'weight': 0.1, 'start': 0, 'average': 'squares'}}
    """

    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    num_particles: int
    kl_weight: float
    options: Mapping[str, Any] = field(default_factory=dict)
    smoothing_variance: float = 0.0
    noisy_copies: int = 2
    seed: int = 0
    optimizer: str = "adam"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "constant"
    milestones: Sequence[int] = ()
    decay: float = 0.2
    augmentation: str = "none"
    precision: str = "full"
    objective: str = ""
    images: str = "clean"
    image_options: Mapping[str, Any] = field(default_factory=dict)
    regularisers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values and complete the options of model, images and regularisers."""
        for name in ("epochs", "batch_size", "num_particles", "noisy_copies"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be >= 1, got {value}")
        require(self.learning_rate > 0, f"learning_rate must be > 0, got {self.learning_rate}")
        for name in ("kl_weight", "smoothing_variance", "momentum", "weight_decay"):
            value = getattr(self, name)
            require(value >= 0, f"{name} must be >= 0, got {value}")
        require(0 < self.decay <= 1, f"decay must be in (0, 1], got {self.decay}")
        require(
            self.momentum > 0 or not self.nesterov, "nesterov needs a momentum > 0, got momentum 0"
        )
        for name, table in TABLES.items():
            value = getattr(self, name)
            if value not in table:
                raise unknown_name(name, value, table)
        given = {
            # JSON has no tuples; without this a checkpoint's spec would not equal its original
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.options.items()
        }
        options = complete_options(self.model, given) if self.model else given
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "milestones", tuple(self.milestones))
        if self.objective and self.objective not in OBJECTIVES:
            raise unknown_name("objective", self.objective, OBJECTIVES)
        images = self.make_images()
        images.check(self)
        object.__setattr__(self, "image_options", asdict(images))
        require(
            isinstance(self.regularisers, Mapping),
            "regularisers must be options by name, such as {'input-gradient': {'weight': 0.1}}, "
            f"got {self.regularisers!r}",
        )
        terms = zip(self.regularisers, self.make_regularisers(), strict=True)
        object.__setattr__(self, "regularisers", {name: asdict(term) for name, term in terms})

    def make_images(self) -> TrainingImages:
        """Return what the loss of a step is computed on."""
        row = resolve(IMAGES, self.images, "images")
        made: TrainingImages = from_options(row, self.images, self.image_options)
        return made

    def make_regularisers(self) -> list[Regulariser]:
        """Return the terms that are added to the objective, in the order of their names here."""
        return [
            from_options(resolve(REGULARISERS, name, "regulariser"), name, options)
            for name, options in self.regularisers.items()
        ]

    @property
    def output(self) -> str:
        """What the model's discriminant functions are."""
        return find_row(self.model).output

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain values; later ones only where they are no defaults."""
        values = asdict(self).items()
        return {name: v for name, v in values if name not in LATER or v != LATER[name]}
