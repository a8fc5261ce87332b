"""Fixtures for all tests: a clean random state, and small models trained once."""

import atexit
import gc
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import matplotlib as mpl
import pyro
import pytest
import torch
from hypothesis import settings
from support import first_calls  # before pyrosnn, whose import asks for it

from pyrosnn.data import load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.training import TrainingSpec, preset, save_checkpoint, train

mpl.use("Agg")
# small networks gain nothing from threads, and two busy test runs lose much
torch.set_num_threads(1)

# the same examples in every run: a red test is a change of the code, not of the weather
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

DENSE: dict[str, Any] = {"epochs": 8, "options": {"hidden": (16, 16)}}
CNN: dict[str, Any] = {"epochs": 4, "options": {"channels": (8,), "units": 16}}
CLEAN: dict[str, Any] = {"images": "clean"}  # of rows with attacked images, which are slow
QUICK: dict[str, dict[str, Any]] = {
    "bnn": DENSE,
    "im": DENSE,
    "sin": DENSE,
    "laplace": DENSE,
    "resnet": {"epochs": 3},
    "pni": DENSE | CLEAN,
    "adv-bnn": DENSE | CLEAN,
    "flss": CNN | CLEAN,
    "l2p": CNN | CLEAN,
    "pinot": CNN,
    "rse": CNN,
    "se-snn": DENSE,
    "wca": {**CNN, "epochs": 8},
    "resize-pad": DENSE,
    "bart-lite": DENSE,
    "ensemble": DENSE,
    "hmc": {"options": {"hidden": (16,), "draws": 10, "warm_up_steps": 15, "tree_depth": 4}},
}


def pytest_collection() -> None:
    """Search for no garbage while modules are imported, which leaves none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Search among the objects of tests alone: those of modules stay."""
    gc.freeze()
    gc.enable()
    atexit.register(gc.unfreeze)  # the process ends as any other


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--trend-seeds", type=int, default=1, help="trainings of each test of a trend, from seed 0"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of a trend once for each seed: ``make trends`` says how often it holds."""
    if "trend_seed" in metafunc.fixturenames:
        metafunc.parametrize("trend_seed", range(metafunc.config.getoption("--trend-seeds")))


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Keep numbers of a trend by name, for the table of ``make trends``."""

    def keep(**values: float) -> None:
        for name, value in values.items():
            record_property(name, float(value))

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests of trends measured, over the seeds."""
    found: dict[str, list[float]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            test = report.nodeid.rpartition("::")[2].partition("[")[0]
            for name, value in report.user_properties if report.when == "call" else ():
                found.setdefault(f"{test}: {name}", []).append(value)
    if found and terminalreporter.config.getoption("--trend-seeds") > 1:
        terminalreporter.section("least, mean and most over the trainings")
        for name, values in sorted(found.items()):
            mean = sum(values) / len(values)
            terminalreporter.line(f"{min(values):8.3f} {mean:8.3f} {max(values):8.3f}  {name}")


@pytest.fixture
def as_users_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the checks of arguments' types, which run in tests alone."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def quiet(as_users_call: None) -> Iterator[None]:
    """Types are not checked before a function is called; warnings are no errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(autouse=True)
def clean_random_state(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give every test the same random state and an empty parameter store."""
    torch.manual_seed(0)
    pyro.clear_param_store()
    first_calls.begin((request.node.path, getattr(request.node, "originalname", None)))
    with pyro.validation_enabled(True):
        yield
    assert not list(pyro.get_param_store().keys()), "a test left parameters in Pyro's global store"


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def specs() -> dict[str, TrainingSpec]:
    return {model: preset(model, **settings) for model, settings in QUICK.items()}


class Trained(dict[str, StochasticClassifier]):
    """Small networks by the names of their models, each trained when it is first asked for."""

    def __init__(self, specs: dict[str, TrainingSpec], dataset: Dataset):
        super().__init__()
        self._specs, self._dataset = specs, dataset

    def __missing__(self, model: str) -> StochasticClassifier:
        self[model] = train(self._specs[model], self._dataset)
        return self[model]


@pytest.fixture(scope="session")
def classifiers(digits: Dataset, specs: dict[str, TrainingSpec]) -> dict[str, StochasticClassifier]:
    """Small networks of every model, trained on digits for a second each."""
    return Trained(specs, digits)


@pytest.fixture(scope="session")
def bnn(classifiers: dict[str, StochasticClassifier]) -> StochasticClassifier:
    return classifiers["bnn"]


@pytest.fixture(scope="session")
def checkpoint_path(
    bnn: StochasticClassifier,
    specs: dict[str, TrainingSpec],
    digits: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "bnn.safetensors"
    save_checkpoint(path, bnn, specs["bnn"], digits, test_accuracy=0.9)
    return path


@pytest.fixture(scope="session")
def smoothed_path(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small network that was trained with noise, for an epoch."""
    spec = preset("bnn", epochs=1, options={"hidden": (16, 16)}, smoothing_variance=0.1)
    path = tmp_path_factory.mktemp("smoothed") / "bnn.safetensors"
    save_checkpoint(path, train(spec, digits), spec, digits)
    return path


@pytest.fixture
def tiny_protocols(monkeypatch: pytest.MonkeyPatch) -> None:
    """The study of evaluation with the same attacks, and few steps and samples."""
    from support.studies import cut_protocols

    cut_protocols(monkeypatch)


@pytest.fixture(scope="session")
def fashion_mnist() -> Dataset:
    """The real FashionMNIST; skips where it is not on this machine (nothing is downloaded)."""
    roots = [os.environ.get("PYROSNN_DATA"), Path.home() / ".cache" / "pyrosnn"]
    for root in roots:
        if root and (Path(root) / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte").exists():
            return load_dataset("fashion-mnist", root)
    pytest.skip("FashionMNIST is not here; set PYROSNN_DATA to the folder that holds it")


@pytest.fixture(scope="session")
def cifar10() -> Dataset:
    """The real CIFAR-10; skips where it is not on this machine (nothing is downloaded)."""
    roots = [os.environ.get("PYROSNN_DATA"), Path.home() / ".cache" / "pyrosnn"]
    for root in roots:
        if root and (Path(root) / "cifar-10-batches-bin" / "test_batch.bin").exists():
            return load_dataset("cifar10", root)
    pytest.skip("CIFAR-10 is not here; set PYROSNN_DATA to the folder that holds it")
