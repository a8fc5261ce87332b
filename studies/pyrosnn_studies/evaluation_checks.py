"""The checks of a standard evaluation: of the model, and of an attack on it."""

from typing import TYPE_CHECKING

import xarray as xr

from pyrosnn.attacks import PGD
from pyrosnn.checks import MODEL_CHECKS
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.stored import findings_dataset
from pyrosnn.checks.trial import Trial
from pyrosnn.errors import NoGradientError, resolve
from pyrosnn_studies.images import Block
from pyrosnn_studies.presets import default_loss
from pyrosnn_studies.subject import Subject

if TYPE_CHECKING:
    from pyrosnn_studies.evaluation import EvaluationSpec

STEPS = 20


def check_cell(spec: "EvaluationSpec", subject: Subject) -> xr.Dataset:
    """Return what the checks of the model find on the first images.

    The attack under test is PGD with fresh samples, at the first threat.
    """
    images, device = first_images(spec, subject), subject.classifier.device
    (norm, strength), *_ = spec.threats.items()
    trial = Trial(
        classifier=subject.classifier,
        x=images.x.to(device),
        y=images.y.to(device),
        attack=PGD(
            norm=norm,
            strength=strength,
            loss=default_loss(subject.classifier.output),
            steps=STEPS,
            relative_step=2 / STEPS,
            clip=subject.dataset.bounds if spec.clip else None,
        ),
        attack_samples=spec.attack_samples or 1,
        inference_samples=spec.plan().inference_samples,
        seed=spec.seed,
    )
    return findings_dataset([_finding(name, trial) for name in MODEL_CHECKS])


def first_images(spec: "EvaluationSpec", subject: Subject) -> Block:
    """Return the first images of the whole study, which the checks and the diagnosis take.

    Parts of a study then agree on the attack samples, and on what the checks found.
    """
    indices = list(spec.indices or range(spec.first_image + spec.images))
    indices = indices[: spec.plan().checked_images]
    x, y = subject.dataset.images_at(indices)
    return Block(x=x, y=y, indices=indices)


def _finding(name: str, trial: Trial) -> Finding:
    check = resolve(MODEL_CHECKS, name, "check")
    try:
        found: Finding = check(trial)
    except NoGradientError:
        return skipped(name, "needs a classifier with gradients")
    return found
