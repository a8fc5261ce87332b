"""`diagnosis`: how many samples an attack needs, predicted from single samples and measured."""

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.attacks import FGM
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import require, resolve
from pyrosnn.evaluation import attack_moments
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.plots import diagnosis_figure
from pyrosnn.results import GROUP, combine, make_result, read_spec
from pyrosnn.results.provenance import make_provenance
from pyrosnn.sampling import MEMORY_BUDGET
from pyrosnn.summaries import (
    advise,
    loss_mismatch,
    mean_cosine,
    mean_reach,
    noise_factor,
    samples_needed,
)
from pyrosnn.training import Checkpoint, TrainingSpec
from pyrosnn_studies.grid import GridSpec, evaluate_grid
from pyrosnn_studies.presets import default_loss, preset_strengths, study_settings
from pyrosnn_studies.study import Progress, Study
from pyrosnn_studies.tables import Table, mean_and_sd, number

NAME = "diagnosis"
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


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


def verdict(result: xr.DataTree) -> str:
    """Return the advice in a sentence or two."""
    spec, moments = read_spec(result), result["moments"].dataset
    found = advise(moments, share=spec["share"], inference_samples=spec["inference_samples"])
    images = moments.sizes["example"]
    if math.isinf(found.samples):
        return (
            f"No number of samples is known to reach {spec['share']:.0%} of the reachable cosine: "
            f"the gradients of {found.undetermined} of {images} images cannot be told from noise; "
            "take more --num-samples."
        )
    usual = 20
    reached = mean_reach(moments, [usual], spec["inference_samples"]).item()
    return (
        f"Attack with ≥ {found.samples:,} samples (90 % interval {found.low:,} to {found.high:,}): "
        f"{spec['share']:.0%} of the reachable cosine, mean over images.\n"
        f"{usual} samples reach {reached:.0%} of it. Not counted: {found.undetermined} of {images} "
        "images, whose gradients cannot be told from noise."
    )


def _by_size(result: xr.DataTree) -> Table:
    """Return what sizes of A reach, predicted and, where it was, measured."""
    spec, moments = read_spec(result), result["moments"].dataset
    size_i = spec["inference_samples"]
    sizes = sorted({*SIZES, *spec["attack_samples"]})
    cosine = mean_cosine(moments, sizes, size_i).values
    reach = mean_reach(moments, sizes, size_i).values
    doubled = mean_reach(moments, [2 * size for size in sizes], size_i).values
    values = result[GROUP].dataset["cosine"].isel(strength=-1, inference_samples=0)
    measured = values.mean("example", skipna=True)
    rows = []
    for index, size in enumerate(sizes):
        known = size in spec["attack_samples"]
        seen = number(*mean_and_sd(measured.sel(attack_samples=size))) if known else ""
        rows.append(
            [
                f"{size:,}",
                f"{100 * reach[index]:.1f}",
                f"{100 * (doubled[index] - reach[index]):+.1f}",
                f"{cosine[index]:.3f}",
                seen,
                f"{size * spec['images']:,}",
            ]
        )
    ceiling = mean_cosine(moments, [math.inf], size_i).item()
    return Table(
        title=(
            f"{verdict(result)}\n\nWhat S_A samples reach, S_I = {size_i:,}; "
            f"ceiling of the predicted cosine {ceiling:.3f}"
        ),
        header=["S_A", "reach, %", "doubled", "predicted cosine", "measured", "gradients"],
        rows=rows,
    )


def _parts(result: xr.DataTree) -> Table:
    """Return the factors of the cosine, means over images that are determined."""
    spec, moments = read_spec(result), result["moments"].dataset
    size_i = spec["inference_samples"]
    rows = [["loss mismatch", f"{float(loss_mismatch(moments).mean()):.3f}"]]
    for size in spec["attack_samples"]:
        factor = noise_factor(moments, "attack", [size]).mean()
        rows.append([f"attack noise, S_A = {size:,}", f"{float(factor):.3f}"])
    factor = noise_factor(moments, "condition", [size_i]).mean()
    rows.append([f"inference noise, S_I = {size_i:,}", f"{float(factor):.3f}"])
    return Table(
        title="What the predicted cosine is a product of, means over images",
        header=["factor", "mean"],
        rows=rows,
    )


def _by_image(result: xr.DataTree) -> Table:
    """Return quantiles over images of the S_A that each needs, and how sure that is."""
    spec, moments = read_spec(result), result["moments"].dataset
    found = samples_needed(moments, spec["share"])
    sure = float((found["high"] < 2.25 * found["low"]).mean())  # within a factor of 1.5

    def cell(name: str, quantile: float) -> str:
        value = float(np.quantile(found[name].values, quantile, method="inverted_cdf"))
        return "∞" if math.isinf(value) else f"{math.ceil(value):,}"

    return Table(
        title=(
            f"S_A that {spec['share']:.0%} of an image's reachable cosine needs; of single images "
            f"it is known within a factor 1.5 for {sure:.0%}"
        ),
        header=["quantile over images", *[f"{q:.0%}" for q in QUANTILES]],
        rows=[
            [title, *[cell(name, q) for q in QUANTILES]]
            for name, title in (
                ("low", "lower end of 90 %"),
                ("needed", "estimate"),
                ("high", "upper end"),
            )
        ],
    )


def _tables(result: xr.DataTree) -> list[Table]:
    return [_by_size(result), _parts(result), _by_image(result)]


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


STUDY = Study(name=NAME, make_spec=_make_spec, run=_run, tables=_tables, figure=diagnosis_figure)
