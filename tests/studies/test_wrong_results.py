"""Tables of results that are none, of other studies or damaged: pyrosnn's own errors, or a table.

Every public function of the modules of tables is found by itself. Each is called with right
arguments but one or two, which hypothesis takes from ``support.wrong_values`` (``EXAMPLES`` calls),
with the results of all other studies, and with results of its own that lack something or have it in
another shape (``DAMAGED`` calls).
"""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_result import small_result
from support.standard_result import standard_result
from support.studies import smallest
from support.wrong_values import refuses

import pyrosnn_studies
from pyrosnn.data import load_dataset
from pyrosnn.errors import FAULT, ArgumentError, PyrosnnError
from pyrosnn.models import build_model
from pyrosnn.summaries import compare_results, explain
from pyrosnn.tables import Table
from pyrosnn_studies import STUDIES
from pyrosnn_studies.needs import needs

EXAMPLES, DAMAGED = 40, 60
# Modules with tables, by other names.
OTHERS = ("diagnosis_steps", "comparison", "explanation", "bounds_comparison")
REPRODUCTION = Path(__file__).parents[2] / "docs" / "reproduction"


def _modules() -> list[ModuleType]:
    names = [one.name for one in pkgutil.iter_modules(pyrosnn_studies.__path__)]
    tables = [name for name in names if name.endswith("tables")]
    return [importlib.import_module(f"pyrosnn_studies.{n}") for n in (*tables, *OTHERS)]


def _functions() -> dict[str, Callable[..., Any]]:
    """Return every public function of tables."""
    found: dict[str, Callable[..., Any]] = {}
    for module in _modules():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("_") and function.__module__ == module.__name__:
                found[f"{module.__name__.partition('.')[2]}.{name}"] = function
    return found


FUNCTIONS = _functions()

# Which study's result a module shows; all others those of attacked images.
SHOWN = {
    "ablation_tables": "ablation",
    "angles_tables": "gaussian-angles",
    "certificate_tables": "certificates",
    "conditions_tables": "conditions",
    "diagnosis_steps": "diagnosis in steps",
    "diagnosis_tables": "diagnosis",
    "inference_size_tables": "inference-size",
    "standard_tables": "evaluation",
    "variation_tables": "prediction-variance",
    "verification_tables": "verification",
}

# Right arguments, but the result, by their names.
ARGUMENTS: dict[str, Any] = {
    "values": xr.DataArray([0.5, 0.25], dims="repeat"),
    "means": xr.DataArray([0.5, 0.25], dims="repeat"),
    "images": 20,
    "value": 0.5,
    "form": ".3f",
    "name": "clean",
    "mean": 0.5,
    "sd": 0.1,
    "samples": 10,
    "strength": 0.5,
    "hdi_prob": 0.9,
}
ROW = {"clean": 0.85, "clean_low": 0.8, "clean_high": 0.9}


@cache
def _result(study: str) -> xr.DataTree:
    """Return the result of a study at its smallest."""
    if study == "evaluation":
        return standard_result(40, certified=True)
    if study == "sample-size":
        return small_result()
    digits = load_dataset("digits")
    options = {"hidden": (3,)}
    classifier = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options=options)
    name, _, steps = study.partition(" in ")
    made, spec, subject = smallest(name, classifier, digits)
    if steps:
        changes = {
            "attack": "pgd",
            "attack_options": {"steps": 2, "relative_step": 1.0},
            "attack_samples": (1, 2),
        }
        assert subject is not None
        spec = made.make_spec(
            "quick", digits, subject.training, images=7, num_samples=40, repeats=2,
            inference_samples=3, **changes,
        )  # fmt: skip
    return made.run(spec, subject)


EVERY = (*STUDIES, "diagnosis in steps")


@cache
def _compared() -> dict[str, dict[str, Any]]:
    """Return right arguments of what shows two results, by modules."""
    sizes, standard = _result("sample-size"), _result("evaluation")
    compared = compare_results(sizes, sizes)
    by_size = compared.at_equal_size()
    return {
        "comparison": {
            "compared": compared,
            "by_size": by_size,
            "by_reach": compared.at_equal_reach(),
            "confidence": 0.9,
            "row": by_size.iloc[0],
            "level": "90 %",
            "where": "at S_A = 5",
            "rough": False,
            "said": "more robust",
        },
        "explanation": {
            "explained": explain(standard, standard),
            "first": standard,
            "second": standard,
            "one": xr.Dataset({"change": 0.1, "change_low": 0.0, "change_high": 0.2}),
            "name": "change",
            "judge": "robust_at_10",
        },
        "bounds_comparison": {"results": [standard, standard], "confidence": 0.9},
    }


def _right(name: str) -> dict[str, Any]:
    """Return right arguments of a function."""
    module, _, function = name.partition(".")
    if module in OTHERS[1:]:
        known = {"names": ["first", "second"], **_compared()[module]}
        return {one: known[one] for one in inspect.signature(FUNCTIONS[name]).parameters}
    right: dict[str, Any] = {}
    for parameter in inspect.signature(FUNCTIONS[name]).parameters:
        if parameter == "result":
            right[parameter] = _result(SHOWN.get(module, "sample-size"))
        elif (function, parameter) == ("percent", "values"):
            right[parameter] = ROW
        else:
            right[parameter] = ARGUMENTS[parameter]  # a new argument needs a line there
    return right


OF_A_RESULT = [
    name
    for name, function in FUNCTIONS.items()
    if "result" in inspect.signature(function).parameters
]


def test_tables_are_found() -> None:
    """Those of every study, so that none is left out below."""
    named = {
        entry.tables.replace("pyrosnn_studies.", "").replace(":", ".") for entry in STUDIES.values()
    }
    assert named <= set(OF_A_RESULT)
    assert set(SHOWN) <= {module.__name__.partition(".")[2] for module in _modules()}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_wrong_types_are_refused_in_words(name: str) -> None:
    function, right = FUNCTIONS[name], _right(name)
    function(**right)
    refuses(function, right, EXAMPLES)


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", OF_A_RESULT)
def test_results_of_other_studies_are_refused_in_words(name: str) -> None:
    right = _right(name)
    for study in EVERY:
        with suppress(PyrosnnError):
            FUNCTIONS[name](**{**right, "result": _result(study)})


@st.composite
def damaged(draw: st.DrawFn, result: xr.DataTree) -> xr.DataTree:
    """Lose, or change the shape or the type of, something that the result's study writes."""
    copy = result.copy(deep=True)
    group = draw(st.sampled_from(sorted(map(str, copy.children))))
    values = copy[group].to_dataset()
    variable = draw(st.sampled_from(sorted(map(str, values.variables))))
    dim = draw(st.sampled_from(sorted(map(str, values.dims)) or [""]))
    kind = draw(st.sampled_from(["variable", "dimension", "empty", "coordinates", "type", "spec"]))
    if kind == "spec":
        for place in ("spec", "provenance"):
            recorded = json.loads(copy.attrs[place])
            lost = draw(st.sampled_from([*sorted(recorded), "all"]))
            kept = {} if lost == "all" else {k: v for k, v in recorded.items() if k != lost}
            copy.attrs[place] = json.dumps(kept)
        return copy
    if kind == "variable":
        values = values.drop_vars(variable)
    elif kind == "dimension" and dim:
        values = values.isel({dim: 0}, drop=draw(st.booleans()))
    elif kind == "empty" and dim:
        values = values.isel({dim: slice(0)})
    elif kind == "coordinates":
        values = values.reset_index(list(values.indexes), drop=True)
    elif kind == "type":
        with suppress(ValueError):  # words are no complex numbers
            values[variable] = values[variable].astype(
                draw(st.sampled_from(["U", "complex64", "O"]))
            )
    copy[group] = xr.DataTree(values)
    return copy


def _lost(before: xr.DataTree, after: xr.DataTree) -> set[str]:
    """Return the variables and entries that a result has no longer, its dimensions being there."""
    if any(set(before[group].dims) != set(after[group].dims) for group in before):
        return set()
    records = {
        name
        for place in ("spec", "provenance")
        for name in set(json.loads(before.attrs[place])) - set(json.loads(after.attrs[place]))
    }
    return records.union(*(set(before[g].variables) - set(after[g].variables) for g in after))


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", OF_A_RESULT)
def test_damaged_results_are_refused_in_words(name: str) -> None:
    right, refused, blamed = _right(name), [], []

    @settings(max_examples=DAMAGED)
    @given(damaged(right["result"]))
    def check(result: xr.DataTree) -> None:
        lost = _lost(right["result"], result)
        try:
            FUNCTIONS[name](**{**right, "result": result})
        except PyrosnnError as error:
            refused.append(str(error))
            if lost and FAULT in str(error):
                blamed.append((lost, str(error)))

    check()
    assert not blamed
    # some of what is lost is needed, but where the norm alone is read
    assert refused or name == "tables.strength_of"


def test_a_fault_of_ours_is_not_blamed_on_the_file_alone() -> None:
    @needs("evaluation")
    def faulty(result: xr.DataTree) -> None:
        raise TypeError("'NoneType' object is not iterable")

    with pytest.raises(ArgumentError, match=f"or {FAULT} .*'NoneType'.*PYROSNN_TRACEBACK=1") as it:
        faulty(small_result())
    assert isinstance(it.value.__cause__, TypeError)


def test_an_error_names_what_a_table_lacks() -> None:
    result = small_result()
    without = xr.DataTree(result["evaluation"].to_dataset().drop_vars("adversarial_correct"))
    lost = result.copy()
    lost["evaluation"] = without
    with pytest.raises(
        PyrosnnError, match=r"^the result lacks adversarial_correct; run the study again$"
    ):
        FUNCTIONS["tables.size_tables"](lost)
    turned = result.copy()
    values = result["evaluation"].to_dataset()
    turned["evaluation"] = xr.DataTree(values.transpose("strength", ...))
    with pytest.raises(PyrosnnError, match="'evaluation' of the result is not as its study writes"):
        FUNCTIONS["tables.size_tables"](turned)
    (table,) = FUNCTIONS["variation_tables.variation_tables"](_result("prediction-variance"))
    assert isinstance(table, Table)
    assert np.isfinite(table.numbers(1)[0].value)
