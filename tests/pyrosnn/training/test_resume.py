"""An interrupted training goes on to the same weights, or says why it cannot."""

import contextlib
import math
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.storage import bundle
from pyrosnn.storage.kinds import TRAINING
from pyrosnn.training import (
    TrainingSpec,
    TrainingState,
    keeping,
    load_state,
    preset,
    save_state,
    state_path,
    train,
)
from pyrosnn.training.checkpoints import model_digest
from pyrosnn_cli import training
from pyrosnn_cli.main import app
from pyrosnn_cli.options import Showing
from pyrosnn_cli.training import train_and_save

CPU = torch.device("cpu")

SPECS = {
    "bnn": preset("bnn", epochs=3, options={"hidden": (8,)}),
    "sin": preset("sin", epochs=3, options={"hidden": (8,)}, smoothing_variance=0.1),
    "resnet": preset("resnet", epochs=3, augmentation="crop-flip", precision="bf16"),
    "adversarial": preset(
        "bnn",
        epochs=3,
        options={"hidden": (8,)},
        images="adversarial",
        image_options={"attack": "fgm", "strength": 0.1, "warm_up": 1},
        regularisers={"input-gradient": {"weight": 0.1, "start": 1}},
    ),
    "pni": preset(  # whose factors are a group of their own for the optimizer
        "pni", epochs=3, options={"hidden": (8,)}, images="clean", weight_decay=0.01
    ),
    "trades": preset(
        "sin",
        epochs=3,
        options={"hidden": (8,)},
        images="trades",
        image_options={"attack": "fgm", "strength": 0.1, "noise": "reused"},
    ),
}


def states_of(spec: TrainingSpec, digits: Dataset) -> tuple[list[TrainingState], str]:
    states: list[TrainingState] = []
    return states, model_digest(train(spec, digits, keep=states.append))


@pytest.mark.slow
@pytest.mark.parametrize("model", list(SPECS))
def test_a_training_goes_on_after_any_epoch_to_the_same_weights(
    model: str, digits: Dataset, tmp_path: Path
) -> None:
    spec = SPECS[model]
    states, whole = states_of(spec, digits)
    assert model_digest(train(spec, digits)) == whole  # keeping states changes nothing
    assert [state.epoch for state in states] == [1, 2, 3]
    path = tmp_path / "a.training.safetensors"
    for state in states:
        save_state(path, state, spec, digits)
        before = torch.get_rng_state()
        epochs: list[int] = []
        again = train(
            spec,
            digits,
            resume=load_state(path, spec, digits),
            progress=lambda step, epochs=epochs: epochs.append(step.epoch),  # type: ignore[misc]
        )
        assert model_digest(again) == whole
        assert not again.training
        assert epochs == list(range(state.epoch + 1, 4))
        assert torch.equal(before, torch.get_rng_state())
    assert len({tuple(state.tensors["random.cpu"].tolist()) for state in states}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bnn", "resnet"])
def test_optimizer_and_random_state_matter(model: str, digits: Dataset) -> None:
    """The test above would fail without either."""
    spec = SPECS[model]
    states, whole = states_of(spec, digits)
    start = torch.get_rng_state()
    for part in ("optimizer.", "random."):
        tensors = {
            name: start if name == "random.cpu" else torch.zeros_like(value)
            for name, value in states[0].tensors.items()
            if name.startswith(part)
        }
        changed = replace(states[0], tensors={**states[0].tensors, **tensors})
        assert model_digest(train(spec, digits, resume=changed)) != whole


@pytest.mark.slow
def test_a_state_is_a_copy(digits: Dataset) -> None:
    states, _ = states_of(SPECS["resnet"], digits)
    first, last = (state.tensors["classifier.first.weight"] for state in (states[0], states[-1]))
    assert not torch.equal(first, last)
    assert any("momentum_buffer" in name for name in states[0].tensors)
    assert "classifier.norm.running_mean" in states[0].tensors


@pytest.fixture
def kept(digits: Dataset, tmp_path: Path) -> Path:
    states, _ = states_of(SPECS["bnn"], digits)
    path = state_path(tmp_path / "a.safetensors")
    save_state(path, states[1], SPECS["bnn"], digits)
    return path


def test_a_state_of_another_training_is_refused_naming_what_differs(
    kept: Path, digits: Dataset
) -> None:
    spec = SPECS["bnn"]
    other = replace(spec, epochs=5, options={**spec.options, "hidden": (9,)})
    with pytest.raises(
        FileError,
        match=r"another training \(epochs is 3, not 5; options.hidden is \[8\], not \[9\]\); use",
    ):
        load_state(kept, other, digits)
    with pytest.raises(FileError, match=r"\(dataset is digits, not digitz\)"):
        load_state(kept, spec, replace(digits, name="digitz"))
    with pytest.raises(FileError, match=r"\(dataset_digest is .*, not "):
        load_state(kept, spec, replace(digits, y_test=digits.y_test.flip(0)))
    assert load_state(kept, spec, digits).epoch == 2


def test_damaged_and_foreign_states_are_refused(
    kept: Path, checkpoint_path: Path, digits: Dataset
) -> None:
    whole = kept.read_bytes()
    newer = bundle.to_bytes(TRAINING, {}, {"schema_version": 2})
    cases = {
        b"": "is no readable state of a training",
        whole[: len(whole) // 2]: "is no readable state of a training",
        checkpoint_path.read_bytes(): "is no readable state of a training",
        whole[:-1] + bytes([whole[-1] ^ 64]): "not those that its checksum was made of",
        newer: "has schema 2 of a training's",
    }
    for content, message in cases.items():
        kept.write_bytes(content)
        with pytest.raises(FileError, match=message):
            load_state(kept, SPECS["bnn"], digits)
    kept.unlink()
    with pytest.raises(FileError, match="there is no state of a training"):
        load_state(kept, SPECS["bnn"], digits)


def start(spec: TrainingSpec, digits: Dataset, path: Path) -> int:
    """Train to a checkpoint in a process of its own; return its number."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
                train_and_save(
                    spec,
                    digits,
                    path,
                    device=CPU,
                    test_samples=1,
                    overwrite=False,
                    showing=Showing(),
                )
            status = 0
        finally:
            os._exit(status)
    return child


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process that os.fork made")
@pytest.mark.parametrize(("model", "kills"), [("bnn", 10), ("resnet", 5)])
def test_a_training_killed_at_any_moment_leaves_the_same_file(
    model: str, kills: int, digits: Dataset, tmp_path: Path
) -> None:
    """SIGKILL after random times; a training that came to its end before is begun anew."""
    spec = SPECS[model]
    path = tmp_path / "a.safetensors"
    begin = time.monotonic()
    _, status = os.waitpid(start(spec, digits, path), 0)
    duration = time.monotonic() - begin
    assert status == 0
    undisturbed = path.read_bytes()
    path.unlink()
    assert list(tmp_path.iterdir()) == []

    moments = random.Random(1)
    stopped = 0
    for _ in range(kills):
        child = start(spec, digits, path)
        time.sleep(moments.uniform(0, duration))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        stopped += status != 0
        if path.exists() and not state_path(path).exists():
            assert path.read_bytes() == undisturbed
            path.unlink()
    assert stopped > kills // 3
    _, status = os.waitpid(start(spec, digits, path), 0)
    assert status == 0
    assert path.read_bytes() == undisturbed
    assert not state_path(path).exists()


def test_the_command_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: Dataset
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keeping, "SHARE", math.inf)  # every state is written
    arguments = ["train", "bnn", "--epochs", "3", "--hidden", "8", "--test-samples", "1"]
    own, stop = save_state, [2]

    def interrupted(*args: object) -> None:
        own(*args)  # type: ignore[arg-type]
        stop[0] -= 1
        if stop[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_state", interrupted)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 130
    assert "interrupted; the same command with --resume continues after epoch 2" in result.stderr

    plain = CliRunner().invoke(app, arguments)
    assert plain.exit_code == 2
    assert "holds an interrupted training; add --resume to continue it" in plain.stderr
    other = CliRunner().invoke(app, [*arguments, "--seed", "1", "--resume"])
    assert "belongs to another training (seed is 0, not 1)" in other.stderr
    result = CliRunner().invoke(app, [*arguments, "--resume"])
    assert (result.exit_code, result.stderr.count("3/3")) == (0, 1)
    assert "1/3" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bnn-digits.safetensors"]
    done = CliRunner().invoke(app, [*arguments, "--resume"])
    assert (done.exit_code, done.stdout) == (0, "bnn-digits.safetensors is trained already\n")
    other = CliRunner().invoke(app, [*arguments, "--seed", "1", "--resume"])
    assert "is a checkpoint of other settings" in other.stderr


def test_overwrite_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Path, digits: Dataset
) -> None:
    path = tmp_path / "a.safetensors"
    assert kept == state_path(path)
    spec = replace(SPECS["bnn"], seed=4)
    network: StochasticClassifier = train_and_save(
        spec, digits, path, device=CPU, test_samples=1, overwrite=True, showing=Showing()
    )
    assert model_digest(network) == model_digest(train(spec, digits))
    assert not kept.exists()


QUICK = ["train", "bnn", "--epochs", "6", "--hidden", "8", "--test-samples", "1"]


def stopped(error: BaseException) -> Any:
    """Return what is called with a step or a value, and raises at the last epoch."""

    def call(*arguments: object, **others: object) -> None:
        raise error

    return call


@pytest.mark.slow
@pytest.mark.parametrize("where", ["accuracy", "save_checkpoint"])
def test_ctrl_c_keeps_the_last_whole_epoch(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: Dataset
) -> None:
    """Also one whose state waited, because writing each would cost too much."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keeping, "SHARE", 1e-9)  # only the first is written
    with monkeypatch.context() as patch:
        patch.setattr(training, where, stopped(KeyboardInterrupt()))
        result = CliRunner().invoke(app, QUICK)
    assert result.exit_code == 130
    assert "with --resume continues after epoch 6" in result.stderr
    anew = CliRunner().invoke(app, [*QUICK, "--seed", "1", "--overwrite"])
    assert anew.exit_code == 0


@pytest.mark.slow
def test_ctrl_c_of_a_training_that_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, QUICK).exit_code == 0
    again = [*QUICK, "--seed", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(training, "accuracy", stopped(KeyboardInterrupt()))
        result = CliRunner().invoke(app, [*again, "--overwrite"])
    assert "with --resume in place of --overwrite continues after epoch 6" in result.stderr
    result = CliRunner().invoke(app, [*again, "--resume"])
    assert result.exit_code == 0, result.output


def test_a_full_disk_says_how_to_go_on_and_does_not_hide_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    full = FileError("cannot write a: No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(training, "save_checkpoint", stopped(full))
        result = CliRunner().invoke(app, QUICK)
    assert result.exit_code == 2
    assert "No space left on device; the same command with --resume continues" in result.stderr
    with monkeypatch.context() as patch:
        patch.setattr(training, "save_state", stopped(full))
        patch.setattr(training, "accuracy", stopped(KeyboardInterrupt()))
        result = CliRunner().invoke(app, [*QUICK, "--resume"])
    assert result.exit_code == 130
    assert "pyrosnn: interrupted; the same command with --resume continues after" in result.stderr


def test_what_a_killed_process_left_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    left = [".bnn-digits.part-x.safetensors", ".bnn-digits.training.part-x.safetensors"]
    for name in left:
        (tmp_path / name).write_text("half")
    assert CliRunner().invoke(app, QUICK).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["bnn-digits.safetensors"]
