"""What the documentation says is what happens: README, notebook, help pages, docstrings."""

import contextlib
import doctest
import importlib
import io
import re
import shlex
import sys
import types
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pyro
import pytest
import typer
from nbclient import NotebookClient
from support.commands import commands
from support.pages import blocks, shape
from support.program import invoke

import pyrosnn
import pyrosnn_cli
import pyrosnn_studies
import reproduction
from pyrosnn.data.dataset import Dataset
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.noise import NOISES
from pyrosnn.results import open_results, read_provenance, read_spec, result_digest
from pyrosnn.settings.presets import load_presets
from pyrosnn.training.regularisers import REGULARISERS
from pyrosnn_cli.main import app

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
OUTSIDE = ROOT / "tests" / "outside"
FILE = re.compile(r"^<!-- file: (\S+) -->$", re.MULTILINE)


def cut(example: str, **lengths: str) -> str:
    """Return an example with shorter trainings and fewer images; the rest is as it says."""
    for said, less in lengths.items():
        longer = rf"\b{said}( ?= ?)\d+"
        assert re.search(longer, example), said
        example = re.sub(longer, rf"{said}\g<1>{less}", example)
    return example


@pytest.fixture
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the trainings of a page that name no epochs: what is printed has other numbers."""
    monkeypatch.setitem(load_presets("pyrosnn.training")["quick"], "epochs", 3)


@pytest.mark.slow
@pytest.mark.usefixtures("few_epochs")
def test_the_readme_examples_run_and_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    (expected,) = blocks("text")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(example, "README.md", "exec"), {})
    assert shape(output.getvalue()) == shape(expected)


@pytest.mark.slow
@pytest.mark.usefixtures("few_epochs")
def test_the_examples_with_other_libraries_run() -> None:
    text = (ROOT / "docs" / "other-libraries.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(examples) == 7
    names: dict[str, Any] = {}
    for example in examples:
        exec(compile(example, "other-libraries.md", "exec"), names)
        if "evaluate(" in example:  # each attacked, within the strength, and judged
            accuracy = names["result"].sel(strength=0.6)["adversarial_correct"].mean()
            assert 0 < float(accuracy) < 0.9


@pytest.mark.slow
def test_the_readme_commands_print_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer epochs and images than it says: numbers are not compared."""
    monkeypatch.chdir(tmp_path)
    session, _ = blocks("console")
    steps = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]
    assert steps
    for step in steps:
        command, _, expected = step.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "pyrosnn"
        arguments += ["--epochs", "2"] if "train" in arguments else ["--images", "5"]
        run = invoke(*arguments)
        assert run.exit_code == 0, run.stderr
        assert shape(run.stdout) == shape(expected), command


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_protocols")
def test_the_readme_shows_how_an_evaluation_ends(
    checkpoint_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few images, no checks and too few queries to speak of: between both sides as well."""
    monkeypatch.chdir(tmp_path)
    command, *shown = blocks("console")[1].splitlines()
    arguments = shlex.split(command.removeprefix("$ pyrosnn ").partition(" | tail")[0])
    arguments[arguments.index("--model") + 1] = str(checkpoint_path)
    arguments[arguments.index("--images") + 1] = "4"
    run = invoke(*arguments, "--no-checks", "--no-diagnosis", "--attack-samples", "2")
    assert run.exit_code == 0, run.stderr
    (both,) = [line for line in shape(run.stdout) if line.startswith("Between")]
    assert shape(shown[0])[0].startswith(both.removesuffix("."))


def session(page: str, command: str) -> list[list[str]]:
    """Return the commands of a page's shell blocks, those that hold a command, as words."""
    (lines,) = [block for block in blocks("sh", page) if command in block]
    return [shlex.split(line, comments=True)[1:] for line in lines.replace("\\\n", "").splitlines()]


@pytest.mark.slow
def test_the_list_of_runs_is_run_compared_and_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (page,) = blocks("toml", "docs/cli.md")
    listed = cut(page, epochs="1", images="10")
    Path("compare.toml").write_text(listed)
    first, second = session("docs/cli.md", "study run compare.toml")
    for words in (first, second):
        result = invoke(*words)
        assert result.exit_code == 0, result.output
    for named in re.findall(r"(?:models|results)/\S+\.\w+", listed):
        assert Path(named).is_file(), named
    (again,) = session("docs/cli.md", "study run --like")
    result = invoke(*again)
    assert result.exit_code == 0, result.output
    digests = [result_digest(open_results(file)) for file in ("results/fgm-bnn.nc", "again.nc")]
    assert digests[0] == digests[1]
    kept = invoke(*first)  # with --resume
    assert kept.exit_code == 0, kept.output
    assert "models/bnn.safetensors is trained already" in kept.stdout


@pytest.mark.parametrize("page", ["docs/extending.md", "docs/cli.md"])
def test_every_file_of_a_page_is_there(page: str) -> None:
    named = FILE.findall((ROOT / page).read_text("utf-8"))
    assert named
    for path in named:
        assert (ROOT / path).is_file(), path


def test_every_file_of_extending_is_used_in_a_test() -> None:
    named = {path for path in FILE.findall((ROOT / "docs" / "extending.md").read_text("utf-8"))}
    assert named <= {f"tests/outside/{path.name}" for path in OUTSIDE.glob("*.py")}
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for path in named:
        module = f"outside.{Path(path).stem}"
        assert re.search(rf'"{module}:\w+"|\b{module}\.\w+', tests), module


def test_the_rows_of_extending_are_in_the_help_and_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(NOISES, "laplace-features", "")  # what the page puts there goes again
    monkeypatch.setitem(MODELS, "heavy", MODELS["bnn"])
    (example,) = blocks("python", "docs/extending.md")
    exec(compile(example, "extending.md", "exec"), {})
    shown = invoke("train", "heavy", "--help").stdout
    assert "Heavy-tailed noise on the features." in shown
    assert "--initial-scale" in shown
    spec = pyrosnn.preset("heavy", epochs=1, options={"initial_scale": 0.2})
    digits = pyrosnn.load_dataset("digits")
    heavy = pyrosnn.train(spec, digits)
    x, _ = digits.test_images(2)
    drawn, _ = pyrosnn.disjoint_sample_sets(heavy, x, attack=3, inference=1, seed=0)
    assert set(drawn.tensors) == {"laplace_0", "laplace_1"}


def test_the_errors_of_extending_are_those_shown() -> None:
    (shown,) = blocks("console", "docs/extending.md")
    steps = re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]
    assert steps
    for step in steps:
        command, _, expected = step.partition("\n")
        result = invoke(*shlex.split(command)[1:])
        assert (result.exit_code, result.stderr) == (2, expected), command


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")  # laplace's
def test_the_examples_of_your_own_model_run() -> None:
    examples = blocks("python", "docs/your-own-model.md")
    text = "\n".join(examples)
    for adapter in ("Stochastic", "PyroClassifier", "Ensemble", "WeightSamples"):
        assert f"judge({adapter}(" in text or f"= {adapter}(" in text, adapter
    names: dict[str, Any] = {"__name__": "your_own_model"}
    for example in examples:  # one after the other, as a reader would
        exec(compile(example, "your-own-model.md", "exec"), names)
    pyro.clear_param_store()  # SVI keeps the guide's parameters there
    judged = [
        names["judge"](c)
        for c in (names["dropout"], names["Ensemble"](names["members"], (1, 8, 8)))
    ]
    assert all(0.2 < share <= 1.0 for share in judged), judged


@pytest.mark.slow
@pytest.mark.usefixtures("few_epochs")
def test_the_examples_of_your_own_data_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    function, module = blocks("python", "docs/your-own-data.md")
    Path("mine.py").write_text(function)
    exec(compile(function + module, "your-own-data.md", "exec"), {})
    for words in session("docs/your-own-data.md", "mine:photos"):
        fewer = ["--images", "5", "--repeats", "1"] if words[0] == "study" else []
        result = invoke(*words, *fewer)
        assert result.exit_code == 0, result.output
    assert read_provenance(open_results(Path("sample-size.nc")))["dataset"] == "my-photos"


@pytest.mark.slow
@pytest.mark.usefixtures("few_epochs")
def test_the_recipes_for_reviewers_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer images, samples and steps than the page says; `evaluate` has tests of its own."""
    monkeypatch.chdir(tmp_path)
    page, attacks = "docs/reviewers.md", []
    fewer = {"--images": "2", "--steps": "100", "--attack-samples": "2"}
    fewer |= {"--queries": "9", "--targets": "1"}
    for text in blocks("sh", page):
        _, *words = shlex.split(text.replace("\\\n", ""))
        if words[0] == "evaluate":
            continue
        result = invoke(*(fewer.get(before, word) for before, word in pairwise(["", *words])))
        assert result.exit_code == 0, result.output
        if "--attack" in words:
            attacks.append(words[words.index("--attack") + 1])
            assert read_spec(open_results(Path(words[-1])))["attack"] == attacks[-1]
    assert attacks == ["pgd", "pgd", "apgd", "square", "transfer"]
    bpda, shortest = blocks("python", page)
    output, names = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(output):
        exec(compile(bpda, "reviewers.md", "exec"), names)
    assert output.getvalue() == blocks("text", page)[0]
    shortest = cut(shortest, attack="2", inference="5").replace("(clip=", "(steps=9, clip=")
    exec(compile(shortest, "reviewers.md", "exec"), names)
    assert len(names["norms"]["minimal_norm"]) == 50


@pytest.mark.slow
def test_the_examples_of_training_run_and_print_what_they_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = types.ModuleType("training_page")
    monkeypatch.setitem(sys.modules, page.__name__, page)
    monkeypatch.setitem(REGULARISERS, "disagreement", "")  # what the page puts there goes again
    compared, own = blocks("python", "docs/training.md")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(cut(compared, epochs="2"), "training.md", "exec"), page.__dict__)
    (expected,) = blocks("text", "docs/training.md")
    assert shape(output.getvalue()) == shape(expected)
    exec(compile(own, "training.md", "exec"), page.__dict__)
    assert pyrosnn.train(page.spec, page.digits).num_classes == 10


@pytest.mark.slow
@pytest.mark.usefixtures("few_epochs")
@pytest.mark.filterwarnings("ignore:a training with epochs = 1 never:UserWarning")  # as cut here
def test_the_examples_of_defences_print_what_they_say() -> None:
    page, names = "docs/defences.md", dict[str, Any]()
    first, finite, chains, margins, defended = blocks("python", page)
    shorter = cut(chains, draws="4", warm_up_steps="4", steps="2", attack="4", inference="4")
    for long, less in (("relative_step=0.1", "relative_step=0.5"), ("(500)", "(20)")):
        assert long in shorter
        shorter = shorter.replace(long, less)
    few, fewer = (
        cut(example, epochs="1").replace("images(300)", "images(20)")
        for example in (margins, defended)
    )
    printed = []
    for example in (first, cut(finite, epochs="2"), shorter, few, fewer):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(example, page, "exec"), names)
        printed.append(output.getvalue())
    expected = blocks("text", page)
    assert printed[0] == expected[0]
    assert list(map(shape, printed[1:])) == list(map(shape, expected[1:]))


def test_the_readme_names_only_files_that_are_there() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link.partition("#")[0]).exists(), link


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_notebook_runs_and_shows_what_is_stored(path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    client = NotebookClient(fresh, timeout=300, resources={"metadata": {"path": path.parent}})
    client.execute()
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        if before.cell_type == "code":
            assert texts(after) == texts(before), before.source
            assert not [
                o for o in after.outputs if o.output_type == "stream" and o.name == "stderr"
            ]
            assert len(images(after)) == len(images(before))
    assert any(images(cell) for cell in fresh.cells)


def texts(cell: nbformat.NotebookNode) -> list[str]:
    found = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.get("outputs", [])
    ]
    # the same object at another address, and figures, say nothing
    return [re.sub(r"0x[0-9a-f]+", "", text) for text in found if "Figure" not in text]


def images(cell: nbformat.NotebookNode) -> list[str]:
    return [
        o.data["image/png"] for o in cell.get("outputs", []) if "image/png" in o.get("data", {})
    ]


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for words in commands(typer.main.get_command(app), "pyrosnn"):
        command = " ".join(words)
        assert f"<!-- help: {command} -->" in page, command


def modules(*, with_examples: bool) -> list[str]:
    """Return the names of all modules whose source has examples, or of those that have none."""
    found = []
    for package in (pyrosnn, pyrosnn_cli, pyrosnn_studies, reproduction):
        (folder,) = map(Path, package.__path__)
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            if (">>> " in path.read_text("utf-8")) == with_examples:
                found.append(name)
    return found


@pytest.fixture(scope="module")
def trained_once() -> Iterator[None]:
    """Train no model of a docstring a second time: the same settings, the same classifier."""
    plain, known = pyrosnn.train, dict[str, StochasticClassifier]()

    def train(spec: pyrosnn.TrainingSpec, dataset: Dataset) -> StochasticClassifier:
        key = f"{spec} {dataset.digest}"
        if key not in known:
            known[key] = plain(spec, dataset)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyrosnn, "train", train, raising=False)
        yield
    assert pyrosnn.train is plain


SLOW = {
    "pyrosnn.checks.on_model",  # every check there is
    "pyrosnn.checks.on_result",
    "pyrosnn.summaries.compare",
}
EXAMPLES = [
    pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW))
    for name in modules(with_examples=True)
]


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.usefixtures("trained_once")
def test_docstring_examples_run(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0


def test_modules_without_examples_can_be_imported() -> None:
    for name in modules(with_examples=False):
        importlib.import_module(name)


def test_public_names_are_there() -> None:
    names: dict[str, object] = {}
    exec("from pyrosnn import *", names)
    assert {name for name in names if name != "__builtins__"} == set(pyrosnn.__all__)
    assert {"__version__", "evaluate", "train"} <= set(dir(pyrosnn))  # what an editor offers
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = pyrosnn.nothing
