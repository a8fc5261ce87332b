"""Strengths and sizes: arrays, fractions, and warnings of strengths in another unit."""

from typing import Any

import numpy as np
import pytest
import torch

from pyrosnn.attacks import FGM, PGD, Attack
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, PyrosnnWarning
from pyrosnn.evaluation import evaluate
from pyrosnn.evaluation.strengths import warn_of_strengths
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets


@pytest.fixture
def named(bnn: StochasticClassifier, digits: Dataset) -> dict[str, Any]:
    x, y = digits.test_images(4)
    a, i = disjoint_sample_sets(bnn, x, attack=3, inference=5, seed=0)
    sets = {"attack_samples": a, "inference_samples": i}
    return {"classifier": bnn, "x": x, "y": y, "attack": FGM(), **sets}


@pytest.mark.usefixtures("as_users_call")
def test_arrays_and_fractions_are_numbers(named: dict[str, Any]) -> None:
    expected = evaluate(**named, strengths=[0.0, 0.5], attack_sizes=[1, 3], smoothness=[2.0])
    texts: Any = ("2/1",)
    found = evaluate(
        **named,
        strengths=np.array([0, 0.5], dtype=np.float32),
        attack_sizes=np.array([1, 3]),
        smoothness=texts,
    )
    assert found.identical(expected)
    half: Any = ["1/2"]
    assert evaluate(**named, strengths=half).strength.values.tolist() == [0.5]
    few: Any = "8/255"
    assert FGM(strength=few).strength == 8 / 255


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"strengths": 0.5}, "strengths must be a list of numbers, got 0.5"),
        ({"strengths": "0.5"}, "strengths must be a list of numbers, got '0.5'"),
        ({"strengths": ["x"]}, "strength must be a number, got 'x'"),
        ({"strengths": ["1/0"]}, "strength must be a number, got '1/0'"),
        ({"strengths": torch.full((4,), 0.5)}, "strengths must be a list of numbers, got a Tensor"),
        ({"attack_sizes": [1.5]}, "size must be an integer, got 1.5"),
        ({"attack_sizes": []}, "got no sizes of sample sets"),
        ({"inference_sizes": [6]}, "sizes must be in 1 … 5, the samples of the set, got 6"),
        ({"smoothness": [-1.0]}, "constant of smoothness must be >= 0 and finite, got -1.0"),
        ({"first_example": "a"}, "first_example must be an integer, got 'a'"),
        ({"classifier": torch.nn.Flatten()}, "classifier must be a Stoch.*; wrap it with an adapt"),
        ({"attack_samples": None}, "attack_samples must be a SampleSet, got None; draw it with"),
        ({"attack": 0.5}, "attack must be an attack such as"),
    ],
)
def test_wrong_values_are_refused(
    changed: dict[str, Any], message: str, named: dict[str, Any]
) -> None:
    with pytest.raises(ArgumentError, match=message):
        evaluate(**{**named, **changed})


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strength": torch.full((4,), 0.5)}, r"one number for all images, got a Tensor of shape"),
        ({"strength": [0.5, 1.0]}, r"one number for all images, got \[0.5, 1.0\]; for one of each"),
        ({"strength": "x/255"}, "strength must be a number, got 'x/255'"),
        ({"norm": np.inf}, r"norm must be a name \(l2, linf, l1\), got inf"),
        ({"norm": 2}, r"norm must be a name \(l2, linf, l1\), got 2"),
        ({"clip": (torch.zeros(3, 1, 1), torch.ones(3, 1, 1))}, "clip must be two numbers"),
    ],
)
def test_settings_of_other_libraries_are_refused(settings: dict[str, Any], message: str) -> None:
    for attack in (FGM, PGD):
        with pytest.raises(ArgumentError, match=message):
            attack(**settings)


@pytest.mark.parametrize(
    ("scale", "attack", "strengths", "warned"),
    [
        (1, FGM(norm="linf"), [8.0], "more than any two"),
        (1, FGM(norm="linf"), [0.0, 4.0, 8.0], "more than any two"),
        (1, FGM(norm="linf"), [0.5, 8.0], None),  # a sweep to the end
        (1, FGM(norm="linf"), [0.5 / 255], None),
        (1, FGM(norm="linf"), [0.0], None),
        (255, FGM(norm="linf"), [8 / 255], "nearly nothing"),
        (255, FGM(norm="linf"), [8.0], None),
        (1, FGM(norm="l1"), [0.01], None),  # of 64 pixels one changes by a hundredth
        (255, FGM(norm="l1"), [0.01], "nearly nothing"),
        (1, FGM(), [0.5], None),
        (1, FGM(), [7.9], None),
        (1, FGM(), [128.0], "more than any two"),
        (255, FGM(), [0.05], "nearly nothing"),
        (0, FGM(), [0.5], None),  # black images alone
    ],
)
def test_strengths_in_another_unit_are_named(
    scale: float, attack: Attack, strengths: list[float], warned: str | None, digits: Dataset
) -> None:
    x = digits.x_test[:20] * scale
    if warned is None:
        warn_of_strengths(x, strengths, attack)  # warnings are errors here
        return
    with pytest.warns(PyrosnnWarning, match=rf"a strength of .* is {warned}.*unit of the pixels"):
        warn_of_strengths(x, strengths, attack)
