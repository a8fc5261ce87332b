"""Data, attacks and chosen images of one's own, end to end on the command line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.program import Run, invoke, refused

from pyrosnn.data import load_dataset
from pyrosnn.results import open_results, read_provenance, read_spec, result_digest
from pyrosnn.training import load_checkpoint, preset, save_checkpoint, train

MODULE = """
import numpy as np
import torch
from torch import nn
import pyrosnn
from pyrosnn.adapters import MCDropout


def data(shape, classes, name="my-photos", **changes):
    torch.manual_seed(0)
    y = torch.arange(60) % classes
    x = (torch.rand(60, *shape) + y.view(-1, *[1] * len(shape))) / classes
    parts = dict(x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    return pyrosnn.Dataset(name=name, num_classes=classes, **{**parts, **changes})


def photos():
    return data((1, 6, 6), 3)


def table():
    return data((30,), 2, name="table")


def needs(argument):
    return None


def raises():
    raise KeyError("photos")


def something():
    return 5


def empty():
    return data((2,), 2, x_test=torch.zeros(0, 2), y_test=torch.zeros(0).long())


def labelled():
    return data((2,), 2, y_test=torch.arange(20))


def bright():
    return data((2,), 2, x_test=torch.full((20, 2), 255.0))


def texts():
    return data((2,), 2, x_train="photos/")


def make(data):
    inputs = data.x_test[0].numel()
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, 8), nn.Dropout(0.4), nn.Linear(8, data.num_classes)
    )
    return MCDropout(net, data.image_shape)


def sign_step(module, x, y, strength):
    x = x.requires_grad_()
    loss = nn.functional.cross_entropy(module(x), y)
    return x + strength * torch.autograd.grad(loss, x)[0].sign()


linf = pyrosnn.PGD(norm="linf", steps=2, relative_step=0.6)


def broken(module, x, y, strength):
    raise ZeroDivisionError("in my attack")


def shapeless(module, x, y, strength):
    return x[:1]


def large():
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Dropout(0.4), nn.Linear(8, 3))
    return MCDropout(net, (1, 6, 6))
"""

TRAIN = ("train", "bnn", "--epochs", "1", "--hidden", "8", "--test-samples", "3")
STUDY = ("--images", "6", "--repeats", "1", "--attack-samples", "1,2", "--inference-samples", "3")
SMALL = ("study", "sample-size", *STUDY, "--strengths", "0.5")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None) -> Iterator[Run]:
    """Run the program in a folder with a module of the user's."""
    (tmp_path / "mydata_for_test.py").write_text(MODULE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield invoke
    sys.modules.pop("mydata_for_test", None)


def save_npz(path: Path, **changes: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.random((40, 1, 6, 6)),
        "y_train": np.arange(40) % 3,
        "x_test": rng.random((20, 1, 6, 6)),
        "y_test": np.arange(20, dtype=np.uint8) % 3,
    }
    np.savez(path, **{**arrays, **changes})  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_model_is_trained_on_a_function_s_data_and_studied(run: Run, tmp_path: Path) -> None:
    """No later command needs --dataset: the checkpoint knows the function."""
    trained = run(*TRAIN, "--dataset", "mydata_for_test:photos")
    assert trained.exit_code == 0, trained.output
    assert "bnn on my-photos: test accuracy" in trained.stdout
    model = ("--model", "bnn-photos.safetensors")
    studied = run(*SMALL, *model)
    assert studied.exit_code == 0, studied.output
    made = read_provenance(open_results(tmp_path / "sample-size.nc"))
    assert (made["dataset"], made["dataset_source"]) == ("my-photos", "mydata_for_test:photos")
    assert "dataset my-photos" in run("summary", "sample-size.nc").stdout
    diagnosed = run(
        "diagnose", *model, *STUDY, "--strength", "0.5", "--num-samples", "40", "--no-checks"
    )
    assert diagnosed.exit_code == 0, diagnosed.output
    again = run(*TRAIN, "--dataset", "mydata_for_test:photos", "--resume")
    assert again.stdout == "bnn-photos.safetensors is trained already\n"


def test_a_model_is_trained_on_a_file_s_data_and_studied(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    save_npz(tmp_path / "data" / "photos.npz")
    trained = run(*TRAIN, "--dataset", "data/photos.npz")
    assert trained.exit_code == 0, trained.output
    studied = run(*SMALL, "--model", "bnn-photos.safetensors")
    assert studied.exit_code == 0, studied.output
    # the same data by another path are the same data, also for a run that is resumed
    place = ("--dataset", tmp_path / "data" / "photos.npz", "--resume")
    resumed = run(*SMALL, "--model", "bnn-photos.safetensors", *place)
    assert "sample-size.nc is whole: nothing was left to do" in resumed.stdout, resumed.output


@pytest.mark.slow
@pytest.mark.parametrize("data", ["photos", "table"])
def test_ones_own_model_on_ones_own_data(data: str, run: Run) -> None:
    reference = f"mydata_for_test:{data}"
    result = run(*SMALL, "--model", "mydata_for_test:make", "--dataset", reference)
    assert result.exit_code == 0, result.output


def test_another_shape_says_which_data_to_give_and_that_works(run: Run) -> None:
    model = ("--model", "mydata_for_test:large")
    refused(
        run(*SMALL, *model),
        "takes images of shape (1, 6, 6), but digits has (1, 8, 8); give its data with --dataset "
        "(package.module:function, FILE.npz, FOLDER)",
    )
    result = run(*SMALL, *model, "--dataset", "mydata_for_test:photos")
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_a_checkpoint_that_was_saved_in_python_says_that_it_needs_its_data(
    run: Run, tmp_path: Path
) -> None:
    spec = preset("bnn", epochs=1, options={"hidden": (8,)})
    mine = load_dataset("mydata_for_test:photos")
    from dataclasses import replace

    save_checkpoint(tmp_path / "m.safetensors", train(spec, mine), spec, replace(mine, source=""))
    command = (*SMALL, "--model", "m.safetensors")
    refused(
        run(*command),
        "the checkpoint was trained on my-photos, which is no data set of pyrosnn (digits, "
        "fashion-mnist, cifar10, cifar100); add --dataset package.module:function or --dataset",
    )
    refused(run(*command, "--dataset", "digits"), "trained on my-photos, not on digits; use --data")
    refused(run(*command, "--dataset", "mydata_for_test:table"), "on my-photos, not on table; use")
    result = run(*command, "--dataset", "mydata_for_test:photos")
    assert result.exit_code == 0, result.output


def test_labels_that_begin_at_one_are_named_where_a_model_has_one_class_less(
    run: Run, tmp_path: Path
) -> None:
    save_npz(tmp_path / "one.npz", y_train=np.arange(40) % 3 + 1, y_test=np.arange(20) % 3 + 1)
    asked = run(*SMALL, "--model", "mydata_for_test:large", "--dataset", "one.npz")
    assert asked.exit_code == 2
    last = asked.stderr.strip().splitlines()[-1]
    assert last.endswith(
        "has 3 classes, but the labels of one are 1 … 3; labels begin at 0: use y - 1"
    )


def test_a_list_of_runs_has_data_of_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        "[train.mine]\nmodel = 'bnn'\ndataset = 'mydata_for_test:photos'\nepochs = 1\n"
        "hidden = [8]\n[study.a]\nstudy = 'sample-size'\nmodel = 'mine'\nimages = 6\n"
        "strengths = [0.5]\nattack_samples = [1]\ninference_samples = [2]\nrepeats = 1\n",
        "utf-8",
    )
    result = run("study", "run", "a.toml")
    assert result.exit_code == 0, result.output
    assert load_checkpoint(tmp_path / "mine.safetensors").dataset == "my-photos"


def test_a_study_without_strengths_asks_for_its_own_option(run: Run) -> None:
    given = ("--model", "mydata_for_test:make", "--dataset", "mydata_for_test:photos")
    refused(run("study", "sample-size", *given), "strengths for my-photos in the norm 'l2'; give")
    refused(run("diagnose", *given), "for my-photos in the norm 'l2'; give --strength")
    smoothed = ("--smoothed-model", "mydata_for_test:make", "--smoothing-variance", "0.1")
    refused(run("study", "all", *given, *smoothed), "run the studies one by one, with --strength")


def test_a_study_without_a_model_says_how_to_train_one_on_the_data(run: Run) -> None:
    message = "pyrosnn train bnn --dataset a/b.npz makes bnn-b.safetensors, then add --model bnn-b"
    refused(run("study", "sample-size", "--dataset", "a/b.npz"), message)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nothing/", "there is no folder nothing; expected images in FOLDER/test/CLASS"),
        ("nothing_for_test:photos", "there is no module 'nothing_for_test' in the current folder"),
        ("mydata_for_test:photo", "unknown function of mydata_for_test 'photo'; did you mean 'pho"),
        ("mydata_for_test:needs", "mydata_for_test:needs needs 1 arguments (argument); expected a"),
        ("mydata_for_test:raises", "mydata_for_test:raises raised KeyError: 'photos'; call it in"),
        ("mydata_for_test:something", "returned a int, expected a pyrosnn.Dataset"),
        (
            "mydata_for_test:empty",
            "cannot be used: my-photos, test: got no images; expected",
        ),
        ("mydata_for_test:labelled", "cannot be used: my-photos, test: labels must be in 0 … 1"),
        ("mydata_for_test:bright", "my-photos, test: bounds is (0.0, 1.0), but 20 of 20 images"),
        ("mydata_for_test:texts", "x_train must be a tensor, an array or a list, got 'photos/'"),
        ("none.npz", "there is no data file none.npz"),
        ("photos.npy", "unknown data set 'photos.npy'; choose one of (digits, fashion-mnist, cif"),
    ],
)
@pytest.mark.usefixtures("as_users_call")
def test_data_that_cannot_be_used(reference: str, message: str, run: Run, tmp_path: Path) -> None:
    refused(run(*TRAIN, "--dataset", reference), message)
    refused(run(*SMALL, "--model", "mydata_for_test:make", "--dataset", reference), message)
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["mydata_for_test.py"]


def test_a_shell_completes_files_of_data(tmp_path: Path, run: Run) -> None:
    for name in ("photos.npz", "photos.txt"):
        (tmp_path / name).touch()
    from typer.testing import CliRunner

    from pyrosnn_cli.main import app

    words = "pyrosnn train bnn --dataset ph"
    shell = {"_PYROSNN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "4"}
    result = CliRunner().invoke(app, [], prog_name="pyrosnn", env=shell)
    assert result.stdout.split() == ["photos.npz"]


def test_a_function_may_draw_its_split(run: Run) -> None:
    """It has a seed of its own, and leaves the caller's generator alone."""
    torch.manual_seed(5)
    first = load_dataset("mydata_for_test:photos").digest
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))
    assert load_dataset("mydata_for_test:photos").digest == first


OWN = ("study", "sample-size", "--model", "mydata_for_test:make", "--repeats", "1", "--overwrite")
SIZES = ("--attack-samples", "1,2", "--inference-samples", "3", "--quiet")


def save_folder(folder: Path, shape: tuple[int, ...] = (5, 7, 3)) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


@pytest.mark.slow
def test_a_folder_a_vector_and_many_classes_from_command_to_result(
    run: Run, tmp_path: Path
) -> None:
    """A test split alone serves a model of one's own; fractions are strengths in every place."""
    save_folder(tmp_path / "animals")
    rng = np.random.default_rng(0)
    np.savez(
        "vectors.npz", images=rng.random((9, 4)) * 6 - 3, labels=np.arange(9) % 3, bounds=[-3, 3]
    )
    np.savez("many.npz", images=rng.random((46, 3, 5, 7)), labels=np.arange(46) % 23)
    linf = ("--norm", "linf", "--strengths", "0,8/255", "--attack", "mydata_for_test:sign_step")
    for data, kinds, shape in (
        ("animals", 3, (3, 5, 7)),
        ("vectors.npz", 3, (4,)),
        ("many.npz", 23, (3, 5, 7)),
    ):
        loaded = load_dataset(data)
        assert (loaded.num_classes, loaded.image_shape) == (kinds, shape)
        chosen = ("--indices", "0,5,7:9", "--block-size", "4")
        result = run(*OWN, *SIZES, "--dataset", data, *linf, *chosen)
        assert result.exit_code == 0, result.output
        tree = open_results(tmp_path / "sample-size.nc")
        assert tree["evaluation"].dataset["example"].values.tolist() == [0, 5, 7, 8]
        norms = tree["evaluation"].dataset["perturbation_norm"].sel(strength=8 / 255)
        assert norms.values.max() == pytest.approx(8 / 255, rel=1e-5)
        spec = read_spec(tree)
        assert (spec["attack"], spec["indices"]) == ("mydata_for_test:sign_step", [0, 5, 7, 8])
        assert spec["attack_options"] == {"fixed_samples": True}
    assert "attack mydata_for_test:sign_step" in run("summary", "sample-size.nc").stdout
    assert run("summary", "sample-size.nc", "--strength", "8/255").exit_code == 0
    checked = run("check", "sample-size.nc").stdout
    assert "the attack used one fixed A of 2 samples" in " ".join(checked.split())
    made = read_provenance(open_results(tmp_path / "sample-size.nc"))
    assert made["dataset_source"] == "many.npz"


@pytest.mark.slow
def test_a_model_is_trained_on_a_folder_and_finds_it_again(run: Run, tmp_path: Path) -> None:
    save_folder(tmp_path / "animals" / "train")
    save_folder(tmp_path / "animals" / "test")
    trained = run(*TRAIN, "--dataset", "animals")
    assert trained.exit_code == 0, trained.output
    studied = run(*SMALL, "--model", "bnn-animals.safetensors")
    assert studied.exit_code == 0, studied.output
    made = read_provenance(open_results(tmp_path / "sample-size.nc"))
    assert (made["dataset"], made["dataset_source"]) == ("animals", "animals/")


@pytest.mark.slow
def test_a_list_of_runs_names_attacks_images_and_fractions(run: Run, tmp_path: Path) -> None:
    save_npz(tmp_path / "photos.npz")
    table = (
        "[study.{}]\nstudy = 'sample-size'\nmodel = 'mydata_for_test:make'\n"
        "dataset = 'photos.npz'\nattack = 'mydata_for_test:{}'\nnorm = 'linf'\n{}\n"
        "attack_samples = [1]\ninference_samples = [2]\nrepeats = 1\n"
    )
    (tmp_path / "a.toml").write_text(
        table.format("a", "sign_step", "strengths = ['2/255', 0.5]\nindices = '3,5:7'")
        + "fixed_samples = false\n"
        + table.format("b", "linf", "strengths = '2/255:6/255:2/255'\nindices = [3]"),
        "utf-8",
    )
    result = run("study", "run", "a.toml")
    assert result.exit_code == 0, result.output
    first, second = (read_spec(open_results(tmp_path / f"{name}.nc")) for name in "ab")
    assert (first["strengths"], first["indices"]) == ([2 / 255, 0.5], [3, 5, 6])
    assert first["attack_options"] == {"fixed_samples": False}
    assert second["strengths"] == [2 / 255, 4 / 255, 6 / 255]
    assert second["attack_options"]["steps"] == 2
    again = run("study", "run", "--like", "b.nc", "--model", "mydata_for_test:make", "--dataset",
                "photos.npz", "--output", "c.nc")  # fmt: skip
    assert again.exit_code == 0, again.output
    digests = [result_digest(open_results(tmp_path / f"{name}.nc")) for name in "bc"]
    assert digests[0] == digests[1]


def test_a_run_of_another_version_of_an_attack_is_not_resumed(run: Run, tmp_path: Path) -> None:
    save_npz(tmp_path / "photos.npz")
    (tmp_path / "myattack_for_test.py").write_text(
        "def attack(module, x, y, strength):\n    return x\n", "utf-8"
    )
    words = ("--attack", "myattack_for_test:attack", "--images", "4", "--strengths", "0.1")
    command = (*OWN[:-1], *SIZES, "--dataset", "photos.npz", *words)
    assert run(*command).exit_code == 0
    assert "is whole: nothing was left to do" in run(*command, "--resume").stdout
    with (tmp_path / "myattack_for_test.py").open("a") as file:
        file.write("# another version\n")
    refused(run(*command, "--resume"), "attack_source")
    sys.modules.pop("myattack_for_test", None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--attack", "mydata_for_test:nothing"), "unknown function of mydata_for_test 'nothing'"),
        (
            ("--attack", "nothing_for_test:a"),
            "there is no module 'nothing_for_test' in the current",
        ),
        (("--attack", "mydata_for_test:make"), "make cannot be called with (module, x, y, strengt"),
        (("--attack", "mydata_for_test:linf"), "has norm 'linf', the study has 'l2'; give --norm"),
        (("--attack", "fgmm"), "unknown attack 'fgmm'; did you mean 'fgm'? (fgm, pgd, spsa"),
        (("--attack", "mydata_for_test:broken"), "raised ZeroDivisionError: in my attack"),
        (("--attack", "mydata_for_test:shapeless"), "the attack returned shape (1, 1, 6, 6), expe"),
        (
            ("--indices", "20"),
            "photos has 20 test images, and none at index 20; indices are 0 … 19",
        ),
        (("--indices", "3,x"), "--indices expects integers and slices separated by commas (3,17,2"),
        (("--strengths", "8/255/2"), "expects numbers separated by commas (0,0.5,1 or 4/255,8/255"),
    ],
)
def test_attacks_images_and_strengths_that_cannot_be(
    words: tuple[str, ...], message: str, run: Run, tmp_path: Path
) -> None:
    save_npz(tmp_path / "photos.npz")
    given = dict(zip(words[::2], words[1::2], strict=True))
    options = {"--images": "4", "--strengths": "0.1", "--dataset": "photos.npz", **given}
    if "--indices" in options:
        del options["--images"]
    result = run(*OWN, *SIZES, *[word for pair in options.items() for word in pair])
    assert result.exit_code != 0
    assert message in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.startswith("pyrosnn: ")]) == 1
    assert not (tmp_path / "sample-size.nc").exists()
