"""Every study at its smallest: a spec and what it works on."""

from dataclasses import replace
from typing import Any

import pytest
import xarray as xr

from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation.standard import Protocol, find_protocol
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.training import preset
from pyrosnn_studies import STUDIES, evaluation, evaluation_checks
from pyrosnn_studies.study import Study, find_study
from pyrosnn_studies.subject import Subject

SIZES: dict[str, dict[str, Any]] = {
    "evaluation": {
        "images": 3,
        "block_size": 2,
        "l2": 0.5,
        "attack_samples": 2,
        "diagnosis": False,
        "checks": False,
    },
    "certificates": {
        "images": 4,
        "block_size": 3,
        "certificates": ("votes", "margin"),
        "num_samples": 10,
        "selection_samples": 5,
        "radii": (0.1,),
        "steps": 1,
        "attack_samples": 2,
        "inference_samples": 8,
    },
    "verification": {
        "images": 7,
        "block_size": 5,
        "strengths": (0.0, 0.01),
        "inference_samples": 3,
        "method": "ibp",
        "steps": 2,
    },
    "sample-size": {"images": 12, "block_size": 5, "repeats": 2, "attack_samples": (1, 3)},
    "inference-size": {"images": 7, "block_size": 5, "repeats": 2, "inference_samples": (2, 4)},
    "conditions": {"images": 7, "block_size": 5, "inference_samples": (3,), "noise_samples": 2},
    "prediction-variance": {"images": 12, "block_size": 5, "num_samples": 4},
    "diagnosis": {
        "images": 7,
        "block_size": 5,
        "num_samples": 40,
        "attack_samples": (2,),
        "inference_samples": 3,
        "repeats": 1,
    },
    "ablation": {"images": 51, "repeats": 1},
    "gaussian-angles": {"dimension": 20, "pairs": 30, "largest": 3.0, "step": 1.0},
}


FEW: dict[str, dict[str, Any]] = {
    "apgd": {"steps": 3},
    "square": {"queries": 3},
    "transfer": {"steps": 3, "relative_step": 0.5},
}


def tiny_protocol(name: str) -> Protocol:
    """A protocol of the same attacks with few steps and samples."""
    plan = find_protocol(name)
    entries = [
        replace(entry, options={**entry.options, **FEW[str(entry.attack)]})
        for entry in plan.entries
    ]
    return replace(
        plan,
        entries=tuple(entries),
        selection_samples=5,
        inference_samples=5,
        queries=5,
        random_draws=2,
        known_steps=2,
        checked_images=4,
        certificate_samples=20,
    )


def cut_protocols(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the study of evaluation run tiny protocols, and diagnosis and checks with few samples."""
    monkeypatch.setattr(evaluation, "find_protocol", tiny_protocol)
    monkeypatch.setattr(evaluation, "SINGLES", 40)
    monkeypatch.setattr(evaluation_checks, "STEPS", 4)


def run_study(
    name: str,
    spec: Any,
    classifier: StochasticClassifier | None = None,
    dataset: Dataset | None = None,
    **others: Any,
) -> xr.DataTree:
    """Run a study on a classifier and a data set, in this process."""
    if classifier is None or dataset is None:
        return find_study(name).run(spec)
    return find_study(name).run(spec, Subject(classifier=classifier, dataset=dataset, **others))


def smallest(
    name: str, classifier: StochasticClassifier, dataset: Dataset
) -> tuple[Study, Any, Subject | None]:
    """Return a study, its smallest spec, and its subject."""
    study = find_study(name)
    if STUDIES[name].needs == "nothing":
        return study, study.make_spec("quick", None, None, **SIZES[name]), None
    training = preset("bnn", smoothing_variance=0.1 if STUDIES[name].needs == "smoothed" else 0.0)
    spec = study.make_spec("quick", dataset, training, **SIZES[name])
    if name == "inference-size":
        spec = study.make_spec("quick", dataset, training, **SIZES[name], test_accuracy=True)
    return study, spec, Subject(classifier=classifier, dataset=dataset, training=training)
