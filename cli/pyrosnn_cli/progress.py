"""Progress on stderr: a bar in a terminal, plain lines elsewhere, JSON for machines, or nothing."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pyrosnn_cli.options import Showing

LINES = 10  # plain lines in a run, and
LONGEST = 60.0  # seconds between two of them, or little more than a step

Show = Callable[[str, str], None]


class Advance(Protocol):
    """Says how far a run is."""

    def __call__(self, done: int, text: str, share: float | None = None) -> None:
        """Show it.

        Args:
            done: steps that are done.
            text: the last of them, in a word.
            share: share of the work that they are; None where all steps take as long.
        """


@dataclass(kw_only=True)
class Clock:
    """How far a run is, and its times.

    Attributes:
        total: steps of the run.
        done: steps that are done.
        share: share of the work that is done.
        before: the share that an earlier run has done.
    """

    total: int
    done: int = 0
    share: float = 0.0
    before: float = 0.0
    start: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def to_go(self) -> float | None:
        """The seconds to go at the pace so far; None before the first step.

        Example:
            >>> clock = Clock(total=10, share=0.6, before=0.4, start=time.monotonic() - 6.0)
            >>> round(clock.to_go)
            12
        """
        own = self.share - self.before
        return None if own <= 0 else self.seconds / own * (1 - self.share)

    def __str__(self) -> str:
        spent, eta = f"{self.seconds:.0f} s", self.to_go
        if eta is None or self.done == self.total:
            return spent
        minutes, seconds = divmod(round(eta), 60)
        hours, minutes = divmod(minutes, 60)
        left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return f"{spent}, {left} to go"


@contextmanager
def progress_bar(title: str, total: int, showing: Showing) -> Iterator[Advance]:
    """Give a function of steps done and a short text.

    It is called once at the start, with the steps of an earlier run that this one resumes,
    and after each step.

    Args:
        title: what is run.
        total: its steps.
        showing: how progress is shown.
    """
    clock, begun = Clock(total=total), False
    with _shown(title, clock, showing) as show:

        def advance(done: int, text: str, share: float | None = None) -> None:
            nonlocal begun
            clock.done, clock.share = done, done / total if share is None else share
            if not begun:
                clock.before, clock.start = clock.share, time.monotonic()
            show("progress" if begun else "start", text)
            begun = True

        try:
            yield advance
        except BaseException:
            show("stopped", "")
            raise
        show("end", "")


def _shown(title: str, clock: Clock, showing: Showing) -> AbstractContextManager[Show]:
    if showing.log_json:
        return nullcontext(_json(title, clock))
    if showing.quiet:
        return nullcontext(lambda event, text: None)
    if Console(stderr=True).is_terminal:
        return _bar(title, clock)
    return nullcontext(_lines(title, clock))


@contextmanager
def _bar(title: str, clock: Clock) -> Iterator[Show]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=clock.total, text="")

        def show(event: str, text: str) -> None:
            if event in ("start", "progress"):
                progress.update(task, completed=clock.done, text=f"{text} {clock}".strip())

        yield show


def _lines(title: str, clock: Clock) -> Show:
    shown, last = 0, 0.0

    def show(event: str, text: str) -> None:
        nonlocal shown, last
        line = f"{title}: {clock.done}/{clock.total}"
        if event == "start":
            shown, last = clock.done, 0.0
            if clock.done > 0:
                typer.echo(f"{line} from an earlier run", err=True)
        elif event == "progress":
            tenth = clock.done * LINES // clock.total > shown * LINES // clock.total
            if tenth or clock.seconds - last > LONGEST:
                shown, last = clock.done, clock.seconds
                typer.echo(f"{line} {text} ({clock})", err=True)

    return show


def _json(title: str, clock: Clock) -> Show:
    def show(event: str, text: str) -> None:
        eta = clock.to_go
        line: dict[str, Any] = {
            "event": event,
            "title": title,
            "done": clock.done,
            "total": clock.total,
            "seconds": round(clock.seconds, 3),
            "eta": None if eta is None else round(eta, 3),
            "text": text,
        }
        typer.echo(json.dumps(line), err=True)

    return show
