"""A referee for changes that are to change nothing; ``golden.rules`` says what that means."""

import json
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from golden import rules, stored
from golden.cases import CASES, KEPT, Values, checkpoint_path, classifier_of, images
from golden.tables import results, table_near
from safetensors import safe_open

import pyrosnn


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums have the order that one thread gives them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def found(case: str) -> Values:
    """Compute a case once for both its tests, which stand side by side."""
    return CASES[case](images())


def test_the_golden_files_have_all_cases() -> None:
    assert set(stored.arrays()) == set(CASES)
    assert set(stored.values()["tables"]) == set(results())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, scope="module")
def test_values_to_rounding(case: str) -> None:
    values, golden = found(case), stored.arrays()[case]
    assert set(values.rounded) == set(golden)
    differ = {
        name: rules.rounded_near(golden[name], values.rounded[name], slack=values.slack)
        for name in golden
    }
    kept = stored.values()["bits"].get(case, {})
    assert set(values.bits) == set(kept)
    differ |= {name: rules.bits_near(kept[name], rules.bits(values.bits[name])) for name in kept}
    assert not {name: text for name, text in differ.items() if text is not None}


@pytest.mark.slow
@pytest.mark.parametrize("case", stored.values()["bits"], scope="module")
def test_values_bit_for_bit(case: str) -> None:
    if rules.environment() != stored.values()["environment"]:
        pytest.skip("the arithmetic here is not that of the golden files")
    kept = stored.values()["bits"][case]
    assert {name: rules.bits(value) for name, value in found(case).bits.items()} == kept


@pytest.mark.parametrize("name", KEPT)
def test_checkpoints_mean_what_they_meant(name: str) -> None:
    with safe_open(checkpoint_path(name), "numpy") as file:
        header = json.loads(file.metadata()["pyrosnn"])
    checkpoint = pyrosnn.load_checkpoint(checkpoint_path(name))
    written = header["spec"]
    options = json.loads(json.dumps(dict(checkpoint.spec.options)))
    settings = {key: getattr(checkpoint.spec, key) for key in written if key != "options"}
    assert json.loads(json.dumps(settings)) == {k: v for k, v in written.items() if k != "options"}
    assert {key: options.get(key) for key in written["options"]} == written["options"]
    for key in ("dataset", "dataset_digest", "test_accuracy", "versions"):
        assert getattr(checkpoint, key) == header[key]


@pytest.mark.parametrize("name", KEPT)
def test_a_checkpoint_has_the_digest_that_its_header_names(name: str) -> None:
    from pyrosnn.training.checkpoints import model_digest

    with safe_open(checkpoint_path(name), "numpy") as file:
        header = json.loads(file.metadata()["pyrosnn"])
    assert model_digest(classifier_of(name)) == header["model_digest"]


@pytest.mark.slow
@pytest.mark.parametrize("path", stored.values()["tables"])
def test_summaries_say_the_same(path: str) -> None:
    difference = table_near(stored.values()["tables"][path], path)
    assert difference is None, difference
