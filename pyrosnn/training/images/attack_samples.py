"""Samples of an attack during training, and whether all its steps share them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyrosnn.sampling import SampleSet, draw_sample_set

if TYPE_CHECKING:
    from pyrosnn.training.step import Step

STREAM = "training"


@dataclass(frozen=True)
class AttackSamples:
    """A choice of samples.

    Attributes:
        samples: a step and a number to the attack's sample set.
        fixed: whether all steps of the attack use that set.
    """

    samples: Callable[["Step", int], SampleSet]
    fixed: bool


def training_samples(step: "Step", number: int) -> SampleSet:
    """Draw T from a separate stream, which shares no sample with A, V or I."""
    return draw_sample_set(
        step.setting.classifier,
        step.x,
        number,
        seed=step.setting.spec.seed,
        stream=STREAM,
        repeat=step.epoch,
        block=step.batch,
    )


ATTACK_SAMPLES = {
    "fresh": AttackSamples(training_samples, fixed=False),
    "fixed": AttackSamples(training_samples, fixed=True),
    "reused": AttackSamples(lambda step, number: step.samples, fixed=True),
}
