"""Comparison of possible readings of what the paper leaves open.

FGM attacks the true labels, or the labels that the attack set predicts
(CleverHans' default). Further readings change one thing of the second: they
clip the judged image, clip δ, add CleverHans' floor on the gradient's norm,
or sample pre-activations instead of weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import xarray as xr
from annotated_types import Ge

from pyrosnn.attacks import FGM, LOSSES
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.plots import ablation_figure
from pyrosnn.results import make_dataset
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.settings import Default, OneOf
from pyrosnn_studies.ablation_tables import ablation_tables
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.floored import FlooredFGM
from pyrosnn_studies.images import ChosenImages
from pyrosnn_studies.preactivations import preactivation_noise
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject

NAME = "ablation"


@dataclass(frozen=True, kw_only=True)
class AblationSpec(ChosenImages):
    """Settings of the study.

    The settings of images, and these:

    Attributes:
        strength: strength η.
        attack_samples: size of the attack set, S_A.
        inference_samples: size of the inference set, S_I.
        loss: loss that the attack maximises.
        batch: number of images that CleverHans' loss averages, B.
        repeats: number of repetitions, each with fresh sample sets.
        seed: root seed of all random numbers.
    """

    panel: ClassVar[str] = "study"

    strength: Annotated[float, Ge(0), Default("the data set's")]
    attack_samples: Annotated[int, Ge(1)]
    inference_samples: Annotated[int, Ge(1)]
    loss: Annotated[str, OneOf(LOSSES), Default("cross-entropy, of logits the margin")]
    batch: Annotated[int, Ge(1)]
    repeats: Annotated[int, Ge(1)]
    seed: int = 0

    @property
    def floor(self) -> float:
        """CleverHans' floor on the norm of one image's gradient."""
        return 1e-6 * self.batch


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A reading: who is attacked and how, and within which bounds the image is judged."""

    classifier: StochasticClassifier
    attack: FGM
    judged_bounds: tuple[float, float] | None = None


def variants(
    spec: AblationSpec, classifier: StochasticClassifier, bounds: tuple[float, float]
) -> dict[str, Variant]:
    """Return the readings that are compared by name.

    All but the first change one thing of ``predicted labels``.
    """
    paper = FGM(strength=spec.strength, loss=spec.loss, labels="predicted")
    floored = FlooredFGM(
        strength=spec.strength, loss=spec.loss, labels="predicted", floor=spec.floor
    )
    compared: dict[str, Variant] = {
        "true labels": Variant(classifier=classifier, attack=replace(paper, labels="true")),
        "predicted labels": Variant(classifier=classifier, attack=paper),
        "predicted, judged clipped": Variant(
            classifier=classifier, attack=paper, judged_bounds=bounds
        ),
        "predicted, δ clipped": Variant(classifier=classifier, attack=replace(paper, clip=bounds)),
        "predicted, floored": Variant(classifier=classifier, attack=floored),
    }
    preactivations = preactivation_noise(classifier)
    if preactivations is not None:
        compared["predicted, pre-activations"] = Variant(classifier=preactivations, attack=paper)
    return compared


def _cells(spec: AblationSpec) -> list[Cell]:
    return [Cell(part=NAME, repeat=r, block=b) for r in range(spec.repeats) for b in spec.blocks]


def _run_cell(spec: AblationSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    """Return what the means need of every image of a block, for each reading."""
    compared = variants(spec, subject.classifier, subject.dataset.bounds)
    values = [_evaluate(spec, variant, cell, subject)[AVERAGED] for variant in compared.values()]
    names = xr.DataArray(list(compared), dims="variant", name="variant")
    return xr.concat(values, dim=names)


def _evaluate(spec: AblationSpec, variant: Variant, cell: Cell, subject: Subject) -> xr.Dataset:
    images = spec.block(cell.block, subject.dataset)
    attack_set, inference_set = disjoint_sample_sets(
        variant.classifier,
        images.x,
        attack=spec.attack_samples,
        inference=spec.inference_samples,
        seed=spec.seed,
        repeat=cell.repeat or 0,
        block=cell.block,
        memory_budget=subject.memory_budget,
    )
    values = evaluate(
        variant.classifier,
        images.x,
        images.y,
        attack=variant.attack,
        judged_bounds=variant.judged_bounds,
        attack_samples=attack_set,
        inference_samples=inference_set,
        first_example=images.first,
    )
    return images.labelled(values)


AVERAGED = [
    "clean_correct",
    "adversarial_correct",
    "cosine",
    "perturbation_norm",
    "zero_gradient",
]


def _means(spec: AblationSpec, groups: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Return means over images, for each repeat and reading."""
    values = groups[NAME]
    norms, zero = values["perturbation_norm"], values["zero_gradient"]
    averaged = {
        "mean_clean": values["clean_correct"],
        "mean_adversarial": values["adversarial_correct"],
        "mean_cosine": values["cosine"],
        "mean_norm": norms,
        "share_zero": zero,
        "share_short": (norms < 0.999 * spec.strength) & ~zero,
    }
    means = {
        name: value.mean([dim for dim in value.dims if dim not in ("repeat", "variant")])
        for name, value in averaged.items()
    }
    coords = {"repeat": values["repeat"], "variant": values["variant"]}
    return {NAME: make_dataset({name: mean.to_numpy() for name, mean in means.items()}, coords)}


STUDY = Study(
    name=NAME,
    spec=AblationSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=ablation_tables,
    figure=ablation_figure,
    reduce=_means,
)
