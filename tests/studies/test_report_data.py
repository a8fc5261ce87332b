"""The data set of a report, or a sentence on why there is none."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_result import small_result
from support.standard_result import standard_result

from pyrosnn.data import load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.reports import Gallery
from pyrosnn_studies.report_data import dataset_of
from pyrosnn_studies.report_images import shown_images


def test_the_data_set_of_the_file_is_found_by_its_digest() -> None:
    digits = load_dataset("digits")
    found = dataset_of(small_result(dataset_digest=digits.digest))
    assert isinstance(found, Dataset)
    assert found.digest == digits.digest


def test_a_file_of_numpy_is_read_where_it_is(tmp_path: Path) -> None:
    arrays = {"x_train": np.zeros((2, 3), "float32"), "y_train": np.array([0, 1])}
    arrays |= {"x_test": np.ones((2, 3), "float32"), "y_test": np.array([0, 1])}
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    named = small_result(dataset="a", dataset_source=str(tmp_path / "a.npz"), dataset_digest=None)
    assert isinstance(dataset_of(named), Dataset)
    (tmp_path / "a.npz").write_bytes(b"damaged")
    assert "cannot be opened: " in str(dataset_of(named))
    (tmp_path / "a.npz").unlink()
    assert "are not opened by themselves" in str(dataset_of(named))


@pytest.mark.parametrize("name", ["fashion-mnist", "cifar10", "cifar100", "later", None])
def test_nothing_is_downloaded(name: str | None, tmp_path: Path) -> None:
    sentence = dataset_of(small_result(dataset=name), root=tmp_path)
    assert isinstance(sentence, str)
    assert "--dataset" in sentence
    assert not list(tmp_path.iterdir())


@settings(max_examples=30)
@given(name=st.text(max_size=8).filter(lambda text: ":" not in text))
def test_any_name_gives_a_sentence(name: str) -> None:
    assert isinstance(dataset_of(small_result(dataset=name)), str)
    if name:
        assert isinstance(dataset_of(small_result(), name), str)


def test_classes_are_shown_by_their_names() -> None:
    digits = load_dataset("digits")
    named = replace(digits, class_names=tuple(f"class-{label}" for label in range(10)))
    result = standard_result(12)
    for dataset, word in ((named, "class-"), (digits, "")):
        (gallery, *_) = shown_images(result, partial(dataset_of, result, dataset))
        assert isinstance(gallery, Gallery)
        label = int(digits.y_test[0])
        assert gallery.images[0].caption == f"image 0: label {word}{label} → {word}{label}"
