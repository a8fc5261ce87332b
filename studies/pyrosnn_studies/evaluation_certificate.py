"""The certificate of a standard evaluation: what no attack in ℓ2 can do to the mean prediction."""

from dataclasses import replace
from typing import TYPE_CHECKING

import xarray as xr

from pyrosnn.certificates.certify import certify
from pyrosnn.errors import NotSmoothedError
from pyrosnn.models.input_noise import input_variance
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.outputs import find_output
from pyrosnn.summaries.certificates import NORM
from pyrosnn_studies.images import Block
from pyrosnn_studies.subject import Subject

if TYPE_CHECKING:
    from pyrosnn_studies.evaluation import EvaluationSpec

# The kind that is about what judges, the mean prediction. It is chosen before any draw: the largest
# of several radii would be too large more often.
KIND = "margin"


def judged(spec: "EvaluationSpec", subject: Subject) -> Subject:
    """Return the model as it is evaluated: averaged over noise, if the settings say so.

    Args:
        spec: the settings.
        subject: the model and its data.
    """
    if spec.smoothing_variance == 0:
        return subject
    smoothed = Smoothed(subject.classifier, variance=spec.smoothing_variance, num_noise=1)
    return replace(subject, classifier=smoothed)


def certifying(spec: "EvaluationSpec", subject: Subject) -> bool | None:
    """Return whether images are certified; None where that cannot be and was not asked for.

    Args:
        spec: the settings.
        subject: the model as it is evaluated.

    Raises:
        NotSmoothedError: for a certificate that was asked for and cannot be, saying why.
    """
    if spec.certificate is False:
        return False
    output = subject.classifier.output
    try:
        input_variance(subject.classifier)
        if not find_output(output).bounded:
            raise NotSmoothedError(
                f"the mean prediction cannot be certified: its scores are {output}, which have no "
                "range; leave --certificate out, or certify votes with pyrosnn certify"
            )
        if NORM not in spec.threats or spec.plan().certificate_samples == 0:
            raise NotSmoothedError("a certificate is for a strength in l2; give --l2, such as 0.5")
    except NotSmoothedError:
        if spec.certificate is None:
            return None
        raise
    return True


def certified_block(
    spec: "EvaluationSpec", block: int, subject: Subject, images: Block
) -> xr.Dataset:
    """Certify a block of images, with samples that no attack and no judge sees.

    Args:
        spec: the settings.
        block: counter of the block.
        subject: the model as it is evaluated.
        images: the images of the block.
    """
    plan = spec.plan()
    return certify(
        subject.classifier,
        images.x,
        images.y,
        certificates=[KIND],
        num_samples=plan.certificate_samples,
        selection_samples=plan.selection_samples,
        alpha=plan.alpha,
        distances=[spec.threats[NORM]],
        inference_samples=plan.inference_samples,
        seed=spec.seed,
        block=block,
        first_example=images.first,
        memory_budget=subject.memory_budget,
    )
