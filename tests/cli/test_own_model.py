"""`--model package.module:function`: a run end to end, and every error."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pyrosnn.results import GROUP, open_results, read_spec
from pyrosnn_cli.main import app
from pyrosnn_studies import STUDIES

Run = Callable[..., Result]

MODULE = """
import torch
from torch import nn
from pyrosnn.adapters import MCDropout, SeededModule


def net(p=0.4, inputs=64, classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 8), nn.Dropout(p), nn.Linear(8, classes))


def good():
    return MCDropout(net(), (1, 8, 8))


def with_data(data):
    return MCDropout(net(classes=data.num_classes), data.image_shape)


def two(a, b):
    return None


def raises():
    raise KeyError("weights")


def plain():
    return net()


def still():
    return MCDropout(net(p=0.0), (1, 8, 8))


def large():
    return MCDropout(net(inputs=144), (1, 12, 12))


class Rounded(nn.Module):
    def forward(self, x):
        return torch.round(x)


def rounded():
    return MCDropout(nn.Sequential(Rounded(), net()), (1, 8, 8))


def few():
    return MCDropout(net(classes=3), (1, 8, 8))


def noisy():
    import os

    class Noise(nn.Module):
        def __init__(self):
            super().__init__()
            self.sigma = float(os.environ["SIGMA"])

        def forward(self, x):
            return x + self.sigma * torch.randn_like(x)

    torch.manual_seed(0)
    return SeededModule(nn.Sequential(Noise(), nn.Flatten(), nn.Linear(64, 10)), (1, 8, 8))


class Detached(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        return self.net(x.detach())


def detached():
    return MCDropout(Detached(), (1, 8, 8))


def double():
    return MCDropout(net(), (1, 8, 8)).double()


def misspelt():
    classifier = good()
    classifier.output = "prob"
    return classifier
"""

SMALL = ("--images", "6", "--repeats", "1", "--strengths", "0.5", "--attack-samples", "1,2")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None) -> Iterator[Run]:
    """Run the program in a folder with a module of the user's."""
    import sys

    (tmp_path / "mine_for_test.py").write_text(MODULE, "utf-8")
    (tmp_path / "broken_for_test.py").write_text("import no_such_library\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="pyrosnn")

    yield invoke
    for name in ("mine_for_test", "broken_for_test"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("function", ["good", "with_data"])
def test_a_study_of_ones_own_model(function: str, run: Run, tmp_path: Path) -> None:
    reference = f"mine_for_test:{function}"
    result = run(
        "study", "sample-size", "--model", reference, *SMALL, "--inference-samples", "3",
        "--output", "own.nc",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Adversarial accuracy in %" in result.stdout
    text = str(open_results(tmp_path / "own.nc").attrs["provenance"])
    assert reference in text
    assert run("check", "own.nc").exit_code in (0, 1)


@pytest.mark.slow
def test_the_same_weights_with_other_settings_are_another_model(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = ["study", "sample-size", "--model", "mine_for_test:noisy", *SMALL]
    study += ["--inference-samples", "3", "--seed", "0"]
    for sigma, repeat in (("0.1", "0"), ("0.3", "1")):
        monkeypatch.setenv("SIGMA", sigma)
        name = f"{repeat}.nc"
        made = run(*study, "--first-repeat", repeat, "--output", name)
        assert made.exit_code == 0, made.output
    merged = run("merge", "0.nc", "1.nc", "--output", "a.nc")
    assert merged.exit_code == 2, merged.output
    assert "sigma" in merged.stderr
    resumed = run(*study, "--first-repeat", "0", "--output", "0.nc", "--resume")
    assert resumed.exit_code == 2, resumed.output
    assert 'training.settings.module.0.sigma is "0.1" there, "0.3" here' in resumed.stderr
    assert not (tmp_path / "a.nc").exists()


def test_a_model_without_gradients_is_not_called_robust(run: Run) -> None:
    model = ("--model", "mine_for_test:rounded", *SMALL, "--inference-samples", "3")
    study = run("study", "sample-size", *model, "--output", "a.nc")
    assert study.exit_code == 0, study.output
    for shown in (study, run("summary", "a.nc")):
        assert "6 of 6 have no gradient: an attack that does not move them says" in shown.stdout
        assert "nan" not in shown.stdout
    assert run("check", "a.nc").exit_code == 1


@pytest.mark.slow
def test_diagnose_ones_own_model(run: Run) -> None:
    result = run(
        "diagnose", "--model", "mine_for_test:good", "--images", "10", "--repeats", "1",
        "--num-samples", "40", "--attack-samples", "1,3", "--inference-samples", "5",
    )  # fmt: skip
    assert result.exit_code in (0, 1), result.output
    assert "cosine" in result.stdout


@pytest.mark.slow
def test_diagnose_a_model_without_gradients(run: Run, tmp_path: Path) -> None:
    result = run(
        "diagnose", "--model", "mine_for_test:rounded", "--images", "6", "--repeats", "2",
        "--num-samples", "40", "--attack-samples", "1,3", "--inference-samples", "5",
    )  # fmt: skip
    assert result.exit_code == 1, result.output
    assert "No image has a gradient in any sample: more samples do not help" in result.stdout
    assert "nan" not in result.stdout
    assert ["zero-gradients", "fail"] in [line.split()[:2] for line in result.stdout.splitlines()]
    assert (tmp_path / "diagnosis.png").stat().st_size > 0


ERRORS = [
    ("nowhere_for_test:good", "there is no module 'nowhere_for_test'"),
    (
        "mine_for_test.py:good",
        "there is no module 'mine_for_test.py'; its name has no .py: mine_for_",
    ),
    (
        "mine_for_test.py",
        "mine_for_test.py is not a checkpoint; name a function in it, as mine_for_",
    ),
    ("mine_for_test", "there is no checkpoint mine_for_test; mine_for_test.py is a module: name a"),
    ("broken_for_test:good", "importing broken_for_test raised ModuleNotFoundError"),
    ("mine_for_test:goood", "did you mean 'good'?"),
    ("mine_for_test:two", "needs 2 arguments (a, b)"),
    ("mine_for_test:raises", "raised KeyError: 'weights'"),
    ("mine_for_test:plain", "returned a Sequential, expected a StochasticClassifier"),
    ("mine_for_test:still", "not stochastic"),
    ("mine_for_test:large", "takes images of shape (1, 12, 12), but digits has (1, 8, 8)"),
    ("mine_for_test:few", "takes as number of classes 3, but digits has 10"),
    ("mine_for_test:double", "takes pixels of type torch.float64"),
    ("mine_for_test:misspelt", "unknown output 'prob'; did you mean 'probs'? (probs, logits)"),
]


@pytest.mark.parametrize(
    "command", [("study", "sample-size"), ("study", "conditions"), ("diagnose",)]
)
def test_a_model_without_a_gradient(command: tuple[str, ...], run: Run) -> None:
    noise = ["--smoothing-variance", "0.04"] if "conditions" in command else []
    images = ["--images", "6", "--repeats", "1"]
    result = run(*command, "--model", "mine_for_test:detached", *images, *noise)
    assert result.exit_code == 2, result.output
    assert "no gradient of the classifier's outputs reaches the image" in result.stderr


@pytest.mark.parametrize(("reference", "message"), ERRORS)
def test_errors_are_one_line(reference: str, message: str, run: Run, tmp_path: Path) -> None:
    result = run("study", "sample-size", "--model", reference, *SMALL, "--inference-samples", "3")
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert message in lines[0]
    assert not list(tmp_path.glob("*.nc"))


CONDITIONS = ("--images", "6", "--strengths", "0,0.1", "--inference-samples", "3")


@pytest.mark.slow
def test_conditions_of_ones_own_model_average_it_over_the_noise_asked_for(
    run: Run, tmp_path: Path
) -> None:
    result = run(
        "study", "conditions", "--model", "mine_for_test:good", "--smoothing-variance", "0.04",
        *CONDITIONS,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = open_results(tmp_path / "conditions.nc")
    assert read_spec(found)["smoothing_variance"] == 0.04
    assert float(found[GROUP].dataset["smoothness"][0]) == pytest.approx(2 / 0.04)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "how much mine_for_test:good was trained with is not known; give --smoothing-v"),
        (["--smoothing-variance", "0"], "variance of the noise must be > 0, got 0.0"),
        (["--smoothing-variance", "nan"], "smoothing_variance must be >= 0 and finite, got nan"),
    ],
)
def test_noise_that_cannot_be_is_refused(given: list[str], message: str, run: Run) -> None:
    result = run("study", "conditions", "--model", "mine_for_test:good", *given, *CONDITIONS)
    assert result.exit_code == 2, result.output
    assert message in result.stderr


def test_all_studies_get_their_model_and_data(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    models = ("--model", "mine_for_test:good", "--smoothed-model", "mine_for_test:with_data")
    calls: dict[str, tuple[Any, Any]] = {}

    def noted(study: Any, spec: Any, subject: Any, **others: Any) -> None:
        calls[study.name] = (spec, subject)

    monkeypatch.setattr("pyrosnn_cli.study_all.run_study", noted)
    result = run("study", "all", *models, "--smoothing-variance", "0.01", "--dataset", "digits")
    assert result.exit_code == 0, result.output
    assert list(calls) == list(STUDIES)
    smoothed = {n for n, (s, _) in calls.items() if getattr(s, "smoothing_variance", 0) == 0.01}
    assert smoothed == {"conditions", "certificates"}
    assert calls.pop("gaussian-angles")[1] is None
    found = {name: subject.training.model for name, (_, subject) in calls.items()}
    assert {found.pop(name) for name in smoothed} == {"mine_for_test:with_data"}
    assert set(found.values()) == {"mine_for_test:good"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "how much mine_for_test:good was trained with is not known; give --smoothing"),
        (["--smoothing-variance", "inf"], "smoothing_variance must be >= 0 and finite, got inf"),
        (["--smoothed-model", "mine_for_test:god"], "did you mean 'good'?"),
        (["--preset", "pape"], "did you mean 'paper'?"),
        (["--dataset", "digit"], "did you mean 'digits'?"),
        (["--memory-budget", "1X"], "--memory-budget expects a size"),
        (["--threads", "0"], "threads must be >= 1, got 0"),
    ],
)
def test_all_studies_are_refused_before_the_first(
    given: list[str], message: str, run: Run, tmp_path: Path
) -> None:
    models = ("--model", "mine_for_test:good", "--smoothed-model", "mine_for_test:good")
    result = run("study", "all", *models, *given)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not (tmp_path / "results").exists()


def test_an_own_model_does_not_stand_for_both_models_of_all_studies(run: Run) -> None:
    result = run("study", "all", "--model", "mine_for_test:good")
    assert result.exit_code == 2
    assert "study all needs --smoothed-model, too: pyrosnn train bnn --smooth" in result.stderr


RAISING = """
import torch
from torch import nn
from pyrosnn.adapters import MCDropout


class Late(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.4), nn.Linear(8, 10))
        self.error, self.calls = error, 0

    def forward(self, x):
        if x.requires_grad or torch.autograd.forward_ad._current_level >= 0:
            raise self.error
        return self.net(x)


def fails(error):
    return MCDropout(Late(error), (1, 8, 8))


def not_implemented():
    return fails(NotImplementedError("no derivative of this\\nand more lines"))


def key():
    return fails(KeyError("weights"))


def runtime():
    return fails(RuntimeError("sizes do not match"))
"""


@pytest.mark.parametrize("command", [("study", "sample-size"), ("diagnose",)], ids=str)
@pytest.mark.parametrize("function", ["not_implemented", "key", "runtime"])
def test_a_model_that_raises_is_one_line(
    command: tuple[str, ...], function: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mine_for_test.py").write_text(RAISING, "utf-8")
    model = ("--model", f"mine_for_test:{function}", "--images", "6", "--repeats", "1")
    result = run(*command, *model)
    assert result.exit_code == 2, result.output
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("pyrosnn: ")
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob("*.nc"))


def test_a_fault_of_ours_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ZeroDivisionError("division by zero\nand more lines")

    monkeypatch.setattr("pyrosnn_studies.study.find_study", fail)
    result = run("study", "gaussian-angles")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0].endswith("see where") or "report it" in result.stderr
    assert "raised ZeroDivisionError: division by zero; set PYROSNN_TRACEBACK=1" in result.stderr
    monkeypatch.setenv("PYROSNN_TRACEBACK", "1")
    assert isinstance(run("study", "gaussian-angles").exception, ZeroDivisionError)
