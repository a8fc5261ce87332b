"""`pyrosnn train MODEL`: train a stochastic classifier and keep it as a checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from annotated_types import Ge

from pyrosnn.data import DATASETS
from pyrosnn.errors import FileError
from pyrosnn.models import MODELS, model_settings
from pyrosnn.networks import NETWORKS
from pyrosnn.settings import Default, OneOf, Option, Settings, options_of, rows_with
from pyrosnn.settings.presets import load_presets, row_preset, with_presets
from pyrosnn.storage import check_writable, lock
from pyrosnn_cli.command import Arguments, Part, SettingsGroup, make_command, with_default
from pyrosnn_cli.options import PRESETS, DataOptions, Showing, Writing, open_device

if TYPE_CHECKING:
    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import TrainingSpec

TRAINING = "pyrosnn.training"
SPEC = "pyrosnn.training.spec:TrainingSpec"


@dataclass(frozen=True, kw_only=True)
class TrainingOutput(Settings):
    """Where a training starts from, and what it writes.

    Attributes:
        preset: settings to start from (quick suits digits, paper follows the paper).
        test_samples: number of samples averaged for the test accuracy.
        output: checkpoint to write.
    """

    panel: ClassVar[str] = "run"

    preset: Annotated[str, OneOf(PRESETS)] = "quick"
    test_samples: Annotated[int, Ge(1)] = 100
    output: Annotated[Path | None, Default("MODEL-DATASET.safetensors")] = None


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Writing, Showing, TrainingOutput):
    """A training's run."""


def training_options(model: str, chosen: Mapping[str, Any]) -> list[Option]:
    """Return the settings of a training: of the model, and of the rows that are chosen.

    Args:
        model: a name in ``MODELS``.
        chosen: values of options that choose rows, such as ``{"images": "adversarial"}``.

    Raises:
        UnknownNameError: for a row that is not in its table.
    """
    options = [*model_settings(model, chosen.get("network") or None), *options_of(SPEC, chosen)]
    presets = {name: row_preset(one, model) for name, one in load_presets(TRAINING).items()}
    return with_presets(options, presets)


def _elsewhere(model: str, chosen: Mapping[str, Any], name: str) -> str:
    """Return which choice has an option that a training lacks."""
    for network in NETWORKS:
        if any(option.name == name for option in model_settings(model, network)):
            return f"add --network {network}"
    for choice, row in rows_with(SPEC, name, chosen):
        return f"add --{choice} {row}"
    has = [other for other in MODELS if name in {one.name for one in model_settings(other)}]
    return f"it is an option of {', '.join(has)}" if has else ""


class Models(SettingsGroup):
    """A command for each row of ``MODELS``."""

    kind = "model"

    def names(self) -> list[str]:
        """Return the models."""
        return list(MODELS)

    def make(self, name: str, arguments: Arguments) -> Any:
        """Make the command that trains a model."""
        chosen = {key: value for key, value in arguments.items() if value}

        def call(data: DataOptions, settings: dict[str, Any], running: TrainingRun) -> None:
            train(name, data, settings, running)

        data = with_default(options_of("pyrosnn_cli.options:DataOptions"), {"dataset": "digits"})
        parts = [
            Part(name="data", options=list(data), make=DataOptions),
            Part(
                name="running",
                options=options_of("pyrosnn_cli.train:TrainingRun"),
                make=TrainingRun,
            ),
            Part(name="settings", options=training_options(name, chosen)),
        ]
        return make_command(
            name,
            f"{MODELS[name].about}\n\n{HELP}",
            parts,
            call,
            elsewhere=lambda option: _elsewhere(name, chosen, option),
        )


HELP = (
    "The state of the training is kept beside the checkpoint. After an interruption, the same "
    "command with --resume continues to the same weights. --network, --images, --attack and "
    "--regulariser choose rows: add one before --help to see its options."
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
    path = running.output or Path(f"{model}-{name}.safetensors")

    from pyrosnn.data import load_dataset
    from pyrosnn.training import state_path
    from pyrosnn_cli.training import train_and_save

    with lock(path, state_path(path)):
        resumes = _check_places(path, running)
        device = open_device(data.device)
        dataset = load_dataset(name, data.data_root)
        if running.resume and path.exists() and not resumes:
            if _is_trained(path, spec, dataset, replaceable=running.overwrite):
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


def _check_places(path: Path, running: Writing) -> bool:
    """Refuse an output that may not be written; return whether there is a state to resume."""
    from pyrosnn.training import state_path

    state = state_path(path)
    if state.exists() and not running.resume and not running.overwrite:
        raise FileError(
            f"{state} holds an interrupted training; add --resume to continue it, or --overwrite "
            "to start a new one"
        )
    check_writable(path, overwrite=running.overwrite or running.resume)
    return state.exists() and running.resume


def _is_trained(path: Path, spec: "TrainingSpec", data: "Dataset", *, replaceable: bool) -> bool:
    """Return whether these settings and data made a checkpoint; refuse another to be kept."""
    from pyrosnn.training import load_checkpoint

    checkpoint = load_checkpoint(path)
    same = (checkpoint.spec, checkpoint.dataset_digest) == (spec, data.digest)
    if not same and not replaceable:
        checkpoint.require_dataset(data)
        raise FileError(
            f"{path} is a checkpoint of other settings, and no interrupted training is beside it; "
            "name another --output, or add --overwrite to replace it"
        )
    return same
