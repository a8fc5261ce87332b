"""Mistakes that newcomers made, and what is said of them: one line that names the next step."""

import shutil
from pathlib import Path

import pytest
import torch
from support.program import Run, refused
from support.small_result import small_result

from pyrosnn.results import save_results

MODEL = ("--model", "the checkpoint")
STUDY = ("study", "sample-size", *MODEL)
KEPT = ("--output", "a.nc")  # which exists: what is wrong comes first


@pytest.fixture(scope="module")
def result_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("result") / "a.nc"
    save_results(path, small_result())
    return path


@pytest.fixture
def files(tmp_path: Path, result_file: Path) -> list[Path]:
    """Files that are taken for others."""
    shutil.copy(result_file, tmp_path)
    torch.save({"weight": torch.zeros(2)}, tmp_path / "net.pt")
    (tmp_path / "note.txt").write_text("dear diary")
    (tmp_path / "classic.nc").write_bytes(b"CDF\x01 of another age")
    (tmp_path / "list.toml").write_text('[study.a]\nstudy = "sample-size"\nmodl = "x"\n')
    return sorted(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        # settings before "a.nc exists"
        ((*STUDY, "--images", "ten", *KEPT), "--images expects an integer, got 'ten'"),
        ((*STUDY, "--images", "9999", *KEPT), "digits has 500 test images, asked for 9999"),
        ((*STUDY, "--norm", "inf", *KEPT), "unknown norm 'inf'; did you mean 'linf'?"),
        ((*STUDY, "--attack-samples", "0", *KEPT), "attack_samples must be >= 1, got 0"),
        ((*STUDY, "--memory-budget", "lots", *KEPT), "expects a size like 512MiB, 2GB or 1.5G"),
        (
            (*STUDY, "--device", "gpu", *KEPT),
            "unknown device 'gpu'; did you mean 'cuda'? (cpu, cuda, cuda:1, mps)",
        ),
        ((*STUDY, "--strength", "8/0", *KEPT), "--strength expects numbers separated by commas"),
        (
            ("study", "sample-size", "--model", "--dataset", "digits"),
            "--model expects a value, got --dataset",
        ),
        (("summary", "a.nc", "--strength"), "--strength expects a value, got nothing"),
        (("compare", "a.nc"), "compare needs SECOND: A result of the second, same data and attack"),
        (
            ("compare", "a.nc", "a.nc", "--confidence", "ninety"),
            "--confidence expects a number (0.5 or 8/255), got 'ninety'",
        ),
        (("diagnose", *MODEL, "--share", "2", *KEPT), "share must be in (0, 1), got 2"),
        (("evaluate", *MODEL, "--linf", "-1", *KEPT), "linf must be > 0 and finite, got -1"),
        (("plot", "note.txt", "--output", "a.png"), "note.txt is no netCDF-4 file; expected a"),
        (("merge", "a.nc", "classic.nc", *KEPT), "classic.nc is a netCDF-3 file; expected a"),
        ((*STUDY, "--images", "4", *KEPT), "a.nc exists; add --overwrite"),
        # files that are something else
        (
            ("study", "sample-size", "--model", "net.pt"),
            "net.pt is a file of torch.save, or another zip archive; expected what pyrosnn train "
            "wrote; for a network of your own, name package.module:function, which loads its",
        ),
        (
            ("study", "sample-size", "--model", "lost.pt"),
            "no checkpoint lost.pt; for a network of your own, name package.module:function",
        ),
        (("diagnose", "--model", "note.txt"), "note.txt is no checkpoint of pyrosnn; expected"),
        (("diagnose", "--model", "a.nc"), "a.nc is a result, expected a checkpoint or package."),
        (("summary", "net.pt"), "net.pt is a file of torch.save, or another zip archive; expected"),
        (
            ("study", "run", "list.toml"),
            "unknown key of [study.a] of list.toml, 'modl'; did you me",
        ),
        # options by other names
        (("train", "bnn", "--learning_rate", "1"), "did you mean --learning-rate?"),
        (("train", "bnn", "--lr", "1"), "bnn has no option --lr; did you mean --learning-rate?"),
        (("evaluate", *MODEL, "--eps", "8/255"), "no option --eps; did you mean --linf?"),
        (("evaluate", *MODEL, "--strength", "8/255"), "no option --strength; did you mean --linf?"),
        ((*STUDY, "--eps", "8/255"), "sample-size has no option --eps; did you mean --strength?"),
        (("summary", "a.nc", "--strenght", "1"), "summary has no option --strenght; did you mean"),
        (("summary", "a.nc", "--strengths", "3"), "the result has no strength 3; it has 0, 0.25"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_named_with_the_next_step(
    words: tuple[str, ...], message: str, run: Run, files: list[Path], checkpoint_path: Path
) -> None:
    result = run(*[str(checkpoint_path) if word == MODEL[1] else word for word in words])
    refused(result, message)
    assert sorted(files[0].parent.iterdir()) == files


@pytest.mark.slow
def test_more_repeats_are_run_and_merged_as_the_error_says(run: Run, checkpoint_path: Path) -> None:
    study = (
        *("study", "sample-size", "--model", checkpoint_path, "--images", "3", "--strength", "0.5"),
        *("--attack-samples", "1", "--inference-samples", "2"),
    )
    assert run(*study, "--repeats", "2", "--output", "a.nc").exit_code == 0
    asked = run(*study, "--repeats", "3", "--output", "a.nc", "--resume")
    refused(asked, "a.nc has 2 repeats, asked for 3; run the rest with --first-repeat 2 --repeats")
    rest, merge = asked.stderr.strip().split("; run the rest with ")[1].split(", then: pyrosnn ")
    assert run(*study, *rest.split()).exit_code == 0
    assert run(*merge.split()).stdout.startswith("wrote a-all.nc: repeat 3,")
    whole = run(*study, "--repeats", "3", "--output", "a-all.nc", "--resume")
    assert "a-all.nc is whole: nothing was left to do" in whole.stdout
