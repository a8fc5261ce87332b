"""`pyrosnn study run FILE.toml`: trainings and studies as a file lists them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from pyrosnn.errors import require
from pyrosnn.settings import Default
from pyrosnn.storage import make_folder
from pyrosnn_cli.command import make_command, part_of
from pyrosnn_cli.options import DataOptions, Running, Showing, SubjectOptions, Writing
from pyrosnn_cli.study import StudyRun, run
from pyrosnn_cli.train import TrainingRun, train
from pyrosnn_studies import STUDIES
from pyrosnn_studies.jobs import Jobs, StudyJob, TrainingJob, check_jobs, needed_by, only_jobs
from pyrosnn_studies.listing import read_jobs

ABOUT = """Run the trainings and studies that a file lists, or run a result's study again.

FILE.toml has a table train.NAME for each training, and study.NAME for each
study. The keys are the options of `pyrosnn train` and `pyrosnn study`, with
underscores. A study's `model` is a training of the file, or a checkpoint.
With --resume, outputs that are complete are kept.
"""


@dataclass(frozen=True, kw_only=True)
class FileRun(Running):
    """The runs of a file.

    Attributes:
        only: names of the trainings and studies to run; the trainings they need run, too.
        like: result whose study to run again with the same settings, instead of a file.
        output: result to write with --like.
    """

    only: Annotated[tuple[str, ...], Default("all")] = ()
    like: Annotated[Path | None, Default("")] = None
    output: Annotated[Path | None, Default("STUDY.nc")] = None


def run_command() -> Any:
    """Return the command."""
    parts = [part_of("subject", SubjectOptions), part_of("running", FileRun)]
    argument = typer.Argument(help="List of trainings and studies.", metavar="FILE.toml")
    return make_command("run", ABOUT, parts, run_file, argument=("file", Path, argument))


def run_file(subject: SubjectOptions, running: FileRun, file: Path | None) -> None:
    """Run the jobs of a file, or a result's study again."""
    require(
        (file is None) != (running.like is None),
        "study run needs a file of trainings and studies, or --like RESULT.nc"
        if file is None
        else f"give a file or --like, got {file} and --like {running.like}",
    )
    if running.like is not None:
        require(not running.only, "--only names jobs of a file, and --like has none")
        _run_like(running.like, subject, running)
        return
    assert file is not None
    own = (subject.model, subject.dataset, running.output)
    require(
        own == (None,) * 3, f"--model, --dataset and --output are for --like; {file} has its own"
    )
    jobs = read_jobs(file)
    jobs = trainings, studies = only_jobs(jobs, running.only) if running.only else jobs
    check_jobs(jobs, subject.data_root)
    _check_outputs(jobs, running)
    trained = set()
    for job in studies.values():
        for training in needed_by(job, trainings):
            if training.name not in trained:
                _train(training, subject, running)
                trained.add(training.name)
        _study(job, subject, running)
    for training in trainings.values():
        if training.name not in trained:
            _train(training, subject, running)


def _check_outputs(jobs: Jobs, running: FileRun) -> None:
    """Refuse outputs that exist and are to be kept before the first training."""
    from pyrosnn.training import places
    from pyrosnn_cli.run import keeping
    from pyrosnn_studies.kept import check_places

    trainings, studies = jobs
    for training in trainings.values():
        if training.output.parent.is_dir():
            how = {"resume": running.resume, "overwrite": running.overwrite}
            places.check_places(training.output, **how)
    for study in studies.values():
        if study.output.parent.is_dir():
            check_places(study.output, keeping(running))


def values_of(made: Any, *groups: type[Any]) -> dict[str, Any]:
    """Return the values that options have of some groups."""
    return {field.name: getattr(made, field.name) for group in groups for field in fields(group)}


def _train(job: TrainingJob, data: DataOptions, running: FileRun) -> None:
    make_folder(job.output.parent)
    keys = {key: job.keys[key] for key in ("preset", "test_samples") if key in job.keys}
    train(
        job.model,
        DataOptions(**{**values_of(data, DataOptions), "dataset": job.keys.get("dataset")}),
        job.settings,
        TrainingRun(**{**values_of(running, Writing, Showing), **keys}, output=job.output),
    )


def _study(job: StudyJob, options: SubjectOptions, running: FileRun) -> None:
    make_folder(job.output.parent)
    keys = {key: job.keys[key] for key in ("preset", "compact", "threads") if key in job.keys}
    subject = None
    if job.model is not None:
        model = job.model.output if isinstance(job.model, TrainingJob) else job.model
        own = {"model": model, "dataset": job.keys.get("dataset")}
        subject = SubjectOptions(**{**values_of(options, SubjectOptions), **own})
    shared = values_of(running, Running)
    run(job.study, job.settings, StudyRun(**{**shared, **keys}, output=job.output), subject)


def _run_like(like: Path, subject: SubjectOptions, running: FileRun) -> None:
    from pyrosnn.results import open_results
    from pyrosnn_studies.shown import shown_of

    name = shown_of(open_results(like)).name
    options = StudyRun(**values_of(running, Running), like=like, output=running.output)
    run(name, {}, options, None if STUDIES[name].needs == "nothing" else subject)
