"""Wrong types and shapes end in pyrosnn's own errors, at every public function and class.

Summaries, statistics, plots and studies have such tests beside them.

Each of them is called with right arguments but one or two, which hypothesis takes from
``support.wrong_values``: ``EXAMPLES`` calls of each.
"""

import dataclasses
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from support.wrong_values import refuses

import pyrosnn
from pyrosnn import attacks, evaluation, sampling, tables
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import resolve
from pyrosnn.models import build_model
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.networks.dense import dense
from pyrosnn.noise.dropout import Dropout
from pyrosnn.sampling import Origin

EXAMPLES = 40

Arguments = Mapping[str, Any]


def _subject() -> dict[str, Any]:
    digits = pyrosnn.load_dataset("digits")
    few = Dataset(
        name="few",
        x_train=digits.x_train[:10],
        y_train=digits.y_train[:10],
        x_test=digits.x_test[:3],
        y_test=digits.y_test[:3],
        num_classes=10,
    )
    spec = pyrosnn.preset("bnn", epochs=1, options={"hidden": (3,)})
    classifier = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options={"hidden": (3,)})
    x, y = few.test_images(3)
    a, i = pyrosnn.disjoint_sample_sets(classifier, x, attack=2, inference=3, seed=0)
    attack = pyrosnn.FGM(strength=0.5)
    sets: dict[str, Any] = {"attack_samples": a, "inference_samples": i}
    values = pyrosnn.evaluate(classifier, x, y, attack=attack, **sets)
    result = attack(classifier, x, y, a)
    made = {"dataset_digest": few.digest, "dataset": "few"}
    tree = pyrosnn.make_result(values, study="mine", spec={}, provenance=made)
    return {
        "classifier": classifier,
        "x": x,
        "y": y,
        "dataset": few,
        "spec": spec,
        "samples": a,
        "inference": i,
        "sets": sets,
        "attack": attack,
        "values": values,
        "result": result,
        "tree": tree,
        "geometry": pyrosnn.attack_geometry(classifier, x, y, result, i),
    }


def _calls(folder: Path) -> dict[str, tuple[Callable[..., Any], Arguments]]:
    """Return every public function and class, with right arguments."""
    s = _subject()
    batch = {name: s[name] for name in ("classifier", "x", "y")}
    of_x = {"classifier": s["classifier"], "x": s["x"]}
    attacked = {**batch, "samples": s["samples"]}
    checkpoint = folder / "model.safetensors"
    pyrosnn.save_checkpoint(checkpoint, s["classifier"], s["spec"], s["dataset"])
    file = folder / "result.nc"
    pyrosnn.save_results(file, s["tree"])
    common = {"strength": 0.5, "norm": "l2", "labels": "true", "clip": (0.0, 1.0)}
    loss = {"loss": "margin", "gradient": "mean_loss", "precision": "full"}
    meaned = {"loss": "margin", "gradient": "mean_logits"}
    moments = {"num_samples": 40, "inference_samples": 5, "seed": 0, "block": 0}
    drawn = {"seed": 0, "repeat": 0, "block": 0, "memory_budget": 10**6}
    weights = {"w": torch.zeros(2, 1, 3)}
    geometry = {"geometry": s["geometry"], "attack": s["result"]}
    return {
        "FGM": (pyrosnn.FGM, {**common, **loss}),
        "PGD": (pyrosnn.PGD, {**common, **loss, "steps": 5, "relative_step": 0.3, "restarts": 1}),
        "SPSA": (pyrosnn.SPSA, {**common, **loss, "directions": 2, "radius": 0.1}),
        "APGD": (pyrosnn.APGD, {**common, **loss, "steps": 5, "restarts": 1, "targets": 2}),
        "MIM": (pyrosnn.MIM, {**common, **loss, "steps": 5, "momentum": 0.5}),
        "RandomNoise": (pyrosnn.RandomNoise, {**common, "draws": 2, "selection_samples": 3}),
        "noise_free": (pyrosnn.noise_free, {"classifier": s["classifier"]}),
        "enumerated": (
            pyrosnn.enumerated,
            {
                "classifier": build_model("ensemble", image_shape=(1, 2, 2), num_classes=2),
                "stream": "attack",
            },
        ),
        "ExternalAttack": (pyrosnn.ExternalAttack, {**common, **meaned, "function": _stay}),
        "AttackResult": (pyrosnn.AttackResult, _fields(s["result"])),
        "Geometry": (pyrosnn.Geometry, _fields(s["geometry"])),
        "Finding": (
            pyrosnn.Finding,
            {"name": "x", "status": "pass", "value": 1.0, "message": "fine"},
        ),
        "Dataset": (Dataset, _fields(s["dataset"])),
        "SampleSet": (
            pyrosnn.SampleSet,
            {"origin": Origin(seed=0, stream="attack", stop=2), "stored": weights},
        ),
        "Composed": (
            pyrosnn.Composed,
            {
                "network": dense((1, 8, 8), 10, hidden=(3,)),
                "noise": [Dropout(0.5, places=["layer_0"])],
                "output": "probs",
                "objective": "elbo",
            },
        ),
        "MatrixNormal": (
            pyrosnn.MatrixNormal,
            {"loc": torch.zeros(2, 3), "row_scale": torch.ones(2), "column_scale": torch.ones(3)},
        ),
        "TrainingSpec": (pyrosnn.TrainingSpec, _fields(s["spec"])),
        "Checkpoint": (pyrosnn.Checkpoint, _fields(pyrosnn.load_checkpoint(checkpoint))),
        "accuracy": (
            pyrosnn.accuracy,
            {**batch, "num_samples": 2, "seed": 0, "repeat": 0, "block_size": 2},
        ),
        "attack_geometry": (
            pyrosnn.attack_geometry,
            {**batch, "attack": s["result"], "samples": s["inference"]},
        ),
        "attack_spec": (pyrosnn.attack_spec, {"attack": s["attack"]}),
        "check_model": (
            pyrosnn.check_model,
            {
                "classifier": s["classifier"],
                "x": s["dataset"].x_train,
                "y": s["dataset"].y_train,
                "attack": s["attack"],
                "attack_samples": 2,
                "inference_samples": 3,
                "seed": 0,
            },
        ),
        "load_model": (pyrosnn.load_model, {"name": "digits/bnn", "device": "cpu"}),
        "explain": (
            pyrosnn.explain,
            {"first": s["tree"], "second": s["tree"], "strength": 0.5, "confidence": 0.9},
        ),
        "certify": (
            pyrosnn.certify,
            {
                **batch,
                "classifier": Smoothed(s["classifier"], variance=0.1),
                "certificates": ["votes"],
                "num_samples": 4,
                "selection_samples": 2,
                "alpha": 0.1,
                "distances": [0.0],
                "inference_samples": 2,
                "seed": 0,
                "block": 0,
                "first_example": 0,
            },
        ),
        "verify": (
            pyrosnn.verify,
            {
                **batch,
                "samples": s["inference"],
                "strengths": [0.0, 0.1],
                "norm": "l2",
                "method": "ibp",
                "clip": None,
                "alpha": 0.1,
                "attack": s["attack"],
                "first_example": 0,
            },
        ),
        "check_result": (pyrosnn.check_result, {"result": s["tree"]}),
        "combine": (pyrosnn.combine, {"parts": [s["values"]], "dim": "strength"}),
        "combine_repeats": (pyrosnn.combine_repeats, {"parts": [s["values"]], "first": 0}),
        "disjoint_sample_sets": (
            pyrosnn.disjoint_sample_sets,
            {**of_x, **drawn, "attack": 2, "inference": 3},
        ),
        "draw_sample_set": (
            pyrosnn.draw_sample_set,
            {**of_x, **drawn, "num_samples": 2, "stream": "mine", "start": 0},
        ),
        "evaluate": (
            pyrosnn.evaluate,
            {
                **batch,
                **s["sets"],
                "attack": s["attack"],
                "strengths": [0.0, 0.5],
                "attack_sizes": [1, 2],
                "inference_sizes": [1, 3],
                "smoothness": [1.0],
                "judged_bounds": (0.0, 1.0),
                "first_example": 0,
            },
        ),
        "fit": (
            pyrosnn.fit,  # in place
            {"classifier": deepcopy(s["classifier"]), "dataset": s["dataset"], "epochs": 1},
        ),
        "interval_condition": (pyrosnn.interval_condition, {**geometry, "variance": 0.1}),
        "linear_condition": (pyrosnn.linear_condition, geometry),
        "smooth_condition": (pyrosnn.smooth_condition, {**geometry, "smoothness": 1.0}),
        "load_checkpoint": (pyrosnn.load_checkpoint, {"path": checkpoint, "device": "cpu"}),
        "load_dataset": (pyrosnn.load_dataset, {"name": "digits", "root": folder}),
        "make_result": (
            pyrosnn.make_result,
            {"dataset": s["values"], "study": "mine", "spec": {}, "provenance": {}},
        ),
        "open_results": (pyrosnn.open_results, {"path": file}),
        "preset": (pyrosnn.preset, {"model": "bnn", "name": "quick", "epochs": 1}),
        "save_checkpoint": (
            pyrosnn.save_checkpoint,
            {
                "path": checkpoint,
                "classifier": s["classifier"],
                "spec": s["spec"],
                "dataset": s["dataset"],
                "test_accuracy": 0.5,
                "overwrite": True,
            },
        ),
        "save_results": (
            pyrosnn.save_results,
            {"path": file, "result": s["tree"], "overwrite": True},
        ),
        "to_module": (
            pyrosnn.to_module,
            {
                "classifier": s["classifier"],
                "samples": s["samples"],
                "output": "logits",
                "precision": "full",
            },
        ),
        "train": (
            pyrosnn.train,
            {"spec": s["spec"], "dataset": s["dataset"], "device": "cpu"},
        ),
        "an attack": (s["attack"], attacked),
        "a module": (pyrosnn.to_module(s["classifier"], s["samples"]), {"x": s["x"]}),
        "attacks.loss_gradient": (attacks.loss_gradient, {**attacked, **loss}),
        "sampling.predict": (sampling.predict, {**of_x, "samples": s["samples"]}),
        "evaluation.gradient_moments": (
            evaluation.gradient_moments,
            {**batch, "num_samples": 2, "seed": 0, "block": 0},
        ),
        "evaluation.attack_moments": (
            evaluation.attack_moments,
            {**batch, **moments, "attack": s["attack"]},
        ),
        **_tables(),
    }


def _tables() -> dict[str, tuple[Callable[..., Any], Arguments]]:
    """Return tables, and the functions that write them: what was made is also written."""
    number = tables.Number(value=70.5, form=".1f", low=63.5, high=76.25)
    table = tables.Table(title="Accuracy", columns=["model", "clean"], rows=[["bnn", number]])
    document = tables.Document(heading=["A heading."], tables=[table], closing=["An end."])

    def in_every_format(made: tables.Document) -> None:
        for name in tables.FORMATS:
            tables.written(made, name)

    def number_made(**fields: Any) -> None:
        cell = tables.Number(**fields)
        in_every_format(_of_one(tables.Table(title="", columns=["n"], rows=[[cell]])))

    def table_made(**fields: Any) -> None:
        in_every_format(_of_one(tables.Table(**fields)))

    def document_made(**fields: Any) -> None:
        in_every_format(tables.Document(**fields))

    writers = {name: resolve(tables.FORMATS, name, "format") for name in tables.FORMATS}
    return {
        "tables.Number": (number_made, _fields(number)),
        "tables.Table": (table_made, _fields(table)),
        "tables.Document": (document_made, _fields(document)),
        "tables.written": (tables.written, {"document": document, "name": "csv"}),
        **{f"tables.{name}": (write, {"document": document}) for name, write in writers.items()},
    }


def _of_one(table: tables.Table) -> tables.Document:
    return tables.Document(tables=[table])


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _stay(module: Any, x: Any, y: Any, strength: Any) -> Any:
    return x


# classes to derive from, the base of errors, tables, and modules
NOT_CALLED = {
    *("Attack", "StochasticClassifier", "PyrosnnError", "CHECKS", "DATASETS", "MODELS"),
    *("attacks", "checks", "conditions", "plots", "summaries"),
}
PUBLIC = sorted(set(pyrosnn.__all__) - NOT_CALLED)
OTHERS = [
    "an attack",
    "a module",
    "attacks.loss_gradient",
    "sampling.predict",
    "evaluation.gradient_moments",
    "evaluation.attack_moments",
    *(f"tables.{name}" for name in ("Number", "Table", "Document", "written", *tables.FORMATS)),
]
# every call that is made takes a second
LONG = {"check_model"}


@pytest.fixture(autouse=True)
def within_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are drawn at random."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Callable[..., Any], Any]]:
    return _calls(tmp_path_factory.mktemp("wrong"))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in [*PUBLIC, *OTHERS]],
)
def test_wrong_types_and_shapes_are_refused_in_words(name: str, calls: dict[str, Any]) -> None:
    function, right = calls[name]
    function(**right)
    refuses(function, right, EXAMPLES)
