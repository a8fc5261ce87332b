"""Certified accuracy against radius, and the accuracy of an attack at the same radius.

A lower bound that holds for every attack, with a confidence level, beside
the upper bound that one attack gives. The model is averaged over Gaussian
noise on the image: that of its training, --smoothing-variance, or its own.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import xarray as xr
from annotated_types import Ge, Gt, Le

from pyrosnn.attacks import PGD
from pyrosnn.certificates import CERTIFICATES
from pyrosnn.certificates.certify import certify
from pyrosnn.certificates.draws import joint_draws
from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.input_noise import input_variance
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.plots import certificates_figure
from pyrosnn.results import make_dataset
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.settings import RARE, Default, OneOf, Settings
from pyrosnn.summaries.certificates import GROUP
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.certificate_tables import certificate_tables
from pyrosnn_studies.grid_study import Training
from pyrosnn_studies.images import Block, ImageSettings
from pyrosnn_studies.presets import default_loss
from pyrosnn_studies.settings import SeedSettings
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject

# Radii by default: multiples of σ. With 10,000 draws no certificate reaches further than 3.2 σ.
MULTIPLES = np.arange(7) / 2


@dataclass(frozen=True, kw_only=True)
class AttackedSettings(Settings):
    """The attack at the same radii.

    Attributes:
        attacked: also attack the images at each radius, with PGD in l2.
        steps: steps of the attack.
        attack_samples: number of draws in each of its steps, S_A.
        inference_samples: number of draws whose mean judges it, S_I.
    """

    panel: ClassVar[str] = "attack"

    attacked: bool = True
    steps: Annotated[int, Ge(1)] = 20
    attack_samples: Annotated[int, Ge(1)] = 20
    inference_samples: Annotated[int, Ge(1)] = 100


@dataclass(frozen=True, kw_only=True)
class CertificatesSpec(AttackedSettings, ImageSettings, SeedSettings):
    """Settings of the study.

    The settings of the attack, images and seed, and these:

    Attributes:
        smoothing_variance: variance of the Gaussian noise that the model is averaged over, in
            squared pixel units.
        certificates: kinds of certificates, such as votes,mean.
        num_samples: number of draws of weights and noise that certify an image.
        selection_samples: number of other draws that choose its class before.
        alpha: probability that the radius of an image is too large, at most.
        radii: radii of the table and the figure, such as 0:1:0.25.
    """

    panel: ClassVar[str] = "sets"

    block_size: Annotated[int, Ge(1)] = 250
    smoothing_variance: Annotated[
        float | None, Ge(0), Default("that of the model's training; 0 for a model with its own")
    ] = None
    certificates: Annotated[
        tuple[str, ...], OneOf(CERTIFICATES, "certificate"), Default("all that the scores allow")
    ] = ()
    num_samples: Annotated[int, Ge(2)] = 10_000
    selection_samples: Annotated[int, Ge(1), RARE] = 100
    alpha: Annotated[float, Gt(0), Le(0.5)] = 0.001
    radii: Annotated[tuple[float, ...], Ge(0), Default("0 to 3 σ in steps of σ / 2")] = ()


def _judged(spec: CertificatesSpec, classifier: StochasticClassifier) -> StochasticClassifier:
    """Return the classifier whose samples are joint draws of (θ, ε)."""
    if spec.smoothing_variance:
        classifier = Smoothed(classifier, variance=spec.smoothing_variance, num_noise=1)
    return joint_draws(classifier)


def _complete(
    settings: dict[str, Any], dataset: Dataset, training: Training | None
) -> dict[str, Any]:
    """Return settings with the noise of the training, where no other is given."""
    if settings.get("smoothing_variance") is not None or training is None:
        return settings
    return {**settings, "smoothing_variance": training.smoothing_variance}


def _settle(spec: CertificatesSpec, subject: Subject) -> CertificatesSpec:
    """Return the settings with radii for the model's noise; refuse a model without."""
    scale = input_variance(_judged(spec, subject.classifier)) ** 0.5
    radii = spec.radii or tuple(float(f"{scale * multiple:.4g}") for multiple in MULTIPLES)
    return replace(spec, radii=tuple(sorted(radii)))


def _cells(spec: CertificatesSpec) -> list[Cell]:
    return [Cell(part=GROUP, block=block) for block in spec.blocks]


def _run_cell(spec: CertificatesSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    images = spec.block(cell.block, subject.dataset)
    judged = _judged(spec, subject.classifier)
    values = certify(
        judged,
        images.x,
        images.y,
        certificates=spec.certificates or None,
        num_samples=spec.num_samples,
        selection_samples=spec.selection_samples,
        alpha=spec.alpha,
        distances=spec.radii,
        inference_samples=spec.inference_samples,
        seed=spec.seed,
        block=cell.block,
        first_example=images.first,
        memory_budget=subject.memory_budget,
    )
    if spec.attacked:
        values = values.merge(_attacked(spec, cell, subject, images, judged))
    return images.labelled(values)


def _attacked(
    spec: CertificatesSpec,
    cell: Cell,
    subject: Subject,
    images: Block,
    judged: StochasticClassifier,
) -> xr.Dataset:
    """Attack a block of images at every radius; a certificate knows no bounds of pixels."""
    attack_set, inference_set = disjoint_sample_sets(
        judged,
        images.x,
        attack=spec.attack_samples,
        inference=spec.inference_samples,
        seed=spec.seed,
        block=cell.block,
        memory_budget=subject.memory_budget,
    )
    step = min(1.0, 2.5 / spec.steps)
    attack = PGD(steps=spec.steps, relative_step=step, loss=default_loss(judged.output))
    found = evaluate(
        judged,
        images.x,
        images.y,
        attack=attack,
        attack_samples=attack_set,
        inference_samples=inference_set,
        strengths=spec.radii,
        first_example=images.first,
    ).squeeze(["attack_samples", "inference_samples"], drop=True)
    values = {"attacked_correct": found["adversarial_correct"].values}
    if "interval_condition" in found:
        values["interval_held"] = found["interval_condition"].values
    return make_dataset(
        values, {"example": found["example"].values, "distance": found["strength"].values}
    )


STUDY = Study(
    name="certificates",
    spec=CertificatesSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=certificate_tables,
    figure=certificates_figure,
    complete=_complete,
    settle=_settle,
)
