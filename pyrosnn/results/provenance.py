"""The provenance of a result: versions, device, threads and digests."""

import platform
from datetime import UTC, datetime
from typing import Any

import torch

from pyrosnn.adapters.own_model import Reference
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.training.checkpoints import model_digest, package_versions
from pyrosnn.training.spec import TrainingSpec


def run_provenance(*, seed: int, wall_time_s: float) -> dict[str, Any]:
    """Describe a run, independently of its result.

    Args:
        seed: root seed.
        wall_time_s: duration in seconds.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_time_s": round(wall_time_s, 3),
        "seed": seed,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": package_versions(),
    }


def make_provenance(
    classifier: StochasticClassifier,
    dataset: Dataset,
    *,
    training: TrainingSpec | Reference | None,
    seed: int,
    wall_time_s: float,
) -> dict[str, Any]:
    """Describe how a result was made; equal runs differ only in the keys ``TIME_KEYS``.

    Args:
        classifier: the classifier evaluated.
        dataset: the data set evaluated on.
        training: the settings of its training (``kl_weight`` among them), where they are known,
            or the function that made it.
        seed: root seed.
        wall_time_s: duration of the evaluation in seconds.
    """
    own = {"dataset_source": dataset.source} if dataset.source else {}
    return {
        **run_provenance(seed=seed, wall_time_s=wall_time_s),
        **own,
        "model": training.model if training is not None else type(classifier).__name__,
        "training": training.to_json() if training is not None else None,
        "dataset": dataset.name,
        "device": str(classifier.device),
        "model_digest": model_digest(classifier),
        "dataset_digest": dataset.digest,
        "output": classifier.output,
        "per_example": classifier.per_example,
        "bounds": list(dataset.bounds),
        "image_shape": list(classifier.image_shape),
        "num_classes": classifier.num_classes,
    }
