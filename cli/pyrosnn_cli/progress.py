"""Progress on stderr: a bar in a terminal, a few plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINES = 10


@contextmanager
def progress_bar(title: str, total: int, done: int = 0) -> Iterator[Callable[[str], None]]:
    """Give a function that is called with a short text after each of ``total`` steps.

    Args:
        title: what is done.
        total: number of steps.
        done: how many of them were done before.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(title, total, done)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, completed=done, text="")

        def advance(text: str) -> None:
            progress.update(task, advance=1, text=text)

        yield advance


def _lines(title: str, total: int, done: int) -> Callable[[str], None]:
    start = time.monotonic()

    def advance(text: str) -> None:
        nonlocal done
        done += 1
        if done * LINES // total > (done - 1) * LINES // total:
            seconds = time.monotonic() - start
            typer.echo(f"{title}: {done}/{total} {text} ({seconds:.0f} s)".rstrip(), err=True)

    return advance
