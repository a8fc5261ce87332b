"""Images and labels as users have them: made tensors, or refused with the way out."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

import pyrosnn
from pyrosnn.attacks import FGM, loss_gradient
from pyrosnn.checks.on_model import check_model
from pyrosnn.conditions import attack_geometry
from pyrosnn.data.bounds import check_bounds, require_within
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import accuracy, attack_moments, evaluate, gradient_moments
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, predict

NUMBER = 10

Entry = Callable[[Any, Any], Any]


@pytest.fixture
def entries(bnn: StochasticClassifier, digits: Dataset) -> dict[str, Entry]:
    """Every public function that takes images, as a function of images and labels."""
    right = digits.test_images(NUMBER)
    a, i = disjoint_sample_sets(bnn, right[0], attack=2, inference=3, seed=0)
    fgm = FGM(strength=0.5)
    result = fgm(bnn, *right, a)
    sets: dict[str, Any] = {"attack_samples": a, "inference_samples": i}
    kinds = {"loss": "margin", "gradient": "mean_loss"}
    return {
        "draw": lambda x, y: draw_sample_set(bnn, x, 2, seed=0, stream="mine").tensors,
        "predict": lambda x, y: predict(bnn, x, a).scores,
        "attack": lambda x, y: fgm(bnn, x, y, a).perturbation,
        "loss_gradient": lambda x, y: loss_gradient(bnn, x, y, a, **kinds).direction,
        "evaluate": lambda x, y: evaluate(bnn, x, y, attack=fgm, **sets),
        "accuracy": lambda x, y: accuracy(bnn, x, y, num_samples=2),
        "geometry": lambda x, y: attack_geometry(bnn, x, y, result, i).cosine,
        "gradient_moments": lambda x, y: gradient_moments(bnn, x, y, num_samples=2),
        "attack_moments": lambda x, y: attack_moments(bnn, x, y, attack=fgm, num_samples=40),
        "check_model": lambda x, y: check_model(bnn, x, y, attack=fgm, inference_samples=3),
    }


WITH_LABELS = (
    *("attack", "loss_gradient", "evaluate", "accuracy", "geometry", "gradient_moments"),
    *("attack_moments", "check_model"),
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, xr.Dataset):
        return one.identical(other)
    if isinstance(one, Mapping):
        return all(torch.equal(one[name], other[name]) for name in one)
    return bool(one == other)


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize("name", ["draw", "predict", "attack", "evaluate", "accuracy", "geometry"])
def test_arrays_and_lists_are_the_tensors_they_hold(
    name: str, entries: dict[str, Entry], digits: Dataset
) -> None:
    x, y = digits.test_images(NUMBER)
    expected = entries[name](x, y)
    read_only = x.numpy().copy()
    read_only.flags.writeable = False
    backwards = np.ascontiguousarray(x.numpy()[::-1])[::-1]
    for images, labels in (
        (x.numpy(), y.numpy()),
        (read_only, y.tolist()),
        (backwards, tuple(y.tolist())),
        (x.numpy().astype(">f4"), y.numpy().astype(">i8")),
        (x.double().tolist(), y),
        (list(x), list(y)),
        (x.clone().requires_grad_(), y),
    ):
        assert same(entries[name](images, labels), expected)


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x: (x * 255).byte(),
            r"dtype torch.uint8, expected torch.float32; convert.* by 255",
        ),
        (lambda x: (x * 255).byte().numpy(), r"dtype torch.uint8, expected torch.float32; convert"),
        (lambda x: x.long(), "images have dtype torch.int64, expected torch.float32"),
        (lambda x: x.permute(0, 2, 3, 1), r"channels come first: x\.permute\(0, 3, 1, 2\)"),
        (lambda x: x.permute(0, 2, 3, 1).numpy(), r"array x\.transpose\(0, 3, 1, 2\)"),
        (lambda x: x[0], r"shape \(1, 8, 8\), .*; give one image as x\.unsqueeze\(0\)"),
        (lambda x: x[:, 0], "; add the axis of channels"),
        (lambda x: x.flatten(1), r"images have shape \(10, 64\), expected \(example, 1, 8, 8\)"),
        (lambda x: x[:0], "got no images"),
        (lambda x: None, "images must be a tensor, an array or a list, got None"),
        (lambda x: "x.png", "images must be a tensor, an array or a list, got 'x.png'"),
        (lambda x: [["a"]], "images hold something else than numbers"),
        (lambda x: [[0.5], [0.5, 1.0]], "images hold something else than numbers"),
        (lambda x: [x[0], x[1, 0]], "images are a list of tensors that cannot be stacked"),
        (lambda x: np.ma.masked_array(x.numpy()), "images must be a tensor, an array"),
        (lambda x: x.to_sparse(), "images are a sparse or quantized tensor"),
    ],
)
def test_images_are_refused_in_words_at_every_entry(
    change: Callable[[Tensor], Any], message: str, entries: dict[str, Entry], digits: Dataset
) -> None:
    x, y = digits.test_images(NUMBER)
    for entry in entries.values():
        with pytest.raises(ArgumentError, match=message):
            entry(change(x), y)


def test_other_precisions_are_refused_where_they_would_change_numbers(
    entries: dict[str, Entry], digits: Dataset
) -> None:
    x, y = digits.test_images(NUMBER)
    for name, entry in entries.items():
        if name != "predict":  # the module of an attack may be asked in any
            with pytest.raises(ArgumentError, match=r"images have dtype torch\.float64, expected"):
                entry(x.double(), y)


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: torch.eye(10)[y], r"labels have shape \(10, 10\), .*; use y\.argmax\(1\)"),
        (lambda y: y[:, None], r"labels have shape \(10, 1\), .*; use y\.flatten\(\)"),
        (lambda y: y.int(), r"dtype torch.int32, expected int64; use y\.long\(\)"),
        (lambda y: y.byte(), r"dtype torch.uint8, expected int64; use y\.long\(\)"),
        (lambda y: y.float(), "dtype torch.float32, expected int64"),
        (lambda y: y.numpy().astype("int32"), r"of an array y\.astype\('int64'\)"),
        (lambda y: y.double().tolist(), "dtype torch.float64, expected int64"),
        (lambda y: y[:3], r"labels have shape \(3,\), expected \(10,\)"),
        (lambda y: y - 20, "labels must be in 0 … 9, got -"),
        (lambda y: y + 10, "labels must be in 0 … 9, got 1"),
        (lambda y: ["a"] * NUMBER, "labels hold something else than numbers"),
        (lambda y: None, "labels must be a tensor, an array or a list, got None"),
        (lambda y: 3, "labels must be a tensor, an array or a list, got 3"),
    ],
)
def test_labels_are_refused_in_words_at_every_entry(
    change: Callable[[Tensor], Any], message: str, entries: dict[str, Entry], digits: Dataset
) -> None:
    x, y = digits.test_images(NUMBER)
    for name in WITH_LABELS:
        with pytest.raises(ArgumentError, match=message):
            entries[name](x, change(y))


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (None, "must be two numbers"),
        (5, "must be two numbers"),
        ((0.0, 0.5, 1.0), "must be two numbers"),
        ((torch.zeros(3, 1, 1), torch.ones(3, 1, 1)), "for each channel, standardise within"),
        (([0.0] * 3, [1.0] * 3), "for each channel"),
        ((1.0, 0.0), r"must be \(low, high\) with low < high, got \(1.0, 0.0\)"),
        ((0.0, float("nan")), "with low < high"),
    ],
)
def test_bounds_are_two_numbers(bounds: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"clip .*{message}|clip {message}"):
        check_bounds("clip", bounds)


@pytest.mark.usefixtures("as_users_call")
def test_bounds_are_those_of_the_images(bnn: StochasticClassifier, digits: Dataset) -> None:
    """Clipping standardised images to [0, 1] moves them far, at any strength."""
    x, y = digits.test_images(NUMBER)
    standardised = (x - 0.3) / 0.38
    a, i = disjoint_sample_sets(bnn, x, attack=2, inference=3, seed=0)
    sets: dict[str, Any] = {"attack_samples": a, "inference_samples": i}
    message = r"is \(0.0, 1.0\), but 10 of 10 images have pixels outside \(first at index 0; pixels"
    for attack in (FGM(clip=(0, 1)), pyrosnn.PGD(clip=(0, 1)), pyrosnn.SPSA(clip=(0, 1))):
        with pytest.raises(ArgumentError, match=f"clip {message}"):
            attack(bnn, standardised, y, a)
        with pytest.raises(ArgumentError, match=f"clip {message}"):
            evaluate(bnn, standardised, y, attack=attack, strengths=[0.0, 0.5], **sets)
    with pytest.raises(ArgumentError, match=f"judged_bounds {message}"):
        evaluate(bnn, standardised, y, attack=FGM(), judged_bounds=(0, 1), **sets)
    assert FGM(clip=(-1.0, 2.0))(bnn, standardised, y, a).length.min() > 0


def test_bounds_are_compared_in_the_precision_of_the_images() -> None:
    """0.7 in float32 is below 0.7 in float64."""
    x = torch.full((2, 3), 0.7)
    require_within(x, (0.7, 0.9), "clip")
    with pytest.raises(ArgumentError, match=r"2 of 2 images have pixels outside"):
        require_within(x, (0.70001, 0.9), "clip")


@pytest.mark.usefixtures("as_users_call")
def test_a_dataset_holds_its_images_against_its_bounds(digits: Dataset) -> None:
    fields = {one.name: getattr(digits, one.name) for one in dataclasses.fields(digits)}
    for changed, message in (
        ({"x_test": digits.x_test - 0.5}, "digits, test: bounds is .* pixels outside"),
        ({"x_train": digits.x_train * 16}, "digits, train: bounds is .* pixels outside"),
        ({"bounds": (0.1, 1.0)}, "digits, train: bounds is .* pixels outside"),
        ({"bounds": 1}, "bounds must be two numbers"),
        ({"y_test": digits.y_test.int()}, "digits, test: labels have dtype torch.int32"),
        ({"y_train": digits.y_train[:3]}, "digits, train: labels have shape"),
        ({"x_test": digits.x_test[:, 0]}, "digits, test: images have shape"),
        ({"num_classes": 9}, "digits, train: labels must be in 0 … 8, got 9"),
        ({"num_classes": 0}, "num_classes must be >= 1, got 0"),
    ):
        with pytest.raises(ArgumentError, match=message):
            Dataset(**{**fields, **changed})
    assert Dataset(**{**fields, "x_test": digits.x_test * 0.5}).bounds == (0.0, 1.0)
