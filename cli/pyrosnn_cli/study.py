"""`pyrosnn study NAME`: run an experiment, show its tables, keep its netCDF file and figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from pyrosnn.errors import require
from pyrosnn.settings import Default, OneOf, Settings, choices_with
from pyrosnn.settings.presets import PRESETS
from pyrosnn.settings.source import docstring_of
from pyrosnn_cli.command import Arguments, Part, SettingsGroup, make_command, part_of
from pyrosnn_cli.options import Running, SubjectOptions
from pyrosnn_studies import STUDIES
from pyrosnn_studies.options import study_options

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

    preset: Annotated[str | None, OneOf(PRESETS), Default("quick")] = None
    like: Annotated[Path | None, Default("")] = None
    output: Annotated[Path | None, Default("STUDY.nc")] = None


@dataclass(frozen=True, kw_only=True)
class StudyRun(Running, StudyOutput):
    """A study's run.

    Attributes:
        starts_from: the preset to start from where none is named.
    """

    starts_from: ClassVar[str] = "quick"

    @property
    def start(self) -> str:
        """The preset to start from, where no result is."""
        return self.preset or self.starts_from

    def check(self, output: Path) -> None:
        """Refuse what a command could not do after its study; nothing, for most."""

    def finish(self, result: "xr.DataTree", subject: "Subject | None", output: Path) -> None:
        """Do what a command does after its study; nothing, for most."""


def study_command(
    name: str, arguments: Arguments, *, title: str = "", group: type[StudyRun] = StudyRun
) -> Any:
    """Return the command of a study.

    Args:
        name: a name in ``STUDIES``.
        arguments: the options on the command line.
        title: name of the command, if it is another.
        group: options of its run, whose ``finish`` does the rest of the command.
    """
    entry = STUDIES[name]

    def elsewhere(option: str) -> str:
        choices = choices_with(entry.settings, option, arguments)
        added = " ".join(f"--{choice} {row}" for choice, row in choices)
        return f"add {added}" if added else ""

    def call(settings: dict[str, Any], running: StudyRun, **subject: SubjectOptions) -> None:
        output = running.output or Path(f"{name}.nc")
        result, opened = run(name, settings, running, subject.get("subject"))
        running.finish(result, opened, output)

    parts = [
        part_of("running", group, {"output": f"{name}.nc", "preset": group.starts_from}),
        Part(name="settings", options=study_options(name, arguments, first=group.starts_from)),
    ]
    if entry.needs != "nothing":
        parts.append(part_of("subject", SubjectOptions))
    about = docstring_of(entry.home.partition(":")[0])
    return make_command(title or name, about, parts, call, elsewhere=elsewhere)


def run(
    name: str, settings: Mapping[str, Any], running: StudyRun, options: SubjectOptions | None
) -> "tuple[xr.DataTree, Subject | None]":
    """Run one study, show its tables, and return its result and its subject.

    Args:
        name: a name in ``STUDIES``.
        settings: settings that differ from the preset's.
        running: how the study is run.
        options: the options that name model and data; None for a study that needs none of them.
    """
    from pyrosnn_cli.run import Chosen, prepared, run_study, settings_of

    require(
        running.like is None or running.preset is None,
        "a run starts from --preset or from --like, got both; leave one out",
    )
    output = running.output or Path(f"{name}.nc")
    start = running.start  # refused here, before the model is loaded

    def choose(subject: "Subject | None") -> Chosen:
        return settings_of(name, subject, preset=start, like=running.like, changes=settings)

    with prepared(name, output, options, running, choose) as (subject, study, spec):
        running.check(output)
        result = run_study(study, spec, subject, output=output, running=running)
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
