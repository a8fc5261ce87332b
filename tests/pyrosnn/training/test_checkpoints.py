"""Checkpoints: the same network comes back; damaged and foreign files are refused."""

import pickle
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import DataError, FileError
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set, replay_logits
from pyrosnn.storage import bundle
from pyrosnn.storage.kinds import CHECKPOINT
from pyrosnn.training import TrainingSpec, load_checkpoint, save_checkpoint
from pyrosnn.training.checkpoints import model_digest


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_the_same_network_comes_back(
    model: str,
    classifiers: dict[str, StochasticClassifier],
    specs: dict[str, TrainingSpec],
    digits: Dataset,
    tmp_path: Path,
) -> None:
    path, spec, original = tmp_path / "model.safetensors", specs[model], classifiers[model]
    save_checkpoint(path, original, spec, digits, test_accuracy=0.5)
    state = torch.get_rng_state()
    checkpoint = load_checkpoint(path)
    assert torch.equal(state, torch.get_rng_state())
    assert checkpoint.spec == spec
    assert (checkpoint.dataset, checkpoint.test_accuracy) == ("digits", 0.5)
    checkpoint.require_dataset(digits)
    x = digits.x_test[:5]
    logits = [
        replay_logits(c, x, draw_sample_set(c, x, 3, seed=0, stream="attack"))
        for c in (original, checkpoint.classifier)
    ]
    assert torch.equal(logits[0], logits[1])
    assert not any(p.requires_grad for p in checkpoint.classifier.parameters())


def test_the_same_training_writes_the_same_bytes(
    bnn: StochasticClassifier, specs: dict[str, TrainingSpec], digits: Dataset, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        save_checkpoint(tmp_path / name, bnn, specs["bnn"], digits)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_another_data_set_is_refused(checkpoint_path: Path, digits: Dataset) -> None:
    checkpoint = load_checkpoint(checkpoint_path)
    with pytest.raises(DataError, match=r"trained on digits, not on fashion-mnist; use --dataset"):
        checkpoint.require_dataset(replace(digits, name="fashion-mnist"))
    with pytest.raises(DataError, match=r"this digits \(digest .*\) is not the one"):
        checkpoint.require_dataset(replace(digits, y_test=digits.y_test.flip(0)))


def test_an_existing_checkpoint_is_kept(
    bnn: StochasticClassifier, specs: dict[str, TrainingSpec], digits: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"precious")
    with pytest.raises(FileError, match="exists; add --overwrite"):
        save_checkpoint(path, bnn, specs["bnn"], digits)
    assert path.read_bytes() == b"precious"


def test_damaged_and_foreign_files_are_refused(checkpoint_path: Path, tmp_path: Path) -> None:
    whole = checkpoint_path.read_bytes()
    plain = safetensors.torch.save({"w": torch.zeros(2)})
    arrays, _ = bundle.from_bytes(CHECKPOINT, whole)

    def with_header(**header: int) -> bytes:
        return bundle.to_bytes(CHECKPOINT, arrays, header)

    cases = {
        "empty": (b"", "is an empty file"),
        "truncated": (whole[: len(whole) // 2], "it may be truncated"),
        "pickle": (pickle.dumps({"w": [1.0]}), "is a pickle, as of an older torch"),
        "foreign": (plain, "is a safetensors file of another program, expected"),
        "flipped": (whole[:-5] + bytes([whole[-5] ^ 64]) + whole[-4:], "not those that its"),
        "newer": (with_header(schema_version=99), "has checkpoint schema 99"),
        "incomplete": (with_header(schema_version=1), "is a damaged checkpoint"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(FileError, match=message):
            load_checkpoint(path)
    with pytest.raises(FileError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "missing")
    with pytest.raises(FileError, match="it is not a file"):
        load_checkpoint(tmp_path)


@settings(max_examples=30)  # of thousands, see test_mutations.py
@given(st.data())
def test_flipped_bytes_are_noticed_or_change_nothing(
    checkpoint_path: Path, data: st.DataObject
) -> None:
    whole = load_checkpoint(checkpoint_path)
    content = bytearray(checkpoint_path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = checkpoint_path.with_name("flipped.safetensors")
    path.write_bytes(content)
    with suppress(FileError):
        found = load_checkpoint(path)  # a blank of the index that is another blank
        assert (found.spec, found.versions) == (whole.spec, whole.versions)
        assert model_digest(found.classifier) == model_digest(whole.classifier)
