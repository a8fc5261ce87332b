"""The trained classifiers that come with pyrosnn."""

import hashlib
from pathlib import Path

import pytest
import torch
from support.program import invoke, refused

import pyrosnn
from pyrosnn.errors import ArgumentError, FileError, UnknownNameError
from pyrosnn.training import load_checkpoint
from pyrosnn.zoo import FOLDER, zoo, zoo_file
from pyrosnn_studies.listing import read_jobs
from reproduction.zoo import LARGEST, TOTAL, digests, take_defences, write_digests

ROOT = Path(__file__).parents[3]


def test_the_list_is_that_of_the_files() -> None:
    assert zoo() == digests(FOLDER)


def test_the_files_are_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.rglob("*.safetensors")]
    assert max(sizes) <= LARGEST
    assert sum(sizes) <= TOTAL


@pytest.mark.parametrize("name", zoo())
def test_each_names_its_data_and_its_row(name: str) -> None:
    checkpoint = load_checkpoint(f"zoo:{name}")
    dataset, _, own = name.partition("/")
    assert checkpoint.dataset == dataset
    lists = {"digits": "zoo", "fashion-mnist": "defences"}
    trained, _ = read_jobs(ROOT / "reproduction" / f"{lists[dataset]}.toml")
    asked = trained[name if dataset == "digits" else own]
    assert (checkpoint.spec.model, checkpoint.spec.seed) == (asked.model, 0)
    assert not checkpoint.classifier.training


def test_accuracies_are_those_of_the_files() -> None:
    digits = pyrosnn.load_dataset("digits")
    for name in ("digits/bnn", "digits/sin"):
        recorded = load_checkpoint(f"zoo:{name}").test_accuracy
        classifier = pyrosnn.load_model(name)
        measured = pyrosnn.accuracy(classifier, digits.x_test, digits.y_test, seed=1)
        # the samples are others; one image is 0.2 points
        assert measured == pytest.approx(recorded, abs=0.01)


def test_load_model_is_the_checkpoints_classifier() -> None:
    loaded, read = pyrosnn.load_model("digits/bnn"), load_checkpoint("zoo:digits/bnn").classifier
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, read.state_dict()[name], rtol=0, atol=0)


def test_a_wrong_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown trained model 'digits/bn'; did you mean"):
        pyrosnn.load_model("digits/bn")
    for wrong in (3, None, ["digits/bnn"]):
        with pytest.raises(ArgumentError):
            pyrosnn.load_model(wrong)  # type: ignore[arg-type]


def test_a_checkpoint_of_ones_own_has_another_function() -> None:
    message = r"got the file rse\.safetensors; your own is load_checkpoint\(path\)\.classifier"
    with pytest.raises(ArgumentError, match=message):
        pyrosnn.load_model("rse.safetensors")


@pytest.mark.slow
def test_a_list_of_runs_takes_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = 'study = "sample-size"\nimages = 3\nrepeats = 1\nattack_samples = [1]\n'
    for model, said in (("digits/bnn", ""), ("digits/bn", "did you mean 'digits/bnn'?")):
        text = f'[study.mine]\nmodel = "zoo:{model}"\n{settings}'
        Path("list.toml").write_text(text, "utf-8")
        run = invoke("study", "run", "list.toml", "--overwrite")
        assert run.exit_code == (2 if said else 0), run.output
        assert said in run.output


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(zoo_file("digits/sin").read_bytes())
    content[-1] ^= 1
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "sin.safetensors").write_bytes(content)
    monkeypatch.setattr("pyrosnn.zoo.FOLDER", tmp_path)
    with pytest.raises(FileError, match=r"has the digest .* expected .* install pyrosnn again"):
        zoo_file("digits/sin")


def test_small_defences_are_taken(tmp_path: Path) -> None:
    source, folder = tmp_path / "trained", tmp_path / "zoo"
    source.mkdir()
    folder.mkdir()
    (source / "rse.safetensors").write_bytes(b"small")
    (source / "rse-seed1.safetensors").write_bytes(b"another training")
    (source / "drt.safetensors").write_bytes(bytes(LARGEST + 1))
    assert take_defences(source, folder) == ["fashion-mnist/rse"]
    assert [path.name for path in folder.rglob("*.*")] == ["rse.safetensors"]


def test_digests_are_written(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "one.safetensors").write_bytes(b"content")
    write_digests(tmp_path)
    expected = hashlib.sha256(b"content").hexdigest()
    assert (tmp_path / "zoo.toml").read_text("utf-8") == f'"digits/one" = "{expected}"\n'


@pytest.mark.parametrize(("sizes", "says"), [([LARGEST + 1], "at most"), ([LARGEST] * 11, "zoo")])
def test_large_files_are_refused(tmp_path: Path, sizes: list[int], says: str) -> None:
    for number, size in enumerate(sizes):
        with (tmp_path / f"{number}.safetensors").open("wb") as file:
            file.truncate(size)
    with pytest.raises(FileError, match=says):
        digests(tmp_path)


@pytest.mark.slow
def test_a_study_takes_a_name(tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    common = ("--model", "zoo:digits/bnn", "--images", "4", "--attack-samples", "1")
    transfer = ("--attack", "transfer", "--source", "zoo:digits/sin", "--repeats", "1")
    run = invoke("study", "sample-size", *common, *transfer, "--output", output)
    assert run.exit_code == 0, run.output
    result = pyrosnn.open_results(output)
    assert result["evaluation"].sizes["example"] == 4


def test_a_wrong_name_on_the_command_line(tmp_path: Path) -> None:
    run = invoke("diagnose", "--model", "zoo:digits/im", "--output", tmp_path / "a.nc")
    refused(run, "unknown trained model 'digits/im'")
