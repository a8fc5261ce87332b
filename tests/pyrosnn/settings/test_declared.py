"""What is read from a source is what the running class declares."""

import dataclasses
import importlib
import inspect
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from pyrosnn.attacks import ATTACKS
from pyrosnn.models import MODELS, model_settings
from pyrosnn.networks import NETWORKS
from pyrosnn.noise import NOISES
from pyrosnn.settings import Kind, OneOf, declared, kind_of, options_of
from pyrosnn.settings.docstring import summary
from pyrosnn.settings.marks import INTERNAL
from pyrosnn.settings.source import Source, Table
from pyrosnn.training.images import IMAGES
from pyrosnn.training.regularisers import REGULARISERS
from pyrosnn_cli.main import RUNS
from pyrosnn_cli.study import StudyRun
from pyrosnn_studies import STUDIES

CLASSES = {
    *NOISES.values(),
    *(f"{attack.__module__}:{attack.__name__}" for attack in ATTACKS.values()),
    *IMAGES.values(),
    *REGULARISERS.values(),
    *(entry.settings for entry in STUDIES.values()),
    "pyrosnn.training.spec:TrainingSpec",
    "pyrosnn_cli.options:SubjectOptions",
    "pyrosnn_cli.train:TrainingRun",
    "pyrosnn_cli.study:StudyRun",
    "pyrosnn_cli.study_all:AllRun",
    "pyrosnn_cli.study_file:FileRun",
    "pyrosnn_cli.diagnose:DiagnosisRun",
}


def load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def same(found: Kind, expected: Kind) -> bool:
    """Compare kinds; a table that was read is not the same object, but has the same names."""
    plain = [
        [mark for mark in kind.marks if not hasattr(mark, "table")] for kind in (found, expected)
    ]
    types = [(kind.type, kind.many, kind.optional, kind.choices) for kind in (found, expected)]
    return plain[0] == plain[1] and types[0] == types[1]


@pytest.mark.parametrize("path", sorted(CLASSES))
def test_a_dataclass_is_read_as_it_runs(path: str) -> None:
    cls = load(path)
    hints = get_type_hints(cls, include_extras=True)
    fields = {
        field.name: field
        for field in dataclasses.fields(cls)
        if INTERNAL not in kind_of(hints[field.name]).marks
    }
    if path in NOISES.values():
        fields = {name: field for name, field in fields.items() if not field.kw_only}
    found = declared(path)
    assert [one.name for one in found] == list(fields)
    for one in found:
        field = fields[one.name]
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        assert one.default == default
        assert same(one.kind, kind_of(hints[one.name])), one.name
        assert one.help, f"{one.name} has no line in the docstring"
        assert one.panel, f"{one.name} has no panel"


@pytest.mark.parametrize("network", NETWORKS)
def test_a_function_is_read_as_it_runs(network: str) -> None:
    function = load(NETWORKS[network])
    hints = get_type_hints(function, include_extras=True)
    parameters = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is not one.empty
    ]
    found = declared(NETWORKS[network])
    assert [(one.name, one.default) for one in found] == [(p.name, p.default) for p in parameters]
    for one in found:
        assert same(one.kind, kind_of(hints[one.name]))
        assert one.help


@pytest.mark.parametrize("model", MODELS)
def test_no_option_of_a_training_has_the_name_of_another(model: str) -> None:
    for images in IMAGES:
        chosen = {"images": images, "regulariser": list(REGULARISERS)}
        names = [one.name for one in model_settings(model)]
        names += [one.name for one in options_of("pyrosnn.training.spec:TrainingSpec", chosen)]
        names += [one.name for one in options_of("pyrosnn_cli.train:TrainingRun")]
        names += [one.name for one in options_of("pyrosnn_cli.options:DataOptions")]
        assert len(names) == len(set(names))


def _group_of(study: str) -> str:
    """Return the options of the run of the command that is the study with more."""
    groups = {of: group for of, group in RUNS.values()}
    group = groups.get(study, StudyRun)
    return f"{group.__module__}:{group.__qualname__}"


@pytest.mark.parametrize("study", STUDIES)
def test_no_option_of_a_study_has_the_name_of_another(study: str) -> None:
    for attack in ATTACKS:
        names = [one.name for one in options_of(STUDIES[study].settings, {"attack": attack})]
        for group in {_group_of(study), "pyrosnn_cli.study:StudyRun"}:
            options = [one.name for one in options_of(group)]
            assert len({*names, *options}) == len(names) + len(options)
        names += [one.name for one in options_of(_group_of(study))]
        names += [one.name for one in options_of("pyrosnn_cli.options:SubjectOptions")]
        assert len(names) == len(set(names))


def test_a_row_that_is_added_to_a_loaded_table_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NOISES, "mine", "outside.noise:LaplaceNoise")
    monkeypatch.setitem(ATTACKS, "mine", ATTACKS["pgd"])
    assert Table("pyrosnn.noise", "NOISES")["mine"] == "outside.noise:LaplaceNoise"
    assert Table("pyrosnn.attacks", "ATTACKS")["mine"] == "pyrosnn.attacks.pgd:PGD"


def test_a_table_of_a_module_that_is_not_loaded_is_read(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "unloaded_rows.py").write_text(
        "import torch\nfrom outside.noise import LaplaceNoise\n"
        'ROWS: dict[str, object] = {"a": LaplaceNoise, "b": "x:Y", "c": torch.relu}\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    table = Table("unloaded_rows", "ROWS")
    assert dict(table) == {"a": "outside.noise:LaplaceNoise", "b": "x:Y", "c": None}
    assert "unloaded_rows" not in sys.modules


def test_a_class_of_a_notebook_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass
    class Typed:
        """Typed in.

        Attributes:
            size: number of things.
        """

        size: int = 3

    monkeypatch.setattr(sys.modules["__main__"], "Typed", Typed, raising=False)
    (one,) = declared("__main__:Typed")
    assert (one.name, one.default, one.help) == ("size", 3, "number of things.")


def test_names_are_looked_up_as_python_does(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "named_elsewhere.py").write_text("from pyrosnn.noise import NOISES\nSIZE = 2 * 3\n")
    (tmp_path / "names_here.py").write_text(
        "from typing import TYPE_CHECKING, Annotated\n"
        "from dataclasses import dataclass\n"
        "from named_elsewhere import NOISES, SIZE\n"
        "from pyrosnn.settings import OneOf\n"
        "if TYPE_CHECKING:\n    from torch import Tensor\n"
        "Name = Annotated[str, OneOf(NOISES)]\n"
        "@dataclass\nclass Made:\n    '''Made.\n\n    Args:\n        noise: its noise.\n    '''\n"
        "    noise: Name = 'input'\n    size: int = SIZE\n    tensor: 'Tensor | None' = None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    noise, size, tensor = declared("names_here:Made")
    assert noise.kind.choices == tuple(NOISES)
    assert isinstance(noise.kind.mark(OneOf), OneOf)
    assert (size.default, tensor.kind.type) == (6, None)
    assert Source.of("names_here").find("Tensor") is not None


def test_a_help_is_the_first_sentence() -> None:
    text = "norm of δ, see :class:`~pyrosnn.attacks.Norm` or ``NORMS``. It bounds δ."
    assert summary(text) == "Norm of δ, see pyrosnn.attacks.Norm or NORMS."
    assert summary("cpu, cuda, cuda:1 …") == "Cpu, cuda, cuda:1 …"
