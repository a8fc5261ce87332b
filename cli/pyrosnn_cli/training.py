"""Training with a progress bar: shared by `train` and by studies that need a default model."""

from pathlib import Path

import torch
import typer

from pyrosnn.claim import claim
from pyrosnn.data.dataset import Dataset
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
from pyrosnn_cli.keeper import Keeper
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

    The training's state is kept beside the checkpoint-to-be (:class:`Keeper`), and removed when
    the checkpoint is written. One that is there is gone on with, unless ``overwrite`` is set.
    """
    kept = state_path(path)
    with claim(path, kept):
        state = load_state(kept, spec, dataset) if kept.exists() and not overwrite else None
        done = 0 if state is None else state.epoch
        title = f"training {spec.model} on {dataset.name}"
        with progress_bar(title, spec.epochs, showing) as advance:
            advance(done, "")

            def show(step: TrainingProgress) -> None:
                advance(step.epoch, f"loss {step.loss:.4f}")

            keep = Keeper(lambda newest: save_state(kept, newest, spec, dataset))
            try:
                classifier = train(
                    spec, dataset, device=device, progress=show, resume=state, keep=keep
                )
            except KeyboardInterrupt:
                keep.flush()
                raise
        reached = accuracy(
            classifier, dataset.x_test, dataset.y_test, num_samples=test_samples, seed=spec.seed
        )
        overwrite = overwrite or done > 0  # a training that was stopped between this and the next
        save_checkpoint(path, classifier, spec, dataset, test_accuracy=reached, overwrite=overwrite)
        kept.unlink(missing_ok=True)
    typer.echo(
        f"{spec.model} on {dataset.name}: test accuracy {reached:.2%} "
        f"({test_samples} samples, {len(dataset.x_test)} images)"
    )
    typer.echo(f"wrote {path}")
    return classifier
