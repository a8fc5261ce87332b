"""`pyrosnn train MODEL`: train a stochastic classifier and keep it as a checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from annotated_types import Ge

from pyrosnn.data import DATASETS, short_name
from pyrosnn.models import MODELS, is_sampled
from pyrosnn.settings import Default
from pyrosnn.storage import lock
from pyrosnn.training.options import choice_with, training_options
from pyrosnn_cli.command import Arguments, Part, SettingsGroup, make_command, part_of
from pyrosnn_cli.options import DataOptions, Showing, Starting, Writing


@dataclass(frozen=True, kw_only=True)
class TrainingOutput(Starting):
    """Where a training starts from, and what it writes.

    Attributes:
        test_samples: number of samples averaged for the test accuracy.
        output: checkpoint to write.
    """

    test_samples: Annotated[int, Ge(1)] = 100
    output: Annotated[Path | None, Default("MODEL-DATASET.safetensors")] = None


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Writing, Showing, TrainingOutput):
    """A training's run."""


class Models(SettingsGroup):
    """A command for each row of ``MODELS``."""

    kind = "model"

    def names(self) -> list[str]:
        """Return the models."""
        return list(MODELS)

    def make(self, name: str, arguments: Arguments) -> Any:
        """Make the command that trains a model."""

        def call(data: DataOptions, settings: dict[str, Any], running: TrainingRun) -> None:
            train(name, data, settings, running)

        parts = [
            part_of("data", DataOptions, {"dataset": next(iter(DATASETS))}),
            part_of("running", TrainingRun),
            Part(name="settings", options=training_options(name, arguments)),
        ]
        return make_command(
            name,
            f"{MODELS[name].about}\n\n{HELP_OF_CHAINS if is_sampled(name) else HELP}",
            parts,
            call,
            elsewhere=lambda option: choice_with(name, option, arguments),
        )


HELP = (
    "The state of the training is kept beside the checkpoint. After an interruption, the same "
    "command with --resume continues to the same weights. --network, --images, --attack and "
    "--regulariser choose rows: add one before --help to see its options."
)

HELP_OF_CHAINS = (
    "The posterior of the weights is sampled, given the training images as they are. Chains are "
    "not continued: after an interruption, the same command starts again."
)

app = typer.Typer(
    cls=Models,
    no_args_is_help=True,
    help="Train a stochastic classifier and write a checkpoint.\n\n"
    "Example: pyrosnn train bnn --dataset fashion-mnist --preset paper",
)


@app.callback()
def _train() -> None:
    """Let a group without a command of its own be one."""


def train(model: str, data: DataOptions, settings: Mapping[str, Any], running: TrainingRun) -> None:
    """Train a model and write its checkpoint."""
    from pyrosnn.training import preset

    spec = preset(model, running.preset, **settings)
    name = data.dataset or next(iter(DATASETS))
    path = running.output or Path(f"{model}-{short_name(name)}.safetensors")

    from pyrosnn.data import load_dataset
    from pyrosnn.device import open_device
    from pyrosnn.training import state_path
    from pyrosnn.training.places import check_places, is_trained
    from pyrosnn_cli.training import train_and_save

    device = open_device(data.device)
    dataset = load_dataset(name, data.data_root)
    step = "wait for it, then give it with --model; or name another --output"
    with lock(path, state_path(path), step=step):
        resumes = check_places(path, resume=running.resume, overwrite=running.overwrite)
        if running.resume and path.exists() and not resumes:
            if is_trained(path, spec, dataset, replaceable=running.overwrite):
                typer.echo(f"{path} is trained already")
                return
        train_and_save(
            spec,
            dataset,
            path,
            device=device,
            test_samples=running.test_samples,
            overwrite=running.overwrite and not resumes,
            showing=running,
        )
