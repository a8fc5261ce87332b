"""Training with a progress bar."""

from contextlib import suppress
from pathlib import Path

import torch
import typer

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError
from pyrosnn.evaluation import accuracy
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.training import (
    TrainingProgress,
    TrainingSpec,
    load_state,
    save_checkpoint,
    save_state,
    state_path,
    train,
)
from pyrosnn.training.keeping import StateWriter
from pyrosnn_cli.options import Showing
from pyrosnn_cli.progress import progress_bar


def train_and_save(
    spec: TrainingSpec,
    dataset: Dataset,
    path: Path,
    *,
    device: torch.device,
    test_samples: int,
    overwrite: bool,
    showing: Showing,
) -> StochasticClassifier:
    """Train with a progress bar, measure the test accuracy, write the checkpoint.

    The training's state is kept beside the checkpoint-to-be (:class:`StateWriter`), and removed
    when the checkpoint is written. A state that is there is resumed unless ``overwrite`` is set.
    The caller has locked both files.
    """
    kept = state_path(path)
    state = load_state(kept, spec, dataset) if kept.exists() and not overwrite else None
    done = 0 if state is None else state.epoch
    keep = StateWriter(lambda newest: save_state(kept, newest, spec, dataset), epoch=done)
    try:
        title = f"training {spec.model} on {dataset.name}"
        with progress_bar(title, spec.rounds, showing) as advance:
            advance(done, "")

            def show(step: TrainingProgress) -> None:
                without = [f"{name} left out {v:.0%}" for name, v in step.left_out.items() if v > 0]
                advance(step.epoch, ", ".join([f"loss {step.loss:.4f}", *without]))

            classifier = train(spec, dataset, device=device, progress=show, resume=state, keep=keep)
        reached = accuracy(
            classifier, dataset.x_test, dataset.y_test, num_samples=test_samples, seed=spec.seed
        )
        replace = overwrite or done > 0  # a training that was stopped between this and the next
        save_checkpoint(path, classifier, spec, dataset, test_accuracy=reached, overwrite=replace)
    except (FileError, KeyboardInterrupt) as error:
        with suppress(FileError):  # the first error is what is told
            keep.flush()
        error.add_note(_how_to_go_on(keep.epoch, overwrite=overwrite))
        raise
    kept.unlink(missing_ok=True)
    typer.echo(
        f"{spec.model} on {dataset.name}: test accuracy {reached:.2%} "
        f"({test_samples} samples, {len(dataset.x_test)} images)"
    )
    typer.echo(f"wrote {path}")
    return classifier


def _how_to_go_on(epoch: int, *, overwrite: bool) -> str:
    if epoch == 0:
        return "no epoch was kept, so the same command starts again"
    how = "--resume in place of --overwrite" if overwrite else "--resume"
    return f"the same command with {how} continues after epoch {epoch}"
