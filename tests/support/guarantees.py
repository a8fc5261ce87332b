"""Which guarantees of a contract are really checked."""

from collections.abc import Mapping
from typing import Any

import pytest

from pyrosnn.errors import resolve


def record_checks(monkeypatch: pytest.MonkeyPatch, module: str) -> list[str]:
    """Return a list that gets the name of every guarantee once its check has passed.

    Args:
        monkeypatch: undoes it.
        module: the module that resolves the checks from their table.
    """
    passed: list[str] = []

    def recording(table: Mapping[str, str], name: str, kind: str) -> Any:
        check = resolve(table, name, kind)

        def checked(*subject: Any) -> None:
            check(*subject)
            passed.append(name)

        return checked

    monkeypatch.setattr(f"{module}.resolve", recording)
    return passed
