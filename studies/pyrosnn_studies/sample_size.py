"""`sample-size`: what more attack samples do to accuracy and angle (figures 4 and 5)."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import xarray as xr

from pyrosnn.attacks import ATTACKS
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import require, unknown_name
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.plots import sample_size_figure
from pyrosnn.results import combine, combine_repeats, make_result
from pyrosnn.results.provenance import make_provenance
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.training import TrainingSpec
from pyrosnn_studies.study import Study
from pyrosnn_studies.tables import Table, accuracy_by_size, cosines


@dataclass(frozen=True, kw_only=True)
class SampleSizeSpec:
    """Settings of the study.

    Attributes:
        images: the first so many test images.
        attack_samples: sizes S_A; smaller sets are the first samples of the largest one.
        inference_samples: S_I.
        strengths: strengths η.
        attack: name in ``ATTACKS``.
        norm, loss, gradient: settings of the attack.
        clip: whether x + δ is clipped to the data's bounds.
        repeats: repetitions with fresh A and I.
        seed: root seed.
        block_size: images that share a draw of A and I; more blocks, steadier means.
        chunk_size: samples evaluated at once; None chooses by memory.
    """

    images: int
    strengths: tuple[float, ...]
    attack_samples: tuple[int, ...] = (1, 5, 10, 100)
    inference_samples: int = 100
    attack: str = "fgm"
    norm: str = "l2"
    loss: str = "cross-entropy"
    gradient: str = "mean_prediction"
    clip: bool = False
    repeats: int = 5
    seed: int = 0
    block_size: int = 50
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        """Check the grid.

        Raises:
            ArgumentError: naming the value and what is expected.
        """
        require(len(self.strengths) >= 1, "got no strengths; expected at least one")
        require(len(self.attack_samples) >= 1, "got no attack_samples; expected at least one")
        for value in self.attack_samples:
            require(value >= 1, f"attack_samples must be >= 1, got {value}")
        for name in ("inference_samples", "repeats", "block_size"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be >= 1, got {value}")
        if self.chunk_size is not None:
            require(self.chunk_size >= 1, f"chunk_size must be >= 1, got {self.chunk_size}")
        for grid in (self.attack_samples, self.strengths):
            require(len(set(grid)) == len(grid), f"got a value twice in {list(grid)}")
        require(self.images >= 1, f"images must be >= 1, got {self.images}")
        if self.attack not in ATTACKS:
            raise unknown_name("attack", self.attack, ATTACKS)
        for strength in self.strengths:
            ATTACKS[self.attack](
                norm=self.norm, strength=strength, loss=self.loss, gradient=self.gradient
            )

    @property
    def num_blocks(self) -> int:
        """Blocks of images over all repeats: the steps of the progress."""
        return self.repeats * -(-self.images // self.block_size)


def run_sample_size(
    spec: SampleSizeSpec,
    classifier: StochasticClassifier,
    dataset: Dataset,
    *,
    training: TrainingSpec | None = None,
    progress: Callable[[str], None] | None = None,
) -> xr.DataTree:
    """Run the study.

    Args:
        spec: its settings.
        classifier: the classifier.
        dataset: its test split is attacked.
        training: the settings of its training, which the result records.
        progress: called with a short text after each block of images.

    Returns:
        The result: per-image arrays, spec and provenance.

    Raises:
        ArgumentError: for more images than there are.
    """
    start = time.monotonic()
    x, y = dataset.test_images(spec.images)
    attack = ATTACKS[spec.attack](
        norm=spec.norm,
        loss=spec.loss,
        gradient=spec.gradient,
        clip=dataset.bounds if spec.clip else None,
    )
    repeats = []
    for repeat in range(spec.repeats):
        blocks = []
        for block, first in enumerate(range(0, spec.images, spec.block_size)):
            images = x[first : first + spec.block_size].to(classifier.device)
            labels = y[first : first + spec.block_size].to(classifier.device)
            attack_set, inference_set = disjoint_sample_sets(
                classifier,
                images,
                attack=max(spec.attack_samples),
                inference=spec.inference_samples,
                seed=spec.seed,
                repeat=repeat,
                block=block,
                chunk_size=spec.chunk_size,
            )
            parts = [
                evaluate(
                    classifier,
                    images,
                    labels,
                    attack=attack,
                    attack_samples=attack_set[:size],
                    inference_samples=inference_set,
                    strengths=spec.strengths,
                    first_example=first,
                )
                for size in spec.attack_samples
            ]
            blocks.append(combine(parts, "attack_samples"))
            if progress is not None:
                progress(f"repeat {repeat + 1}")
        repeats.append(combine(blocks, "example"))
    provenance = make_provenance(
        classifier,
        dataset,
        training=training,
        seed=spec.seed,
        wall_time_s=time.monotonic() - start,
    )
    return make_result(
        combine_repeats(repeats),
        study="sample-size",
        spec=asdict(spec),
        provenance=provenance,
    )


def sample_size_tables(result: xr.DataTree) -> list[Table]:
    """Return accuracy by strength and S_A, and the cosines by S_A.

    Args:
        result: a result of this study.
    """
    return [accuracy_by_size(result), cosines(result)]


STUDY = Study(tables=sample_size_tables, figure=sample_size_figure)
