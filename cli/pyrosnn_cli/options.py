"""What several commands share: reading lists, devices, and data."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from pyrosnn.data import DATA_ROOT_VARIABLE, DATASETS
from pyrosnn.errors import ArgumentError, unknown_name

if TYPE_CHECKING:
    import torch

DataRoot = Annotated[
    Path | None,
    typer.Option(
        help=f"Folder of the data files; ${DATA_ROOT_VARIABLE}, then ~/.cache/pyrosnn. "
        "What is not there is downloaded.",
        show_default=False,
    ),
]
DatasetName = Annotated[str, typer.Option(help=f"Data set: {', '.join(DATASETS)}.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 …")]
Seed = Annotated[int, typer.Option(help="Root seed of all randomness.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing output files.")]
Preset = Annotated[
    str, typer.Option(help="Settings to start from: quick (digits), paper (the paper's).")
]
Images = Annotated[int | None, typer.Option(help="How many test images.", show_default="preset's")]
Repeats = Annotated[
    int | None, typer.Option(help="Repetitions with fresh sample sets.", show_default="preset's")
]
BlockSize = Annotated[
    int | None,
    typer.Option(help="Images that share a draw of the samples.", show_default="preset's"),
]
SmoothingVariance = Annotated[
    float | None,
    typer.Option(
        help="Average the model over Gaussian noise of this variance, in squared pixel units.",
        show_default="for conditions, that of the model's training; else none",
    ),
]
FirstImage = Annotated[
    int | None,
    typer.Option(
        help="Index of the first image, a multiple of the block size: one part of a larger study.",
        show_default="0",
    ),
]
FirstRepeat = Annotated[
    int | None,
    typer.Option(help="Counter of the first repeat: one part of a larger study.", show_default="0"),
]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is studied, and with which means."""

    model: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint to study, or package.module:function that returns your own "
            "classifier.",
            show_default=False,
        ),
    ] = None
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data set; must be the checkpoint's.", show_default="the checkpoint's, or digits"
        ),
    ] = None
    data_root: DataRoot = None
    device: Device = "cpu"
    memory_budget: Annotated[
        str,
        typer.Option(help="Memory of a block's evaluation, as 512MiB or 2GB; changes no result."),
    ] = "1GiB"


@dataclass(frozen=True, kw_only=True)
class Showing:
    """How progress is shown."""

    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False
    log_json: Annotated[
        bool,
        typer.Option("--log-json", help="Progress as JSON: an object a line on standard error."),
    ] = False


@dataclass(frozen=True, kw_only=True)
class Running(Showing):
    """How a study is run and its result kept: none of it is a setting of the study."""

    compact: Annotated[
        bool,
        typer.Option(
            "--compact", help="Smaller file: float32 with 12 bits, without what can be derived."
        ),
    ] = False
    overwrite: Overwrite = False
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with an interrupted run's cells; begin where there are none."
        ),
    ] = False
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes of a local Dask cluster that share the work.",
            show_default="this process",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler whose workers do the work.", show_default=False
        ),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(
            help="Torch's threads in each process; the same number repeats a result bit for bit.",
            show_default="torch's choice; 1 with --workers or --scheduler",
        ),
    ] = None


class NamedGroup(TyperGroup):
    """A group of commands that suggests the nearest name for an unknown one."""

    kind = "command"

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or refuse its name with a suggestion."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise unknown_name(self.kind, args[0], self.commands)
        return super().resolve_command(ctx, args)


# A typing error in a range should not make a million strengths.
MAX_VALUES = 1000


def parse_integers(text: str, option: str) -> tuple[int, ...]:
    """Read ``1,5,10``.

    Raises:
        ArgumentError: naming the option and what it expects.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"{option} expects integers separated by commas (1,5,10), got '{text}'"
        ) from None


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """Read ``0,0.5,1`` or ``start:stop:step``, ``0:1:0.5``, which ends at or before its stop.

    Raises:
        ArgumentError: naming the option and what it expects.
    """
    try:
        if ":" in text:
            start, stop, step = (float(part) for part in text.split(":"))
            count = math.floor((stop - start) / step + 1e-9)  # 0.3 / 0.1 is 2.9999999999999996
            if not 0 <= count < MAX_VALUES:
                raise ValueError
            return tuple(round(start + step * i, 10) for i in range(count + 1))
        return tuple(float(part) for part in text.split(","))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ArgumentError(
            f"{option} expects numbers separated by commas (0,0.5,1) or start:stop:step "
            f"(0:1:0.5), got '{text}'"
        ) from None


UNITS = {"": 1, "B": 1} | {
    f"{prefix}{suffix}": base ** (power + 1)
    for power, prefix in enumerate("KMGT")
    for suffix, base in (("B", 1000), ("iB", 1024), ("", 1024))
}


def parse_bytes(text: str, option: str) -> int:
    """Read ``512MiB``, ``2GB``, ``1.5G`` or a number of bytes.

    Raises:
        ArgumentError: naming the option and what it expects.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    units = {unit.lower(): size for unit, size in UNITS.items()}
    size = 0
    if found is not None and found[2].lower() in units:
        size = int(float(found[1]) * units[found[2].lower()])
    if size < 1:
        raise ArgumentError(f"{option} expects a size like 512MiB, 2GB or 1.5G, got '{text}'")
    return size


def open_device(name: str) -> "torch.device":
    """Return the torch device, refusing one that is not there.

    Raises:
        ArgumentError: ``device 'cuda' cannot be used here (…); use --device cpu``.
    """
    import torch

    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ArgumentError(
            f"device '{name}' cannot be used here ({reason}); use --device cpu"
        ) from None
    return device
