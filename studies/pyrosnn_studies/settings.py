"""Settings that several studies have, each with its line of help."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from pyrosnn.errors import require
from pyrosnn.settings import RARE, Settings


@dataclass(frozen=True, kw_only=True)
class ImageSettings(Settings):
    """The images of a study.

    Attributes:
        images: number of test images.
        block_size: number of images that share their sample sets; smaller blocks give steadier
            means.
        first_image: index of the first image, a multiple of the block size, to run one part of a
            larger study. The part has the sample sets that the whole study has there.
    """

    panel: ClassVar[str] = "images"

    images: Annotated[int, Ge(1)]
    block_size: Annotated[int, Ge(1)] = 50
    first_image: Annotated[int, Ge(0), RARE] = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: ``first_image must be a multiple of block_size = 50, got 20``.
        """
        super().__post_init__()
        require(
            self.first_image % self.block_size == 0,
            f"first_image must be a multiple of block_size = {self.block_size}, "
            f"got {self.first_image}",
        )


@dataclass(frozen=True, kw_only=True)
class RepeatSettings(Settings):
    """The repetitions of a study.

    Attributes:
        repeats: number of repetitions, each with fresh sample sets.
        first_repeat: index of the first repetition, to run one part of a larger study.
    """

    panel: ClassVar[str] = "sets"

    repeats: Annotated[int, Ge(1)] = 5
    first_repeat: Annotated[int, Ge(0), RARE] = 0


@dataclass(frozen=True, kw_only=True)
class SeedSettings(Settings):
    """The randomness of a study.

    Attributes:
        seed: root seed of all random numbers.
    """

    panel: ClassVar[str] = "run"

    seed: int = 0
