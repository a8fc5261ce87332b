"""The command `train`: what is written, and what is said."""

from pathlib import Path
from typing import Any

import pytest
from support.program import Run

from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import accuracy
from pyrosnn.training import load_checkpoint, preset


def test_train_writes_a_checkpoint_and_says_how_good_it_is(
    run: Run, tmp_path: Path, digits: Dataset
) -> None:
    result = run(
        "train", "sin", "--epochs", "3", "--hidden", "16,16", "--noise-variance", "0.05",
        "--seed", "7", "--test-samples", "10", "--no-per-example",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "sin on digits: test accuracy" in result.stdout
    assert "wrote sin-digits.safetensors" in result.stdout
    assert "3/3 loss" in result.stderr
    checkpoint = load_checkpoint(tmp_path / "sin-digits.safetensors")
    assert checkpoint.spec.seed == 7
    assert checkpoint.spec.options["noise_variance"] == 0.05
    assert checkpoint.spec.options["per_example"] is False
    assert checkpoint.spec.options["hidden"] == (16, 16)
    assert checkpoint.test_accuracy is not None
    assert f"{checkpoint.test_accuracy:.2%}" in result.stdout
    x, y = digits.x_test, digits.y_test
    assert checkpoint.test_accuracy == accuracy(checkpoint.classifier, x, y, num_samples=10, seed=7)


def test_a_preset_gives_another_network_no_options_of_its_own(run: Run, tmp_path: Path) -> None:
    words = ("train", "resnet", "--network", "cnn", "--channels", "2,2", "--units", "4")
    result = run(*words, "--epochs", "1", "--quiet")
    assert result.exit_code == 0, result.output
    options = load_checkpoint(tmp_path / "resnet-digits.safetensors").spec.options
    assert (options["network"], options["channels"]) == ("cnn", (2, 2))
    assert "depth" not in options
    named = preset("resnet", options={"network": "resnet"})
    assert named == preset("resnet")
    assert named.options["depth"] == 10  # of the preset


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (
            "--regulariser consistency --consistency-weight 10 --smoothing-variance 0.1",
            {"consistency": {"weight": 10.0, "start": 0, "entropy": 0.5}},
        ),
        (
            "--smoothing-variance 0.1 --images smooth-adversarial --strength 0.5 --no-clip "
            "--attack pgd --attack-steps 2 --attack-relative-step 0.5",
            ("smooth-adversarial", 0.5),
        ),
        ("--images ibp --strength 0.05 --ramp 1", ("ibp", 0.05)),
    ],
    ids=["consistency", "smooth-adversarial", "ibp"],
)
def test_training_for_certificates_is_a_few_words(
    words: str, kept: object, run: Run, tmp_path: Path
) -> None:
    result = run("train", "bnn", *words.split(), "--epochs", "1", "--hidden", "8", "--quiet")
    assert result.exit_code == 0, result.output
    spec = load_checkpoint(tmp_path / "bnn-digits.safetensors").spec
    found = spec.regularisers or (spec.images, spec.image_options["strength"])
    assert found == kept


def test_a_warm_up_that_fills_the_training_is_said_in_one_line(run: Run) -> None:
    result = run("train", "pni", "--epochs", "1", "--hidden", "4", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        "pyrosnn: warning: a training with epochs = 1 never comes to the images 'adversarial' "
        "(warm_up = 5); lower them, or raise epochs"
    ]


def test_the_command_line_changes_a_term(run: Run, tmp_path: Path) -> None:
    words = ["train", "wca", "--epochs", "1", "--channels", "2", "--units", "4", "--quiet"]
    changes: list[tuple[list[str], dict[str, Any]]] = [
        ([], {"logit-variance": 1.0}),
        (["--logit-variance-weight", "0.5"], {"logit-variance": 0.5}),
        (
            ["--regulariser", "input-gradient", "--input-gradient-weight", "0.1"],
            {"logit-variance": 1.0, "input-gradient": 0.1},
        ),
    ]
    for more, expected in changes:
        result = run(*words, *more, "--overwrite")
        assert result.exit_code == 0, result.output
        spec = load_checkpoint(tmp_path / "wca-digits.safetensors").spec
        assert {name: term["weight"] for name, term in spec.regularisers.items()} == expected


def test_the_progress_names_the_images_that_a_term_leaves_out(run: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "bnn.safetensors")
    words = ["train", "bnn", "--epochs", "1", "--hidden", "4", "--output", file]
    term = ["--regulariser", "grad-div", "--grad-div-weight", "1", "--grad-div-floor", "1e9"]
    trained = run(*words, *term)
    assert trained.exit_code == 0, trained.stderr
    assert "grad-div left out 100%" in trained.stderr
    alone = run(*words, *term[:4], "--num-particles", "1")
    assert alone.exit_code == 2
    assert "num_particles must be >= 2, got 1" in alone.stderr
