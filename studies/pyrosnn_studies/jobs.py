"""The trainings and studies of a list, and checks of them before any is run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyrosnn.data import DATASETS
from pyrosnn.errors import ArgumentError, require, row_of
from pyrosnn.zoo import PREFIX


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A training of a list.

    Attributes:
        name: its name in the list.
        where: its table and file, for errors.
        output: its checkpoint.
        model: name in ``MODELS``.
        settings: settings that differ from the preset's.
        keys: its other keys, see ``TRAINING_KEYS``.
    """

    name: str
    where: str
    output: Path
    model: str
    settings: dict[str, Any]
    keys: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StudyJob:
    """A study of a list.

    Attributes:
        name: its name in the list.
        where: its table and file, for errors.
        output: its result.
        study: name in ``STUDIES``.
        model: a training of the list, a checkpoint, or None for a study that needs none.
        settings: settings that differ from the preset's.
        keys: its other keys, see ``STUDY_KEYS``.
    """

    name: str
    where: str
    output: Path
    study: str
    model: TrainingJob | Path | None
    settings: dict[str, Any]
    keys: Mapping[str, Any]


Jobs = tuple[dict[str, TrainingJob], dict[str, StudyJob]]


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Put a table's name before the errors about its settings."""
    try:
        yield
    except ArgumentError as error:
        raise type(error)(f"{where}: {error}") from error


def only_jobs(jobs: Jobs, names: Sequence[str]) -> Jobs:
    """Return some jobs, and the trainings that they need.

    Args:
        jobs: all jobs.
        names: names of trainings and studies.

    Raises:
        UnknownNameError: for a name that is not in the list.
    """
    trainings, studies = jobs
    for name in names:
        row_of({**trainings, **studies}, name, "training or study")
    asked = {name: job for name, job in studies.items() if name in names}
    needed = {one.name for job in asked.values() for one in needed_by(job, trainings)}
    return {name: job for name, job in trainings.items() if name in needed | {*names}}, asked


def needed_by(job: StudyJob, trainings: Mapping[str, TrainingJob]) -> list[TrainingJob]:
    """Return the trainings of a study's model, and of what its attack transfers from.

    Args:
        job: the study.
        trainings: those of the list, by name.
    """
    source = _source(job)
    return [one for one in trainings.values() if one is job.model or one.output == source]


def _source(job: StudyJob) -> Path | None:
    """Return the checkpoint that a study's attack transfers from, if it is a file."""
    from pyrosnn.attacks.sources import NOISE_FREE
    from pyrosnn.functions import REFERENCE

    source = job.settings.get("attack_options", {}).get("source", NOISE_FREE)
    if source == NOISE_FREE or source.startswith(PREFIX) or REFERENCE.fullmatch(source):
        return None
    return Path(source)


def check_jobs(jobs: Jobs, data_root: Path | None = None) -> None:
    """Refuse settings that cannot be before anything is trained.

    Args:
        jobs: the trainings and studies.
        data_root: folder of the data files.

    Raises:
        PyrosnnError: as the training or the study would.
    """
    from pyrosnn.data import load_dataset
    from pyrosnn.functions import REFERENCE
    from pyrosnn.training import preset
    from pyrosnn_studies.study import find_study

    trainings, studies = jobs
    default = next(iter(DATASETS))
    names = {name: one.keys.get("dataset", default) for name, one in trainings.items()}
    datasets = {name: load_dataset(name, data_root) for name in sorted(set(names.values()))}
    specs = {}
    for name, one in trainings.items():
        with naming(one.where):
            specs[name] = preset(one.model, one.keys.get("preset", "quick"), **one.settings)
    outputs = {one.output for one in trainings.values()}
    for job in studies.values():
        start, study = job.keys.get("preset", "quick"), find_study(job.study)
        with naming(job.where):
            source = _source(job)
            require(
                source is None or source in outputs or source.exists(),
                f"there is no source {source}; name the checkpoint of a training of the file, or "
                "another",
            )
            if job.model is None:
                study.make_spec(start, None, None, **job.settings)
            elif isinstance(job.model, TrainingJob):
                dataset, spec = datasets[names[job.model.name]], specs[job.model.name]
                study.make_spec(start, dataset, spec, **job.settings)
            else:
                is_function = REFERENCE.fullmatch(str(job.model)) is not None
                require(
                    is_function or str(job.model).startswith(PREFIX) or job.model.exists(),
                    f"there is no model {job.model}; name a training of the file, or a checkpoint",
                )
