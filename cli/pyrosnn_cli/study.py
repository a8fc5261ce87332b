"""`pyrosnn study NAME`: run an experiment, show its tables, keep its netCDF file and figure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from pyrosnn.settings import Default, OneOf, Option, Settings, options_of, rows_with
from pyrosnn.settings.presets import load_presets, with_presets
from pyrosnn.settings.source import docstring_of
from pyrosnn_cli.command import Arguments, Part, SettingsGroup, make_command, with_default
from pyrosnn_cli.options import PRESETS, Running, SubjectOptions
from pyrosnn_studies import STUDIES

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn_studies.subject import Subject


@dataclass(frozen=True, kw_only=True)
class StudyOutput(Settings):
    """Where a study starts from, and what it writes.

    Attributes:
        preset: settings to start from (quick suits digits, paper follows the paper).
        like: result whose settings to start from, instead of a preset.
        output: result to write; its figure is written beside it (.png).
    """

    panel: ClassVar[str] = "run"

    preset: Annotated[str, OneOf(PRESETS)] = "quick"
    like: Annotated[Path | None, Default("")] = None
    output: Annotated[Path | None, Default("STUDY.nc")] = None


@dataclass(frozen=True, kw_only=True)
class StudyRun(Running, StudyOutput):
    """A study's run."""


def study_options(name: str, chosen: Mapping[str, Any]) -> list[Option]:
    """Return the settings of a study: its own, and those of the rows that are chosen.

    Args:
        name: a name in ``STUDIES``.
        chosen: values of options that choose rows, such as ``{"attack": "pgd"}``.

    Raises:
        UnknownNameError: for a row that is not in its table.
    """
    presets = load_presets("pyrosnn_studies").get(name, {})
    return with_presets(options_of(STUDIES[name].settings, chosen), presets)


def study_command(
    name: str,
    arguments: Arguments,
    *,
    title: str = "",
    run: str = "pyrosnn_cli.study:StudyRun",
    make: Callable[..., StudyRun] = StudyRun,
    call: Callable[..., None] | None = None,
) -> Any:
    """Return the command of a study.

    Args:
        name: a name in ``STUDIES``.
        arguments: what the command line has after it.
        title: name of the command, if it is another.
        run: import path of the options of the run.
        make: makes them.
        call: runs the study, in place of :func:`run_study`.
    """
    entry = STUDIES[name]
    chosen = {key: value for key, value in arguments.items() if value}

    def call_study(settings: dict[str, Any], running: StudyRun, **subject: SubjectOptions) -> None:
        (call or run_study)(name, settings, running, subject.get("subject"))

    def elsewhere(option: str) -> str:
        rows = rows_with(entry.settings, option, chosen)
        return next((f"add --{choice} {row}" for choice, row in rows), "")

    parts = [
        Part(
            name="running",
            options=list(with_default(options_of(run), {"output": f"{name}.nc"})),
            make=make,
        ),
        Part(name="settings", options=study_options(name, chosen)),
    ]
    if entry.needs != "nothing":
        subject = options_of("pyrosnn_cli.options:SubjectOptions")
        parts.append(Part(name="subject", options=subject, make=SubjectOptions))
    about = docstring_of(entry.home.partition(":")[0])
    return make_command(title or name, about, parts, call_study, elsewhere=elsewhere)


def run_study(
    name: str, settings: Mapping[str, Any], running: StudyRun, options: SubjectOptions | None
) -> "tuple[xr.DataTree, Subject | None]":
    """Run one study, show its tables, and return its result and its subject.

    Args:
        name: a name in ``STUDIES``.
        settings: settings that differ from the preset's.
        running: how the study is run.
        options: the options that name model and data; None for a study that needs none of them.
    """
    from pyrosnn_cli.run import prepared, run_opened

    output = running.output or Path(f"{name}.nc")
    with prepared(name, output, options, running) as subject:
        result = run_opened(
            name,
            subject,
            preset=running.preset,
            like=running.like,
            output=output,
            running=running,
            changes=settings,
        )
    return result, subject


class Studies(SettingsGroup):
    """A command for each row of ``STUDIES``."""

    kind = "study"

    def names(self) -> list[str]:
        """Return the studies, and what runs several."""
        return [*STUDIES, "all", "run"]

    def make(self, name: str, arguments: Arguments) -> Any:
        """Make the command of a study, or of several."""
        if name == "all":
            from pyrosnn_cli.study_all import all_command

            return all_command()
        if name == "run":
            from pyrosnn_cli.study_file import run_command

            return run_command()
        return study_command(name, arguments)


app = typer.Typer(cls=Studies, no_args_is_help=True, help="Run an experiment and keep its result.")


@app.command("list")
def list_studies() -> None:
    """List the studies."""
    width = max(len(name) for name in STUDIES)
    for name, entry in STUDIES.items():
        about = docstring_of(entry.home.partition(":")[0])
        typer.echo(f"{name:<{width}}  {about.splitlines()[0]}")
