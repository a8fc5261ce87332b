"""Running a study: model and data in, tables on the screen, netCDF file and figure out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pyrosnn.errors import require
from pyrosnn.settings import parse_bytes
from pyrosnn.storage import check_writable, lock
from pyrosnn_cli.options import Running, SubjectOptions
from pyrosnn_studies.advice import needs_a_model

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn_studies.kept import Keeping
    from pyrosnn_studies.runner import Compute, Progress, Step
    from pyrosnn_studies.study import Study
    from pyrosnn_studies.subject import Subject


Chosen = tuple["Study", Any]  # a study and its settings


@contextmanager
def prepared(
    name: str,
    output: Path,
    options: SubjectOptions | None,
    running: Running,
    choose: "Callable[[Subject | None], Chosen]",
) -> "Iterator[tuple[Subject | None, Study, Any]]":
    """Load the subject of a study, check its settings, and lock its output; for a ``with`` block.

    The settings come before the files: "exists" would hide what is wrong with them.

    Args:
        name: a name in ``STUDIES``.
        output: the result.
        options: the options that name model and data; None for a study that needs none of them.
        running: how the study is run.
        choose: gives the study and its settings, from the subject.
    """
    from pyrosnn_studies.computing import check_computing, threads_set
    from pyrosnn_studies.images import ChosenImages, warn_of_classes
    from pyrosnn_studies.kept import check_places, figure_of

    require(
        output.suffix != ".png",
        f"--output names the netCDF file, got {output}; use a name like a.nc",
    )
    check_writable(output, overwrite=True)
    check_computing(running.workers, running.scheduler)
    if options is not None and options.model is None:
        raise needs_a_model(name, options.dataset)
    shared = running.workers is not None or running.scheduler is not None
    with threads_set(running.threads, shared=shared):
        subject = None if options is None else subject_of(options)
        study, spec = choose(subject)
        if subject is not None and isinstance(spec, ChosenImages):
            warn_of_classes(spec.chosen, subject.dataset)
        with lock(output), lock(figure_of(output)):
            check_places(output, keeping(running))
            yield subject, study, spec


def run_study(
    study: "Study", spec: Any, subject: "Subject | None", *, output: Path, running: Running
) -> "xr.DataTree":
    """Run one study on its subject, show its tables, and return its result.

    The caller has locked the output.

    Args:
        study: the study.
        spec: its settings.
        subject: model and data; None for a study that needs none of them.
        output: netCDF file; the figure goes beside it.
        running: how the study is run.
    """
    from pyrosnn_cli.progress import progress_bar
    from pyrosnn_cli.show import show_tables
    from pyrosnn_studies.computing import computing
    from pyrosnn_studies.kept import figure_of, run_kept

    piloted = study.piloted(spec, subject)
    if piloted:
        with progress_bar("pilot", 1, running) as advance:  # no word for so long looks like a halt
            advance(0, piloted)
            spec = study.settled(spec, subject)
            advance(1, piloted)
    else:
        spec = study.settled(spec, subject)

    @contextmanager
    def work() -> "Iterator[tuple[Progress, Compute]]":
        total = len(study.cells(spec))
        with (
            progress_bar(f"study {study.name}", total, running) as advance,
            computing(running.workers, running.scheduler) as compute,
        ):

            def show(step: "Step") -> None:
                advance(step.done, step.text, step.share)

            yield show, compute

    result, was_there = run_kept(study, spec, subject, output, keeping(running), running=work)
    show_tables(study.tables(result))
    figure = figure_of(output)
    drawn = f" and {figure}" if figure.exists() else ""
    typer.echo(
        f"{output} is whole: nothing was left to do" if was_there else f"wrote {output}{drawn}"
    )
    return result


def keeping(running: Running) -> "Keeping":
    """Return what the options say of existing files, and of the result's form."""
    from pyrosnn_studies.kept import Keeping

    return Keeping(overwrite=running.overwrite, resume=running.resume, compact=running.compact)


def settings_of(
    name: str,
    subject: "Subject | None",
    *,
    preset: str,
    like: Path | None = None,
    changes: Mapping[str, Any],
) -> Chosen:
    """Return a study and its settings; refuses a model that the study cannot take."""
    from pyrosnn_studies.kept import settings_like
    from pyrosnn_studies.study import find_study

    study = find_study(name)
    start = preset if like is None else settings_like(like, study)
    dataset, training = (None, None) if subject is None else (subject.dataset, subject.training)
    return study, study.make_spec(start, dataset, training, **changes)


def subject_of(options: SubjectOptions) -> "Subject":
    """Load the model that the options name, and its data."""
    from pyrosnn.device import open_device
    from pyrosnn_studies.opening import open_subject

    assert options.model is not None  # refused before
    return open_subject(
        options.model,
        options.dataset,
        data_root=options.data_root,
        memory_budget=parse_bytes(options.memory_budget, "--memory-budget"),
        device=open_device(options.device),
    )
