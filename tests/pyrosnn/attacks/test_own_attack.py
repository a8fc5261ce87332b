"""An attack that is named: a function, an attack with its settings, or a class."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyrosnn.attacks import PGD, ExternalAttack
from pyrosnn.attacks.own_attack import find_attack, source_digest
from pyrosnn.errors import ArgumentError

MODULE = """
from dataclasses import dataclass
import pyrosnn
from pyrosnn.attacks import GradientAttack


def stay(module, x, y, strength):
    return x


def short(x):
    return x


linf = pyrosnn.PGD(norm="linf", steps=2, relative_step=0.6)


@dataclass(frozen=True, kw_only=True)
class Mine(GradientAttack):
    steps: int = 4

    def run(self, problem, strength):
        return 0 * problem.x


class Other:
    pass
"""

SHARED: dict[str, Any] = {"norm": "linf", "loss": "margin", "labels": "predicted"}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "own_attack_for_test.py"
    path.write_text(MODULE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield path
    sys.modules.pop("own_attack_for_test", None)


@pytest.mark.usefixtures("module")
def test_each_gets_the_settings_that_it_has() -> None:
    hidden = ("norm", "loss", "labels", "gradient", "precision", "strength", "clip", "function")
    row = find_attack("own_attack_for_test:stay")
    made = row.make(SHARED, {"fixed_samples": False})
    assert isinstance(made, ExternalAttack)
    assert (made.norm, made.labels, made.fixed_samples) == ("linf", "predicted", False)
    assert row.defaults(hidden=hidden) == {"fixed_samples": True}
    row = find_attack("own_attack_for_test:linf")
    assert row.make(SHARED, {"steps": 3, "relative_step": 0.5}) == PGD(
        **SHARED, steps=3, relative_step=0.5
    )
    assert row.defaults(hidden=hidden)["steps"] == 2
    row = find_attack("own_attack_for_test:Mine")
    assert row.make(SHARED, {}).options["steps"] == 4


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short", r"short cannot be called with \(module, x, y, strength\): too many positional"),
        ("Other", "Other is the class Other; expected a function"),
        ("Star", "unknown function of own_attack_for_test 'Star'; did you mean 'stay'"),
    ],
)
def test_what_is_no_attack(name: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        find_attack(f"own_attack_for_test:{name}")


@pytest.mark.usefixtures("module")
def test_a_study_that_contradicts_an_attack_is_refused() -> None:
    row = find_attack("own_attack_for_test:linf")
    with pytest.raises(ArgumentError, match="linf has norm 'linf', the study has 'l2'; give --nor"):
        row.make({**SHARED, "norm": "l2"}, {})


def test_the_source_has_a_digest(module: Path) -> None:
    find_attack("own_attack_for_test:stay")
    before = source_digest("own_attack_for_test:stay")
    module.write_text(MODULE + "# changed\n", "utf-8")
    assert source_digest("own_attack_for_test:stay") != before != ""
    assert source_digest("sys:exit") == ""
