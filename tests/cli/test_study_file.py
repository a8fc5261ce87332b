"""`pyrosnn study run`: a file of trainings and studies, and what a result says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pyrosnn.results import open_results, read_spec, result_digest
from pyrosnn.training import load_checkpoint
from pyrosnn.training.options import SAMPLED
from pyrosnn_cli.main import app
from pyrosnn_studies.listing import read_jobs

Run = Callable[..., Result]

LIST = """
checkpoints = "kept"
results = "shown"

[defaults.train]
epochs = 1
hidden = [4]

[train.bnn]
model = "bnn"

[train.penalised]
model = "sin"
regulariser = ["input-gradient"]
input_gradient_weight = 0.1

[study.size]
study = "sample-size"
model = "bnn"
images = 10
repeats = 1
block_size = 5
attack = "pgd"
steps = 2
relative_step = 0.5
attack_samples = [1, 2]
inference_samples = [3]
strengths = "0:1:0.5"

[study.angles]
study = "gaussian-angles"
pairs = 10
dimension = 5
step = 5.0
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None) -> Run:
    """Run the program in an empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.toml").write_text(LIST)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, ["study", "run", *words], prog_name="pyrosnn")

    return invoke


@pytest.mark.slow
def test_a_file_is_run_resumed_and_shared(run: Run, tmp_path: Path) -> None:
    first = run("list.toml", "--quiet")
    assert first.exit_code == 0, first.output
    spec = read_spec(open_results(tmp_path / "shown" / "size.nc"))
    assert spec["strengths"] == [0.0, 0.5, 1.0]
    assert spec["attack_options"]["steps"] == 2
    training = load_checkpoint(tmp_path / "kept" / "penalised.safetensors").spec
    assert training.regularisers["input-gradient"]["weight"] == 0.1
    assert training.options["hidden"] == (4,)

    assert "kept/bnn.safetensors exists" in run("list.toml").stderr
    (tmp_path / "kept" / "bnn.safetensors").rename(tmp_path / "other")
    (tmp_path / "kept" / "penalised.safetensors").rename(tmp_path / "another")
    early = run("list.toml")  # before it would train again
    assert early.stderr.startswith("pyrosnn: shown/size.nc exists")
    (tmp_path / "other").rename(tmp_path / "kept" / "bnn.safetensors")
    (tmp_path / "another").rename(tmp_path / "kept" / "penalised.safetensors")
    (tmp_path / "shown" / "angles.nc").unlink()
    again = run("list.toml", "--quiet", "--resume")
    assert again.exit_code == 0, again.output
    assert "shown/size.nc is whole: nothing was left to do" in again.stdout
    assert "wrote shown/angles.nc" in again.stdout
    assert "kept/bnn.safetensors is trained already" in again.stdout


@pytest.mark.slow
def test_a_whole_number_is_a_number(run: Run, tmp_path: Path) -> None:
    listed = LIST.replace('strengths = "0:1:0.5"', "strengths = [0, 1]")
    (tmp_path / "list.toml").write_text(listed.replace("step = 5.0", "step = 5"))
    assert run("list.toml", "--quiet", "--only", "size,angles").exit_code == 0
    strengths = read_spec(open_results(tmp_path / "shown" / "size.nc"))["strengths"]
    assert [type(strength) for strength in strengths] == [float, float]
    step = read_spec(open_results(tmp_path / "shown" / "angles.nc"))["step"]
    assert type(step) is float


def test_only_what_is_named_is_run(run: Run, tmp_path: Path) -> None:
    assert run("list.toml", "--quiet", "--only", "angles").exit_code == 0
    assert [path.name for path in tmp_path.rglob("*.nc")] == ["angles.nc"]
    assert not list(tmp_path.rglob("*.safetensors"))
    assert "did you mean 'angles'" in run("list.toml", "--only", "angle").stderr
    (tmp_path / "list.toml").write_text(LIST.replace("input_gradient_weight = 0.1\n", ""))
    kept = ("--only", "angles", "--quiet", "--resume")
    assert run("list.toml", *kept).exit_code == 0  # jobs that are not run are not checked
    assert "--like has none" in run("--like", "shown/angles.nc", "--only", "angles").stderr


@pytest.mark.slow
def test_what_a_result_says_is_run_again(run: Run, tmp_path: Path) -> None:
    assert run("list.toml", "--quiet", "--only", "size").exit_code == 0
    model = ("--model", "kept/bnn.safetensors")
    again = run("--like", "shown/size.nc", *model, "--output", "again.nc", "--quiet")
    assert again.exit_code == 0, again.output
    first, second = (open_results(tmp_path / name) for name in ("shown/size.nc", "again.nc"))
    assert result_digest(first) == result_digest(second)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("hidden = [4]\n\n[train.bnn]\n", "hidden = [4]\n\n[train.bnn]\nepohcs = 1\n"),
            "unknown key of [train.bnn] of list.toml, 'epohcs'; did you mean 'epochs'",
        ),
        (("epochs = 1", "epochs = 0"), "[train.bnn] of list.toml: epochs must be >= 1, got 0"),
        (("steps = 2", "steps = 0"), "[study.size] of list.toml: steps must be >= 1, got 0"),
        (('attack = "pgd"', 'attack = "fgm"'), "'steps'"),
        (
            ('attack = "pgd"', 'attack = "pdg"'),
            "[study.size] of list.toml: unknown attack 'pdg'; did you mean 'pgd'",
        ),
        (
            ('study = "sample-size"', 'study = "size"'),
            "unknown study in [study.size] of list.toml,",
        ),
        (('study = "sample-size"\n', ""), "[study.size] of list.toml needs a study"),
        (("[train.bnn]", "[train]"), "train of list.toml must be tables [train.NAME]"),
        (("[train.bnn]", "[trian.bnn]"), "key of list.toml 'trian'; did you mean 'train'"),
        (
            ("[train.bnn]", "[train.other]"),
            "[study.size] of list.toml: there is no model bnn; name",
        ),
        (('checkpoints = "kept"', "checkpoints = 1"), "checkpoints of list.toml must be a folder"),
        (
            ("images = 10", "images = 100000"),
            "[study.size] of list.toml: digits has 500 test images",
        ),
        (("steps = 2", "steps = = 2"), "list.toml is not readable TOML"),
        (
            ("input_gradient_weight = 0.1\n", ""),
            "[train.penalised] of list.toml: input-gradient needs its weight: --input-gradient-w",
        ),
        (
            ('["input-gradient"]', '["input-gradeint"]'),
            "[train.penalised] of list.toml: unknown regulariser 'input-gradeint'; did you mean",
        ),
        (("[defaults.train]", "[defaults.trian]"), "'trian'; did you mean 'train'"),
        (
            ("[defaults.train]", '[defaults.sample-size]\nstudy = "ablation"\n[defaults.train]'),
            "[defaults.sample-size] of list.toml is for runs of sample-size alone; leave out",
        ),
        (
            ("[defaults.train]\nepochs = 1\nhidden = [4]", "defaults = 3"),
            "defaults of list.toml must be tables, got 3",
        ),
        (
            ("[defaults.train]", "[defaults]\nsample-size = 3\n[defaults.train]"),
            "defaults.sample-size of list.toml must be a table, got 3",
        ),
        (("[defaults.train]", "[defaults.sample-sise]\n[defaults.train]"), "mean 'sample-size'"),
        (('model = "bnn"\n\n', 'model = ["bnn"]\n\n'), "unknown model in [train.bnn] of"),
        (('study = "sample-size"', "study = 3"), "unknown study in [study.size] of list.toml"),
        (
            ('["input-gradient"]', "3"),
            "[train.penalised] of list.toml: regulariser must be a list of names, got 3",
        ),
        (("epochs = 1", "epochs = 1\ndataset = 3"), "must be a name (digits, "),
        (("epochs = 1", 'epochs = 1\ndataset = "digit"'), "did you mean 'digits'"),
        (
            ("epochs = 1", "epochs = 1\nnetwork = ['cnn']"),
            "[train.bnn] of list.toml: unknown network '['cnn']'; did you mean 'cnn'",
        ),
        (("epochs = 1", "epochs = 1\ntest_samples = 0"), "must be >= 1, got 0"),
        (
            ("epochs = 1", "epochz = 1"),
            "key of [defaults.train] of list.toml (for bnn), 'epochz'; did you mean 'epochs'",
        ),
        (
            ("[defaults.train]", "[defaults.sample-size]\nimagse = 3\n[defaults.train]"),
            "key of [defaults.sample-size] of list.toml (for size), 'imagse'; did you mean",
        ),
        (
            ('[train.bnn]\nmodel = "bnn"', '[train.bnn]\nmodel = "hmc"'),
            f"[train.bnn] of list.toml: hmc has no epochs: {SAMPLED}; write it in the tables of "
            "other models, and not in [defaults.train]",
        ),
        (
            (
                'epochs = 1\nhidden = [4]\n\n[train.bnn]\nmodel = "bnn"',
                '[train.bnn]\nmodel = "hmc"\nimages = "adversarial"\nstrength = 0.1',
            ),
            f"[train.bnn] of list.toml: hmc has no images: {SAMPLED}; leave it out",
        ),
    ],
)
def test_a_bad_file_is_refused_before_anything_is_trained(
    change: tuple[str, str], message: str, run: Run, tmp_path: Path
) -> None:
    before, after = change
    assert before in LIST
    (tmp_path / "list.toml").write_text(LIST.replace(before, after, 1))
    refused = run("list.toml")
    assert refused.exit_code == 2, refused.output
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not list(tmp_path.rglob("*.nc"))


def test_studies_of_one_kind_share_their_defaults(tmp_path: Path) -> None:
    """Own keys come first, then those of the study, then those of all studies."""
    text = """
    [defaults.study]
    images = 20
    seed = 3
    [defaults.sample-size]
    images = 10
    repeats = 2
    [study.first]
    study = "sample-size"
    model = "digits.safetensors"
    [study.second]
    study = "sample-size"
    model = "digits.safetensors"
    repeats = 1
    [study.third]
    study = "prediction-variance"
    model = "digits.safetensors"
    """
    (tmp_path / "list.toml").write_text(text)
    _, studies = read_jobs(tmp_path / "list.toml")
    assert [studies[name].settings for name in ("first", "second", "third")] == [
        {"images": 10, "seed": 3, "repeats": 2},
        {"images": 10, "seed": 3, "repeats": 1},
        {"images": 20, "seed": 3},
    ]


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "[defaults.train]\nepochs = 1\n", "[train]\n[study]\n"]
)
def test_a_file_that_lists_nothing_is_refused(text: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(text)
    refused = run("list.toml")
    assert refused.exit_code == 2, refused.output
    assert refused.stderr.splitlines() == [
        "pyrosnn: list.toml lists no training and no study; add a table [train.NAME] or "
        "[study.NAME]"
    ]


def test_a_file_or_a_result_is_needed(run: Run) -> None:
    assert "study run needs a file of trainings and studies" in run().stderr
    assert "there is no file none.toml; expected a list" in run("none.toml").stderr
    assert "--output are for --like" in run("list.toml", "--model", "a.safetensors").stderr
    assert "give a file or --like" in run("list.toml", "--like", "a.nc").stderr


def test_what_an_attack_transfers_from_is_trained_first(run: Run, tmp_path: Path) -> None:
    """And refused before anything is trained if it is neither in the list nor there."""
    settings = 'attack = "pgd"', 'attack = "transfer"\nsource = "kept/penalised.safetensors"'
    (tmp_path / "list.toml").write_text(LIST.replace(*settings))
    done = run("list.toml", "--only", "size")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "kept" / "penalised.safetensors").exists()
    (tmp_path / "other.toml").write_text(
        LIST.replace(*settings).replace("kept/penalised", "kept/other").replace("kept", "new")
    )
    refused = run("other.toml", "--only", "size")
    assert refused.exit_code == 2
    assert "[study.size] of other.toml: there is no source new/other.safetensors" in refused.stderr
    assert not (tmp_path / "new").exists()


def test_the_reproduction_is_such_a_file() -> None:
    folder = Path(__file__).parents[2] / "reproduction"
    for name in ("fashion-mnist.toml", "cifar10.toml"):
        trainings, studies = read_jobs(folder / name)
        assert trainings
        assert studies
