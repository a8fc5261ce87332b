"""Training with a progress bar: shared by `train` and by studies that need a default model."""

from pathlib import Path

import torch
import typer

from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import accuracy
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.training import TrainingProgress, TrainingSpec, save_checkpoint, train
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
    """Train with a progress bar, measure the test accuracy, write the checkpoint."""
    with progress_bar(f"training {spec.model} on {dataset.name}", spec.epochs, showing) as advance:
        advance(0, "")

        def show(step: TrainingProgress) -> None:
            advance(step.epoch, f"loss {step.loss:.4f}")

        classifier = train(spec, dataset, device=device, progress=show)
    reached = accuracy(
        classifier, dataset.x_test, dataset.y_test, num_samples=test_samples, seed=spec.seed
    )
    save_checkpoint(path, classifier, spec, dataset, test_accuracy=reached, overwrite=overwrite)
    typer.echo(
        f"{spec.model} on {dataset.name}: test accuracy {reached:.2%} "
        f"({test_samples} samples, {len(dataset.x_test)} images)"
    )
    typer.echo(f"wrote {path}")
    return classifier
