"""Modes of the caller change no number: autocast, inference mode, the default type."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
import xarray as xr

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import FGM
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.training import preset, train


@contextmanager
def doubles() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def modes() -> dict[str, AbstractContextManager[object]]:
    return {
        "autocast": torch.autocast("cpu", torch.bfloat16),
        "inference": torch.inference_mode(),
        "no_grad": torch.no_grad(),
        "float64": doubles(),
    }


def result(classifier: StochasticClassifier, digits: Dataset) -> xr.Dataset:
    x, y = (tensor.clone() for tensor in digits.test_images(6))
    a, i = disjoint_sample_sets(classifier, x, attack=3, inference=5, seed=0)
    sets: dict[str, Any] = {"attack_samples": a, "inference_samples": i}
    return evaluate(classifier, x, y, attack=FGM(strength=0.5), **sets)


@pytest.mark.parametrize("name", modes())
@pytest.mark.parametrize("model", ["bnn", "sin", "dropout"])
def test_a_mode_of_the_caller_changes_no_number(
    name: str, model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier = (
        MCDropout(
            torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(64, 10)),
            (1, 8, 8),
        )
        if model == "dropout"
        else classifiers[model]
    )
    expected = result(classifier, digits)
    with modes()[name]:
        found = result(classifier, digits)
    assert found.identical(expected)


@pytest.mark.parametrize("name", ["autocast", "inference"])
def test_a_training_is_the_same_in_any_mode(name: str, digits: Dataset) -> None:
    spec = preset("bnn", epochs=1, options={"hidden": (3,)})
    expected = train(spec, digits).fingerprint()
    with modes()[name]:
        assert train(spec, digits).fingerprint() == expected


def test_a_model_made_in_inference_mode_is_refused(digits: Dataset) -> None:
    with torch.inference_mode():
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(), torch.nn.Linear(64, 10))
        with pytest.raises(ArgumentError, match=r"made or loaded within torch\.inference_mode"):
            result(MCDropout(net, (1, 8, 8)), digits)
