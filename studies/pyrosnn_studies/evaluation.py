"""The standard evaluation: how robust a model is, why, and whether to believe it.

Attacks follow gradients of fresh samples and decide with a selection set. Of
all perturbations of an image, the worst is frozen; samples that are drawn for
nothing else judge it, once, and then in many queries. A certificate bounds
what any attack can do, where the model is averaged over noise on the image.
Random perturbations, an attacker who knows the samples, and the checks say
what the number is worth.
"""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import xarray as xr
from annotated_types import Ge, Gt

from pyrosnn.attacks import ATTACKS, FGM, loss_gradient
from pyrosnn.attacks.own_attack import find_attack, source_digest
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, NoGradientError, require
from pyrosnn.evaluation import attack_moments
from pyrosnn.evaluation.standard import (
    PROTOCOLS,
    Entry,
    Protocol,
    Threat,
    find_protocol,
    standard_evaluation,
)
from pyrosnn.functions import OWN_FUNCTION
from pyrosnn.plots import standard_figure
from pyrosnn.sampling import draw_sample_set
from pyrosnn.settings import RARE, Default, OneOf, Settings
from pyrosnn.summaries import advise
from pyrosnn.summaries.certificates import GROUP as CERTIFICATES
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.evaluation_certificate import certified_block, certifying, judged
from pyrosnn_studies.evaluation_checks import check_cell, first_images
from pyrosnn_studies.images import Block, ImageSettings
from pyrosnn_studies.presets import default_loss, has_strengths, preset_strengths
from pyrosnn_studies.settings import RepeatSettings, SeedSettings, recorded
from pyrosnn_studies.standard_tables import standard_tables
from pyrosnn_studies.study import Groups, Study
from pyrosnn_studies.subject import Subject

STANDARD, MOMENTS, CHECKS, SHOWN = "standard", "moments", "checks", "shown"
NORMS = ("linf", "l2", "l1")
# Norms with a strength of their own on a data set that has them.
USUAL = ("linf", "l2")
# The diagnosis: single samples of an image, and the share of the reachable cosine.
SINGLES, SHARE = 200, 0.95
# Images of each threat that the report shows, of those that withstood and of those that fell.
KEPT = 4
# Settings that came later, by what says nothing: without them a file and its digest are as before.
LATER = {"certificate": None, "smoothing_variance": 0.0}


@dataclass(frozen=True, kw_only=True)
class ThreatSettings(Settings):
    """What the attacker may do.

    Attributes:
        linf: strength η in linf, such as 8/255.
        l2: strength η in l2.
        l1: strength η in l1.
        clip: clip x + δ to the data's bounds.
        protocol: the attacks, and numbers of samples.
    """

    panel: ClassVar[str] = "attack"

    linf: Annotated[float | None, Gt(0), Default("the data set's")] = None
    l2: Annotated[float | None, Gt(0), Default("the data set's")] = None
    l1: Annotated[float | None, Gt(0), Default("")] = None
    clip: bool = True
    protocol: Annotated[str, OneOf(PROTOCOLS)] = "standard-1"

    @property
    def threats(self) -> dict[str, float]:
        """Strengths by norm."""
        given = {norm: getattr(self, norm) for norm in NORMS}
        return {norm: strength for norm, strength in given.items() if strength is not None}


@dataclass(frozen=True, kw_only=True)
class EvaluationSpec(ThreatSettings, ImageSettings, RepeatSettings, SeedSettings):
    """Settings of the study.

    The settings of threats, images, repetitions and seed, and these:

    Attributes:
        attack: another attack, or one of your own, beside those of the protocol.
        attack_samples: number of samples in each step of an attack, S_A.
        smoothing_variance: variance of Gaussian noise that the model is averaged over, in squared
            pixel units; 0 takes the model as it is.
        certificate: also certify the images at the strength in l2, against all attacks.
        diagnosis: also predict what more attack samples would reach.
        checks: also check the model and the attack.
    """

    panel: ClassVar[str] = "sets"

    block_size: Annotated[int, Ge(1)] = 100
    repeats: Annotated[int, Ge(1)] = 1
    attack: Annotated[str | None, OneOf(ATTACKS, "attack", OWN_FUNCTION), Default("")] = None
    attack_samples: Annotated[
        int | None, Ge(1), Default("what a diagnosis advises, in the protocol's range")
    ] = None
    smoothing_variance: Annotated[float, Ge(0)] = 0.0
    certificate: Annotated[bool | None, Default("where the model has such noise")] = None
    diagnosis: Annotated[bool, RARE] = True
    checks: Annotated[bool, RARE] = True

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: for no threat, and values that cannot be.
        """
        super().__post_init__()
        if not self.threats:
            raise ArgumentError("got no strength; give --linf 8/255, --l2 0.5 or both")
        for entry in self.plan().entries:  # refused here, before any work
            for norm, strength in self.threats.items():
                entry.against(Threat(norm=norm, strength=strength), None)

    def plan(self) -> Protocol:
        """Return the protocol, with another attack, which may be the user's own.

        Raises:
            ArgumentError: for an attack that the protocol has.
        """
        plan = find_protocol(self.protocol)
        if self.attack is None:
            return plan
        names = [entry.name for entry in plan.entries]
        require(
            self.attack not in names,
            f"{plan.name} has the attack '{self.attack}' already ({', '.join(names)}); leave "
            "--attack out, or name another one",
        )
        known = self.attack in ATTACKS
        attack = self.attack if known else find_attack(self.attack).make({}, {})
        return replace(plan, entries=(*plan.entries, Entry(name=self.attack, attack=attack)))


def _complete(settings: dict[str, Any], dataset: Dataset, training: Any) -> dict[str, Any]:
    """Return settings with the strengths of the data set, where none is given."""
    if any(settings.get(norm) is not None for norm in NORMS):
        return settings
    if not has_strengths(dataset.name):
        raise ArgumentError(
            f"there are no default strengths for {dataset.name}; give --linf 8/255, --l2 0.5 or "
            "both, in the unit of its pixels"
        )
    usual = {norm: preset_strengths(dataset.name, norm, "single", f"--{norm}")[0] for norm in USUAL}
    return {**settings, **usual}


def _settle(spec: EvaluationSpec, subject: Subject) -> EvaluationSpec:
    """Return the settings with the number of attack samples that a diagnosis advises.

    A classifier without gradients has no diagnosis, and one without noise on the image no
    certificate.
    """
    subject = judged(spec, subject)
    spec = replace(spec, certificate=certifying(spec, subject))
    if spec.diagnosis and not _has_gradients(subject):
        spec = replace(spec, diagnosis=False)
    if spec.attack_samples is not None:
        return spec
    plan = spec.plan()
    least, most = plan.least_attack_samples, plan.most_attack_samples
    if not spec.diagnosis:
        return replace(spec, attack_samples=most)
    advice = advise(_moments(spec, subject), share=SHARE, inference_samples=plan.inference_samples)
    return replace(spec, attack_samples=int(min(most, max(least, advice.samples))))


def _pilot(spec: EvaluationSpec, subject: Subject) -> str:
    """Return what the diagnosis before the first cell chooses; empty if there is none."""
    runs = spec.attack_samples is None and spec.diagnosis and _has_gradients(judged(spec, subject))
    return "number of attack samples" if runs else ""


def _has_gradients(subject: Subject) -> bool:
    classifier, (x, y) = subject.classifier, subject.dataset.test_images(1)
    x, y = x.to(classifier.device), y.to(classifier.device)
    a = draw_sample_set(classifier, x, 1, seed=0, stream="attack")
    try:
        loss_gradient(classifier, x, y, a, loss="margin", gradient="mean_prediction")
    except NoGradientError:
        return False
    return True


def _cells(spec: EvaluationSpec) -> list[Cell]:
    repeats = range(spec.first_repeat, spec.first_repeat + spec.repeats)
    cells = [Cell(part=STANDARD, repeat=r, block=block) for r in repeats for block in spec.blocks]
    if spec.certificate:  # of the expectation, which all repeats estimate
        cells += [Cell(part=CERTIFICATES, block=block) for block in spec.blocks]
    others = [MOMENTS] * spec.diagnosis + [CHECKS] * spec.checks
    return [*cells, *[Cell(part=part) for part in others]]


def _run_cell(spec: EvaluationSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    subject = judged(spec, subject)
    if cell.part == MOMENTS:
        return _moments(spec, subject)
    if cell.part == CHECKS:
        return check_cell(spec, subject)
    images = spec.block(cell.block, subject.dataset)
    if cell.part == CERTIFICATES:
        return images.labelled(certified_block(spec, cell.block, subject, images))
    first = (cell.repeat, cell.block) == (0, spec.blocks[0])
    values = standard_evaluation(
        subject.classifier,
        images.x,
        images.y,
        threats=spec.threats,
        protocol=spec.plan(),
        attack_samples=spec.attack_samples or 1,  # settled before
        clip=subject.dataset.bounds if spec.clip else None,
        seed=spec.seed,
        repeat=cell.repeat or 0,
        block=cell.block,
        first_example=images.first,
        show=KEPT if first else 0,
        memory_budget=subject.memory_budget,
    )
    return _identified(images.labelled(values), images) if first else images.labelled(values)


def _identified(values: xr.Dataset, images: Block) -> xr.Dataset:
    """Return values whose shown images have their indices in the test split, and names of them.

    Parts of a study that are merged show different images, and no two have the same number.
    """
    rows, threats = values["shown_example"] - images.first, values["shown_threat"]
    index = rows.copy(data=np.array(images.indices)[rows.values])
    numbers = (index * values.sizes["threat"] + threats).values
    order = np.argsort(numbers)
    numbered = values[SHOWN].copy(data=numbers)
    return values.assign(shown_example=index).assign_coords(shown=numbered).isel(shown=order)


def _moments(spec: EvaluationSpec, subject: Subject) -> xr.Dataset:
    """Return the moments of the gradients of single samples at the first images."""
    images = first_images(spec, subject)
    values = attack_moments(
        subject.classifier,
        images.x,
        images.y,
        attack=FGM(loss=default_loss(subject.classifier.output)),
        num_samples=SINGLES,
        inference_samples=spec.plan().inference_samples,
        seed=spec.seed,
        first_example=images.first,
        memory_budget=subject.memory_budget,
    )
    return images.labelled(values)


def _settings(spec: EvaluationSpec) -> dict[str, Any]:
    """Return the spec with the protocol's numbers, so that a file says all by itself."""
    plan = spec.plan()
    numbers = {one.name: getattr(plan, one.name) for one in fields(plan)}
    if not spec.certificate:
        del numbers["certificate_samples"], numbers["alpha"]
    sizes = {name: value for name, value in numbers.items() if isinstance(value, int | float)}
    own = {n: v for n, v in recorded(spec).items() if n not in LATER or v != LATER[n]}
    source = {}
    if spec.attack is not None and spec.attack not in ATTACKS:
        source = {"attack_source": source_digest(spec.attack)}
    return {**sizes, "entries": [str(one) for one in plan.entries], **own, **source}


def _divide(cell: Cell, values: xr.Dataset) -> Groups:
    """Return a cell's values by group: images that are shown have one of their own."""
    names = [str(name) for name in values.data_vars if str(name).startswith("shown_")]
    if not names:
        return {cell.group: values}
    rest = values.drop_vars(names).drop_vars(SHOWN)
    kept = values[names]
    kept = kept.drop_vars([name for name in kept.coords if name != SHOWN])
    return {cell.group: rest, SHOWN: kept} if kept.sizes[SHOWN] else {cell.group: rest}


STUDY = Study(
    name="evaluation",
    spec=EvaluationSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=standard_tables,
    figure=standard_figure,
    complete=_complete,
    settle=_settle,
    pilot=_pilot,
    settings=_settings,
    divide=_divide,
)
