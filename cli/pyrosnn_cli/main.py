"""The program `pyrosnn`: its commands, and how user errors are shown."""

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pyrosnn.errors import PyrosnnError, PyrosnnWarning
from pyrosnn_cli import check, compare, explain, merge, plot, report, study, summary, train
from pyrosnn_cli.certify import CertificateRun
from pyrosnn_cli.command import Arguments, SettingsGroup, UsageError, class_of
from pyrosnn_cli.diagnose import DiagnosisRun
from pyrosnn_cli.evaluate import EvaluationRun
from pyrosnn_cli.installed import is_left_out, left_out
from pyrosnn_cli.memory import is_out_of_memory, out_of_memory
from pyrosnn_cli.pipes import closed_pipes_end_quietly
from pyrosnn_cli.unexpected import TRACEBACK_VARIABLE, unexpected
from pyrosnn_studies.allocation import keep_freed_memory

# Commands that run a study and do more: the study, and the options of the run.
RUNS: dict[str, tuple[str, type[study.StudyRun]]] = {
    "evaluate": ("evaluation", EvaluationRun),
    "certify": ("certificates", CertificateRun),
    "verify": ("verification", study.StudyRun),
    "diagnose": ("diagnosis", DiagnosisRun),
}


class _Program(SettingsGroup):
    """Shows the user's errors as one line on stderr, with exit status 2; 130 after Ctrl-C."""

    kind = "command"

    def names(self) -> list[str]:
        """Return the commands that are studies with more."""
        return list(RUNS)

    def make(self, name: str, arguments: Arguments) -> Any:
        """Make one."""
        of, group = RUNS[name]
        return study.study_command(of, arguments, title=name, group=group)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _errors_as_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _errors_as_one_line(), _warnings_as_one_line():
            return super().invoke(ctx)


@contextmanager
def _errors_as_one_line() -> Iterator[None]:
    status = 2
    try:
        with _warnings_as_one_line():
            yield
    except PyrosnnError as error:
        message = "; ".join([str(error), *getattr(error, "__notes__", [])])
    except KeyboardInterrupt as error:
        message, status = "; ".join(["interrupted", *getattr(error, "__notes__", [])]), 130
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # it shows the help
            raise
        command = getattr(error.ctx, "command_path", "pyrosnn")
        message = f"{_usage(error)}; see {command} --help"
    except (typer.Exit, typer.Abort, BrokenPipeError):  # the last: see pipes
        raise
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        message = _line_of(error)
        message = "; ".join([message, *getattr(error, "__notes__", [])])
    else:
        return
    typer.echo(f"pyrosnn: {message}", err=True)
    raise typer.Exit(status)


def _usage(error: Any) -> str:
    """Return what is wrong with the words of a command line."""
    if type(error).__name__ == "MissingParameter" and error.param.param_type_name == "argument":
        missing = error.param
        name = missing.metavar or missing.name.upper()
        return f"{error.ctx.command.name} needs {name}: {missing.help.rstrip('.')}"
    text = str(error.format_message()).rstrip(".")
    for kind, words in {"valid integer": "an integer", "valid number": "a number"}.items():
        if kind in text and error.param is not None:
            return f"{error.param.opts[0]} expects {words}"
    return text


def _line_of(error: Exception) -> str:
    """Return the line of an error that pyrosnn does not raise on purpose."""
    if is_out_of_memory(error):
        return out_of_memory(error)
    return left_out(error) if is_left_out(error) else unexpected(error)


@contextmanager
def _warnings_as_one_line() -> Iterator[None]:
    """Show each of the library's own warnings once, without a place in its source."""
    with warnings.catch_warnings():
        others, shown = warnings.showwarning, set[str]()

        def show(
            message: Warning | str, category: type[Warning], *place: Any, **where: Any
        ) -> None:
            if not issubclass(category, PyrosnnWarning):
                others(message, category, *place, **where)
            elif str(message) not in shown:
                shown.add(str(message))
                typer.echo(f"pyrosnn: warning: {message}", err=True)

        warnings.showwarning = show
        warnings.simplefilter("always", PyrosnnWarning)
        yield


app = typer.Typer(
    cls=_Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(train.app, name="train")
app.add_typer(study.app, name="study")
for command in (
    summary.summary,
    check.check,
    compare.compare,
    explain.explain,
    merge.merge,
    plot.plot,
    report.report,
):
    app.command(command.__name__, cls=class_of())(command)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"pyrosnn {version('pyrosnn')}")
        raise typer.Exit


@app.callback()
def pyrosnn(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Say how robust a stochastic classifier is.

    Train it, attack it with one set of samples, judge it with another, and read
    the result.
    """


def main() -> None:
    """Run the program; replace what the output's encoding lacks (Greek letters in cp1252)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    keep_freed_memory()
    with closed_pipes_end_quietly():
        app(prog_name="pyrosnn")
