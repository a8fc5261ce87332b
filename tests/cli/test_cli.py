"""The program as a user runs it: what works, what is written, and every error."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
import typer
from support.commands import Words, commands
from support.compare import assert_same_to_float32
from support.small_result import part_of, small_result
from typer.testing import CliRunner, Result

from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import accuracy
from pyrosnn.results import GROUP, open_results, save_results
from pyrosnn.training import load_checkpoint
from pyrosnn_cli.main import app
from pyrosnn_cli.memory import is_out_of_memory
from pyrosnn_cli.options import parse_bytes
from pyrosnn_studies import STUDIES

Run = Callable[..., Result]

SMALL = ("--images", "20", "--repeats", "2", "--strengths", "0,0.5")
SIZES = ("--attack-samples", "1,3", "--inference-samples", "5")
MODEL = ("--model", "the checkpoint")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program in an empty folder; return its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYROSNN_DATA", raising=False)

    def invoke(*arguments: str | Path) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(app, words, prog_name="pyrosnn")

    return invoke


def refused(result: Result, message: str) -> None:
    """Check for one line on stderr, exit status 2, and nothing else."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert message in lines[0]
    assert lines[0].startswith("pyrosnn: ")


def test_train_writes_a_checkpoint_and_says_how_good_it_is(
    run: Run, tmp_path: Path, digits: Dataset
) -> None:
    result = run(
        "train", "sin", "--epochs", "3", "--hidden", "16,16", "--noise-variance", "0.05",
        "--seed", "7", "--test-samples", "10", "--shared-noise",
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


def test_study_summary_and_plot(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    study = run("study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES)
    assert study.exit_code == 0, study.output
    assert "Adversarial accuracy in %" in study.stdout
    assert "S_A = 3" in study.stdout
    assert "wrote sample-size.nc and sample-size.png" in study.stdout
    values = open_results(tmp_path / "sample-size.nc")[GROUP].dataset
    assert values.sizes["example"] == 20
    assert values["attack_samples"].values.tolist() == [1, 3]
    assert (tmp_path / "sample-size.png").read_bytes().startswith(PNG)

    summary = run("summary", "sample-size.nc", "--strength", "0.5", "--hdi-prob", "0.9")
    assert summary.exit_code == 0, summary.output
    assert "hdi_5%" in summary.stdout
    assert "labels true, precision full, clip False, clip_judged False" in summary.stdout
    assert "given clean-correct" in summary.stdout
    accuracy = float(values["adversarial_correct"].sel(strength=0.5, attack_samples=3).mean())
    assert f"{100 * accuracy:.1f}" in summary.stdout

    plot = run("plot", "sample-size.nc", "--output", "again.png")
    assert plot.exit_code == 0, plot.output
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "sample-size.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "again.png",
        "sample-size.nc",
        "sample-size.png",
    ]


def test_every_option_reaches_the_result(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    result = run(
        "study", "sample-size", "--model", checkpoint_path, "--images", "12", "--repeats", "1",
        "--strengths", "0:0.2:0.1", "--norm", "linf", "--loss", "margin", "--gradient",
        "mean_logits", "--clip", "--clip-judged", "--labels", "predicted", "--block-size", "5",
        "--seed", "3", "--precision", "bf16",
        "--attack-samples", "2", "--inference-samples", "4", "--output", "all.nc",
        "--attack", "pgd", "--steps", "3", "--relative-step", "0.5", "--fixed-samples",
        "--restarts", "1", "--first-image", "10", "--first-repeat", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    from pyrosnn.results import read_spec

    values = open_results(tmp_path / "all.nc")[GROUP].dataset
    assert values["example"].values.tolist() == list(range(10, 22))
    assert values["repeat"].values.tolist() == [2]
    assert read_spec(open_results(tmp_path / "all.nc")) == {
        "images": 12,
        "strengths": [0.0, 0.1, 0.2],
        "attack_samples": [2],
        "inference_samples": [4],
        "attack": "pgd",
        "attack_options": {
            "steps": 3,
            "relative_step": 0.5,
            "fixed_samples": True,
            "restarts": 1,
        },
        "norm": "linf",
        "loss": "margin",
        "gradient": "mean_logits",
        "labels": "predicted",
        "precision": "bf16",
        "clip": True,
        "clip_judged": True,
        "repeats": 1,
        "seed": 3,
        "block_size": 5,
        "smoothing_variance": 0.0,
        "noise_samples": 10,
        "test_accuracy": False,
        "first_image": 10,
        "first_repeat": 2,
    }


def test_logit_models_are_attacked_with_the_margin(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    assert run("train", "sin", "--epochs", "1", "--hidden", "8").exit_code == 0
    assert run(
        "study", "sample-size", "--model", "sin-digits.safetensors", *SMALL, *SIZES
    ).exit_code == 0  # fmt: skip
    from pyrosnn.results import read_spec

    assert read_spec(open_results(tmp_path / "sample-size.nc"))["loss"] == "margin"


@pytest.fixture
def one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the preset of trainings to one epoch."""
    from pyrosnn.settings.presets import load_presets

    monkeypatch.setitem(load_presets("pyrosnn.training")["quick"], "epochs", 1)


@pytest.mark.parametrize("study", ["sample-size", "conditions"])
def test_a_study_without_a_model_says_how_to_make_one(
    study: str, run: Run, tmp_path: Path, one_epoch: None
) -> None:
    """The command is that of the message, and so are the options that follow from it."""
    command = ["study", study, "--images", "10", "--strengths", "0,0.1", *SIZES]
    result = run(*command)
    refused(result, f"study {study} needs a model: pyrosnn train bnn")
    assert not list(tmp_path.iterdir())
    found = re.search(r"pyrosnn (train .*) makes (\S+), then add (--model \S+)\n", result.stderr)
    assert found is not None
    trained = run(*found[1].split())
    assert trained.exit_code == 0, trained.output
    assert f"wrote {found[2]}" in trained.stdout
    again = run(*command, *found[3].split())
    assert again.exit_code == 0, again.output


def test_all_studies_without_models_say_how_to_make_them(run: Run, tmp_path: Path) -> None:
    plain = "pyrosnn train bnn makes bnn-digits.safetensors"
    smoothed = "bnn-digits-smoothed.safetensors"
    noisy = f"pyrosnn train bnn --smoothing-variance 0.1 --output {smoothed} makes {smoothed}"
    options = "--model bnn-digits.safetensors", f"--smoothed-model {smoothed}"
    refused(
        run("study", "all"),
        f"study all needs two models: {plain} and {noisy}, then add {' '.join(options)}",
    )
    refused(
        run("study", "all", "--model", "a.safetensors"),
        f"study all needs --smoothed-model, too: {noisy}, then add {options[1]}",
    )
    refused(
        run("study", "all", "--smoothed-model", "a.safetensors"),
        f"study all needs --model, too: {plain}, then add {options[0]}",
    )
    assert not list(tmp_path.iterdir())


def test_conditions_need_a_model_trained_with_noise(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    refused(
        run("study", "conditions", "--model", checkpoint_path),
        "conditions needs a model trained with noise, this one was trained without",
    )
    trained = run("train", "im", "--epochs", "1", "--hidden", "8", "--smoothing-variance", "0.2")
    assert trained.exit_code == 0, trained.output
    assert load_checkpoint(tmp_path / "im-digits.safetensors").spec.smoothing_variance == 0.2
    study = run(
        "study", "conditions", "--model", "im-digits.safetensors", "--images", "10",
        "--strengths", "0,0.1", "--inference-samples", "3",
    )  # fmt: skip
    assert study.exit_code == 0, study.output
    assert "smooth, L = 10 (paper)" in study.stdout  # 2 / 0.2
    assert "smooth, L = 4.84 (tight)" in study.stdout  # 0.968 / 0.2
    assert "beyond 0.447 (paper), 0.643 (tight)" in study.stdout  # √(2 / L)


def test_studies_without_images_under_attack(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    """Each writes its file and figure, and summary and plot read it."""
    of_model = ("--model", checkpoint_path, "--images", "12")
    for name, options, words in (
        ("prediction-variance", (*of_model, "--num-samples", "5"), "std of gradient entries"),
        ("gaussian-angles", ("--dimension", "50", "--pairs", "20", "--step", "5"), "second order"),
        ("ablation", (*of_model, "--repeats", "1"), "pre-activations"),
        (
            "diagnosis",
            (
                *of_model,
                "--repeats",
                "1",
                "--num-samples",
                "40",
                "--attack-samples",
                "2",
                "--no-checks",
            ),
            "What S_A samples reach",
        ),
    ):
        study = run("study", name, *options)
        assert study.exit_code == 0, study.output
        assert words in study.stdout
        assert f"wrote {name}.nc and {name}.png" in study.stdout
        summary = run("summary", f"{name}.nc")
        assert summary.exit_code == 0, summary.output
        assert words in summary.stdout
        plot = run("plot", f"{name}.nc", "--output", "again.png", "--overwrite")
        assert plot.exit_code == 0, plot.output
        assert (tmp_path / "again.png").read_bytes() == (tmp_path / f"{name}.png").read_bytes()
    table = run("summary", "prediction-variance.nc").stdout
    assert "nan" not in table
    (row,) = [line.split() for line in table.splitlines() if "variance of prediction" in line]
    assert row[-1] == "-"  # of the margin there is none


def test_inference_size_compares_in_pairs(run: Run, checkpoint_path: Path) -> None:
    study = run(
        "study", "inference-size", "--model", checkpoint_path, "--images", "20", "--repeats", "3",
        "--attack-samples", "3", "--inference-samples", "1,4", "--compact",
    )  # fmt: skip
    assert study.exit_code == 0, study.output
    assert "Difference to S_I = 4 on the same images, η = 0.6" in study.stdout
    assert ", p = " in study.stdout
    assert "norm × cosine" in study.stdout
    summary = run("summary", "inference-size.nc")  # a compact file has no radius
    assert summary.exit_code == 0, summary.output


def test_all_studies_run_in_one_command(
    run: Run,
    tmp_path: Path,
    checkpoint_path: Path,
    smoothed_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With presets cut to a minimum; what the quick preset takes is measured, not tested."""
    from pyrosnn_studies import presets

    least = {
        "images": 6,
        "repeats": 1,
        "attack_samples": [2],
        "inference_samples": [1, 2],
        "num_samples": 2,
        "pairs": 10,
    }
    cut = dict(presets._tables())
    for study in STUDIES:
        quick = cut[study]["quick"]
        small = {name: least[name] for name in quick if name in least}
        if study == "ablation":
            small |= {"attack_samples": 2, "inference_samples": 2}
        if study == "diagnosis":
            small |= {"inference_samples": 2, "num_samples": 40}
        cut[study] = {"quick": {**quick, **small}}
    monkeypatch.setattr(presets, "_tables", lambda: cut)
    models = ("--model", checkpoint_path, "--smoothed-model", smoothed_path)
    result = run("study", "all", *models, "--compact")
    assert result.exit_code == 0, result.output
    for study in STUDIES:
        assert open_results(tmp_path / "results" / f"{study}.nc").attrs["study"] == study
        assert (tmp_path / "results" / f"{study}.png").read_bytes().startswith(PNG)
    refused(run("study", "all", *models), "results/sample-size.nc exists")


def test_lists_and_versions(run: Run) -> None:
    listed = run("study", "list").stdout
    for name, entry in STUDIES.items():
        module = importlib.import_module(entry.home.partition(":")[0])
        assert module.__doc__ is not None
        assert f"{name} " in listed
        assert module.__doc__.splitlines()[0] in listed
    assert run("--version").stdout.startswith("pyrosnn 0.")


def test_a_memory_budget_changes_no_result(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    found = []
    for number, budget in enumerate(("1GiB", "1B")):
        name = f"{number}.nc"
        result = run(
            "study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES, "--output", name,
            "--memory-budget", budget,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        found.append(open_results(tmp_path / name)[GROUP].to_dataset())
    assert_same_to_float32(*found)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("512MiB", 512 * 2**20), ("2GB", 2 * 10**9), ("1.5 g", 3 * 2**29), ("1k", 1024)],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert parse_bytes(text, "--memory-budget") == size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "unknown command 'trian'; did you mean 'train'?"),
        (
            ["train", "bnnn"],
            "unknown model 'bnnn'; did you mean 'bnn'? (bnn, im,",
        ),
        (["train", "bnn", "--dataset", "digit"], "unknown data set 'digit'; did you mean 'digits'"),
        (["train", "bnn", "--preset", "fast"], "unknown preset 'fast'"),
        (["train", "bnn", "--epochs", "0"], "epochs must be >= 1, got 0"),
        (["train", "bnn", "--hidden", "a,b"], "--hidden expects integers separated by commas"),
        (["train", "bnn", "--hidden", "16,0"], "widths of hidden layers must be >= 1, got 0"),
        (["train", "bnn", "--noise-variance", "1"], "bnn has no option 'noise_variance'"),
        (["train", "bnn", "--device", "cuda:99"], "device 'cuda:99' cannot be used here"),
        (["train", "bnn", "--test-samples", "0"], "--test-samples must be >= 1, got 0"),
        (["train", "bnn", "--output", "no/such.safetensors"], "there is no folder no; make it"),
        (["train", "bnn", "--seed", "-1"], "seed must be an integer >= 0, got -1"),
        (["study", "sampel-size"], "unknown study 'sampel-size'; did you mean 'sample-size'"),
        (["study", "sample-size", "--dataset", "fashion-mnist"], "--dataset fashion-mnist --pre"),
        (["study", "sample-size", "--dataset", "mnist"], "unknown data set 'mnist'; did you mean"),
        (
            ["study", "sample-size", "--model", "no.safetensors"],
            "there is no checkpoint no.safetensors; train one with pyrosnn train, or name package.",
        ),
        (
            ["study", "sample-size", "--model", "."],
            ". is a folder, expected a checkpoint; name one in it, or package.module:function",
        ),
        (["study", "sample-size", "--model", "mine.py"], "name a function in it, as mine:function"),
        (["diagnose", "--model", "a/mine.py:make"], "module's name has no .py, as mine:make"),
        (["diagnose", "--model", "no_mine.py:make"], "its name has no .py: no_mine:make"),
        (["study", "sample-size", "--output", "."], "it is a directory; name a file in it"),
        (["study", "sample-size", "--output", "a.png"], "--output names the netCDF file"),
        (["study", "sample-size", "--loss", "hinge", *MODEL], "unknown loss 'hinge'"),
        (
            ["study", "sample-size", "--attack", "pdg", *MODEL],
            "unknown attack 'pdg'; did you mean 'pgd'",
        ),
        (
            ["study", "sample-size", "--labels", "predict", *MODEL],
            "unknown labels 'predict'; did you mean",
        ),
        (
            ["study", "sample-size", "--steps", "5", *MODEL],
            "fgm has no option 'steps'; it has none; give --attack pgd (attack='pgd' in Python)",
        ),
        (
            ["study", "sample-size", "--attack", "spsa", "--restarts", "1", *MODEL],
            "spsa has no option 'restarts'; its options are directions, radius; give --attack pgd",
        ),
        (
            ["study", "sample-size", "--attack", "spsa", "--directions", "0", *MODEL],
            "directions must be >= 1, got 0",
        ),
        (
            ["study", "sample-size", "--attack", "PGD", *MODEL],
            "unknown attack 'PGD'; did you mean 'pgd'?",
        ),
        (
            ["study", "sample-size", "--loss", "ce", *MODEL],
            "unknown loss 'ce'; did you mean 'cross-entropy'? (cross-entropy, margin, cw)",
        ),
        *(
            (
                [*command, "--first-image", "1000000", *MODEL],
                "first_image must be below 500, the number of",
            )
            for command in (
                ["study", "sample-size"],
                ["study", "prediction-variance"],
                ["diagnose"],
            )
        ),
        (
            ["study", "sample-size", "--attack", "pgd", "--steps", "0", *MODEL],
            "steps must be >= 1, got 0",
        ),
        (
            ["study", "sample-size", "--preset", "papre", *MODEL],
            "unknown preset 'papre'; did you mean",
        ),
        (
            ["study", "conditions", "--norm", "linf", "--smoothing-variance", "0.1", *MODEL],
            "got the norm 'linf'; use l2",
        ),
        (
            ["study", "prediction-variance", "--num-samples", "1", *MODEL],
            "num_samples must be >= 2, got 1",
        ),
        (["study", "gaussian-angles", "--step", "0"], "step must be in [0.05, 10], got 0.0"),
        (["study", "gaussian-angles", "--pairs", "1"], "pairs must be >= 2, got 1"),
        (
            ["study", "all", "--model", "a.safetensors", "--smoothed-model", "b.safetensors"],
            "there is no checkpoint a.safetensors",
        ),
        (["study", "ablation", "--batch", "0", *MODEL], "batch must be >= 1, got 0"),
        (
            ["train", "bnn", "--smoothing-variance", "-1"],
            "smoothing_variance must be >= 0 and finite, got -1",
        ),
        (["train", "bnn", "--activation", "rleu"], "unknown activation 'rleu'; did you mean"),
        (
            ["study", "sample-size", "--images", "9999", *MODEL],
            "digits has 500 test images, asked for 9999",
        ),
        (["study", "sample-size", "--images", "abc"], "see pyrosnn study sample-size --help"),
        (["train"], "Missing argument 'model'; see pyrosnn train --help"),
        (["--no-such-option"], "No such option: --no-such-option; see pyrosnn --help"),
        (["study", "sample-size", "--device", "meta", *MODEL], "device 'meta' cannot be used here"),
        (["summary", "missing.nc"], "there is no result file missing.nc"),
        (["plot", "missing.nc"], "there is no result file missing.nc"),
        (["plot", "a.nc", "--output", "a.pdf"], "--output must end in .png, got a.pdf"),
    ],
    ids=str,
)
def test_errors_are_one_line_and_leave_nothing(
    arguments: list[str], message: str, run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    words = [str(checkpoint_path) if word == MODEL[1] else word for word in arguments]
    refused(run(*words), message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "501"], "digits has 500 test images, asked for 501; lower --images"),
        (["--images", "0"], "images must be >= 1, got 0"),
        (["--attack-samples", "0"], "attack_samples must be >= 1, got 0"),
        (["--attack-samples", "5,5"], "got a value twice in attack_samples: [5, 5]"),
        (["--attack-samples", "five"], "--attack-samples expects integers"),
        (["--inference-samples", "0"], "inference_samples must be >= 1, got 0"),
        (["--strengths", "-0.1"], "strength must be >= 0 and finite, got -0.1"),
        (["--strengths", "1:0:0.5"], "--strengths expects numbers separated by commas"),
        (["--strengths", "0:1:0"], "--strengths expects numbers separated by commas"),
        (["--strengths", "inf"], "strength must be >= 0 and finite, got inf"),
        (["--strengths", "0:inf:1"], "--strengths expects numbers separated by commas"),
        (["--strengths", "nan"], "strength must be >= 0 and finite, got nan"),
        (["--memory-budget", "lots"], "--memory-budget expects a size like 512MiB, 2GB or 1.5G"),
        (["--memory-budget", "0"], "--memory-budget expects a size like 512MiB, 2GB or 1.5G, got"),
        (["--precision", "bf61"], "unknown precision 'bf61'; did you mean 'bf16'? (full, bf16)"),
        (["--norm", "l3"], "unknown norm 'l3'"),
        (["--norm", "l3", "--strengths", "1"], "unknown norm 'l3'"),
        (["--loss", "hinge"], "unknown loss 'hinge'"),
        (["--gradient", "mean-loss"], "unknown gradient 'mean-loss'; did you mean 'mean_loss'"),
        (["--repeats", "0"], "repeats must be >= 1, got 0"),
        (["--block-size", "0"], "block_size must be >= 1, got 0"),
        (["--seed", "-1"], "seed must be an integer >= 0, got -1"),
        (["--dataset", "fashion-mnist"], "trained on digits, not on fashion-mnist"),
    ],
    ids=str,
)
def test_bad_studies_are_refused(
    arguments: list[str], message: str, run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    refused(run("study", "sample-size", "--model", checkpoint_path, *arguments), message)
    assert not list(tmp_path.iterdir())


def test_missing_data_say_where_to_put_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import utils

    def no_network(*args: object, **kwargs: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(utils, "download_url", no_network)
    result = run("train", "bnn", "--dataset", "fashion-mnist", "--data-root", "data")
    assert result.exit_code == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("pyrosnn: fashion-mnist is missing or damaged below data")
    assert "--data-root or PYROSNN_DATA" in last
    assert "Traceback" not in result.output


def test_existing_outputs_are_kept_unless_asked(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    for name in ("sample-size.nc", "sample-size.png", "bnn-digits.safetensors"):
        (tmp_path / name).write_text("precious")
        study = ("study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES)
        arguments = study if name.startswith("sample") else ("train", "bnn", "--epochs", "1")
        refused(run(*arguments), f"{name} exists; add --overwrite")
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()


def test_damaged_files_are_refused(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    whole = checkpoint_path.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    foreign = safetensors.torch.save(safetensors.torch.load(whole))
    (tmp_path / "foreign.safetensors").write_bytes(foreign)
    (tmp_path / "cut.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for name, message in (
        ("cut", "it may be truncated"),
        ("foreign", "not a checkpoint of pyrosnn"),
    ):
        refused(run("study", "sample-size", "--model", f"{name}.safetensors"), message)
    refused(run("summary", "cut.nc"), "cut.nc is not a readable netCDF file")
    refused(run("plot", "cut.nc"), "cut.nc is not a readable netCDF file")


def test_a_strength_that_is_not_there(run: Run, checkpoint_path: Path) -> None:
    run("study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES)
    refused(run("summary", "sample-size.nc", "--strength", "3"), "it has 0, 0.5")
    refused(run("summary", "sample-size.nc", "--hdi-prob", "2"), "hdi_prob must be")


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words) or "pyrosnn")
def test_every_command_and_option_has_help(words: Words, run: Run) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert " ".join(["Usage: pyrosnn", *words]) in result.output
    command = COMMANDS[words]
    assert command.help
    assert not [each.name for each in command.params if not getattr(each, "help", None)]


def test_no_command_is_missed() -> None:
    """The walk finds the program itself, its commands, and those of a group."""
    assert {(), ("summary",), ("study", "list"), ("study", "sample-size")} <= set(COMMANDS)


def test_help_needs_no_torch_and_import_needs_no_arviz() -> None:
    code = (
        "import sys, typer\n"
        "from support.commands import commands\n"
        "from typer.testing import CliRunner\n"
        "from pyrosnn_cli.main import app\n"
        "for words in commands(typer.main.get_command(app)):\n"
        "    assert CliRunner().invoke(app, [*words, '--help']).exit_code == 0\n"
        "assert CliRunner().invoke(app, ['study', 'list']).exit_code == 0\n"
        "heavy = {'torch', 'pyro', 'arviz', 'matplotlib', 'xarray', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import pyrosnn\n"
        "assert 'torch' not in sys.modules\n"
        "pyrosnn.open_results, pyrosnn.save_results\n"
        "assert not {'torch', 'pyro'} & set(sys.modules)\n"
        "pyrosnn.FGM, pyrosnn.evaluate\n"
        "heavy = {'arviz', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], check=True, env=paths)


def test_the_installed_program_answers() -> None:
    program = Path(sys.executable).with_name("pyrosnn")
    help_text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
    assert "Usage: pyrosnn" in help_text.stdout
    wrong = subprocess.run([program, "train", "bnnn"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("pyrosnn: unknown model 'bnnn'; did you mean 'bnn'? (bnn, im,")
    assert len(wrong.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
    ids=["python", "cuda", "cpu"],
)
def test_out_of_memory_says_what_to_lower(
    run: Run, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr("pyrosnn_studies.study.find_study", fail)
    refused(run("study", "gaussian-angles"), "lower --memory-budget (1GiB unless given)")


def test_an_allocation_that_really_fails_is_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as found:
        torch.empty(2**60)
    assert is_out_of_memory(found.value)
    assert not is_out_of_memory(RuntimeError("shapes differ"))


def test_merge_joins_files(run: Run, tmp_path: Path) -> None:
    whole = small_result()
    save_results(tmp_path / "whole.nc", whole)
    for name, repeats in (("a.nc", [2]), ("b.nc", [0, 1])):
        save_results(tmp_path / name, part_of(whole, repeat=repeats))
    result = run("merge", "a.nc", "b.nc", "-o", "c.nc")
    assert result.exit_code == 0, result.output
    assert "wrote c.nc: " in result.stdout
    assert "repeat 3" in result.stdout
    assert (tmp_path / "c.nc").read_bytes() == (tmp_path / "whole.nc").read_bytes()
    refused(run("merge", "a.nc", "b.nc", "-o", "c.nc"), "c.nc exists; add --overwrite")
    save_results(tmp_path / "d.nc", small_result(model_digest="f" * 64))
    refused(run("merge", "a.nc", "d.nc", "-o", "e.nc"), "a.nc and d.nc differ in model_digest")
    refused(run("merge", "a.nc", "b.nc"), "Missing option '--output'")
    assert not (tmp_path / "e.nc").exists()


@pytest.mark.parametrize("command", ["summary", "plot", "check"])
def test_a_result_without_its_settings_is_no_accident(
    run: Run, command: str, tmp_path: Path
) -> None:
    whole = small_result()
    whole.attrs["spec"] = "{}"
    save_results(tmp_path / "a.nc", whole)
    result = run(command, "a.nc")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if command == "plot":
        refused(result, "a.nc has no 'attack', which its study writes")
        assert not (tmp_path / "a.png").exists()
