"""Errors of the program: one line, exit status 2, and nothing left behind."""

from pathlib import Path

import pytest
import torch
from support.program import SIZES, SMALL, Run, refused

from pyrosnn.settings import parse_bytes
from pyrosnn_cli.memory import is_out_of_memory

MODEL = ("--model", "the checkpoint")


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
        (
            ["train", "bnn", "--noise-variance", "1"],
            "bnn has no option --noise-variance; it is an option of sin",
        ),
        (["train", "bnn", "--device", "cuda:99"], "device 'cuda:99' cannot be used here"),
        (["train", "bnn", "--test-samples", "0"], "test_samples must be >= 1, got 0"),
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
            "sample-size has no option --steps; add --attack pgd",
        ),
        (
            ["study", "sample-size", "--attack", "spsa", "--restarts", "1", *MODEL],
            "sample-size has no option --restarts; add --attack pgd",
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
            "unknown loss 'ce'; did you mean 'cross-entropy'? (cross-entropy, margin, cw, ",
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
        (["study", "gaussian-angles", "--step", "0"], "step must be > 0 and finite, got 0.0"),
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
        (["study", "sample-size", "--images", "ten"], "--images expects an integer, got 'ten'"),
        (["train", "bnn", "--epohcs", "1"], "bnn has no option --epohcs; did you mean --epochs?"),
        (["train", "bnn", "im"], "unexpected extra argument(s) (im)"),
        (["train", "bnn", "--network", "cn"], "unknown network 'cn'; did you mean 'cnn'"),
        (["train", "bnn", "--channels", "4"], "bnn has no option --channels; add --network cnn"),
        (["train", "hmc", "--epochs", "2"], "hmc has no option --epochs; its weights are samples"),
        (["train", "bnn", "--strength", "1"], "bnn has no option --strength; add --images adv"),
        (
            ["train", "bnn", "--attack-directions", "3"],
            "bnn has no option --attack-directions; add --images adversarial --attack spsa",
        ),
        (["train", "bnn", "--images", "adversarial"], "adversarial needs the option 'strength'"),
        (["train", "bnn", "--regulariser", "input"], "unknown regulariser 'input'; did you mean"),
        (["--no-such-option"], "No such option: --no-such-option"),
        (["study", "sample-size", "--device", "meta", *MODEL], "device 'meta' cannot be used here"),
        (["summary", "missing.nc"], "there is no result file missing.nc"),
        (["plot", "missing.nc"], "there is no result file missing.nc"),
        (
            ["plot", "a.nc", "--output", "a.eps"],
            "--output must end in .png, .pdf or .svg, got a.eps",
        ),
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
        (["--strengths", "-0.1"], "strengths must be >= 0 and finite, got -0.1"),
        (["--strengths", "1:0:0.5"], "--strength expects numbers separated by commas"),
        (["--strengths", "0:1:0"], "--strength expects numbers separated by commas"),
        (["--strengths", "inf"], "strengths must be >= 0 and finite, got inf"),
        (["--strengths", "0:inf:1"], "--strength expects numbers separated by commas"),
        (["--strengths", "nan"], "strengths must be >= 0 and finite, got nan"),
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


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("512MiB", 512 * 2**20), ("2GB", 2 * 10**9), ("1.5 g", 3 * 2**29), ("1k", 1024)],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert parse_bytes(text, "--memory-budget") == size


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


@pytest.mark.slow
def test_a_strength_that_is_not_there(run: Run, checkpoint_path: Path) -> None:
    run("study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES)
    refused(run("summary", "sample-size.nc", "--strength", "3"), "it has 0, 0.5")
    refused(run("summary", "sample-size.nc", "--hdi-prob", "2"), "hdi_prob must be")
