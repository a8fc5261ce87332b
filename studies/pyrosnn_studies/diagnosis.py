"""`diagnosis`: how many samples an attack needs, predicted from single samples and measured."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import xarray as xr

from pyrosnn.attacks import FGM
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import require, resolve
from pyrosnn.evaluation import attack_moments
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.plots import diagnosis_figure
from pyrosnn.results import combine, make_result
from pyrosnn.results.provenance import make_provenance
from pyrosnn.sampling import MEMORY_BUDGET
from pyrosnn.training import Checkpoint, TrainingSpec
from pyrosnn_studies.diagnosis_tables import diagnosis_tables
from pyrosnn_studies.grid import GridSpec, evaluate_grid
from pyrosnn_studies.presets import default_loss, preset_strengths, study_settings
from pyrosnn_studies.study import Progress, Study

NAME = "diagnosis"


@dataclass(frozen=True, kw_only=True)
class DiagnosisSpec:
    """Settings of the study.

    Attributes:
        images: the first so many test images.
        num_samples: single samples that the moments are estimated from.
        share: ρ, the share of the reachable cosine that the advice is for.
        strength: strength η of the attacks that are measured.
        attack_samples: sizes S_A of the attacks that are measured.
        inference_samples: S_I of the set that judges them.
        loss, gradient, labels: settings of the attack.
        repeats: repetitions of the measurement with fresh A and I.
        seed: root seed; moments and attacks have samples of their own.
        block_size: images that share a draw of the samples.
    """

    images: int
    num_samples: int
    strength: float
    attack_samples: tuple[int, ...]
    inference_samples: int
    share: float = 0.95
    loss: str = "cross-entropy"
    gradient: str = "mean_prediction"
    labels: str = "true"
    repeats: int = 5
    seed: int = 0
    block_size: int = 50

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: ``share must be between 0 and 1, got 1.5``.
        """
        require(0 < self.share < 1, f"share must be between 0 and 1, got {self.share}")
        require(self.num_samples >= 40, f"num_samples must be >= 40, got {self.num_samples}")
        object.__setattr__(self, "attack_samples", tuple(sorted(self.attack_samples)))
        self.grid()

    def grid(self) -> GridSpec:
        """Return the evaluations that are measured."""
        return GridSpec(
            images=self.images,
            strengths=(0.0, self.strength),
            attack_samples=self.attack_samples,
            inference_samples=(self.inference_samples,),
            loss=self.loss,
            gradient=self.gradient,
            labels=self.labels,
            repeats=self.repeats,
            seed=self.seed,
            block_size=self.block_size,
        )

    @property
    def num_steps(self) -> int:
        """Blocks of images, once for the moments and once a repeat."""
        return (1 + self.repeats) * -(-self.images // self.block_size)


def run_diagnosis(
    spec: DiagnosisSpec,
    classifier: StochasticClassifier,
    dataset: Dataset,
    *,
    training: TrainingSpec | None = None,
    progress: Progress | None = None,
    memory_budget: int = MEMORY_BUDGET,
) -> xr.DataTree:
    """Run the study.

    Args:
        spec: its settings.
        classifier: the classifier.
        dataset: its test split is used.
        training: the settings of its training, which the result records.
        progress: called with a short text after each block of images.
        memory_budget: bytes that the evaluation of a block may take.

    Returns:
        A result with the groups ``evaluation`` and ``moments``.
    """
    start = time.monotonic()
    x, y = dataset.test_images(spec.images)
    attack = FGM(strength=spec.strength, loss=spec.loss, gradient=spec.gradient, labels=spec.labels)
    blocks = []
    for block, first in enumerate(range(0, spec.images, spec.block_size)):
        part = slice(first, first + spec.block_size)
        blocks.append(
            attack_moments(
                classifier,
                x[part],
                y[part],
                attack=attack,
                num_samples=spec.num_samples,
                inference_samples=spec.inference_samples,
                seed=spec.seed,
                block=block,
                first_example=first,
                memory_budget=memory_budget,
            )
        )
        if progress is not None:
            progress("moments")
    values = evaluate_grid(
        spec.grid(), classifier, dataset, progress=progress, memory_budget=memory_budget
    )
    provenance = make_provenance(
        classifier,
        dataset,
        training=training,
        seed=spec.seed,
        wall_time_s=time.monotonic() - start,
    )
    return make_result(
        values,
        study=NAME,
        spec={**asdict(spec.grid()), **asdict(spec)},
        provenance=provenance,
        others={"moments": combine(blocks, "example")},
    )


def _make_spec(
    preset: str, dataset: Dataset, training: TrainingSpec, /, **changes: Any
) -> DiagnosisSpec:
    settings = study_settings(NAME, preset, dataset, changes)
    output = resolve(MODELS, training.model, "model").output
    settings.setdefault("loss", default_loss(output))
    if "strength" not in settings:
        settings["strength"] = preset_strengths(dataset.name, "l2", "single")[0]
    return DiagnosisSpec(**settings)


def _run(
    spec: DiagnosisSpec,
    checkpoint: Checkpoint,
    dataset: Dataset,
    progress: Progress | None,
    memory_budget: int,
) -> xr.DataTree:
    return run_diagnosis(
        spec,
        checkpoint.classifier,
        dataset,
        training=checkpoint.spec,
        progress=progress,
        memory_budget=memory_budget,
    )


STUDY = Study(
    name=NAME, make_spec=_make_spec, run=_run, tables=diagnosis_tables, figure=diagnosis_figure
)
