"""How a result was made, for a report: settings, versions, digests, and the command."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from pyrosnn.reports import Code, Entries, Section, Text
from pyrosnn.results import read_provenance, read_spec, result_digest
from pyrosnn.results.threats import strength_in
from pyrosnn.tables import Table
from pyrosnn_studies import STUDIES

DIGESTS = ("model_digest", "dataset_digest")


def record_sections(result: xr.DataTree, file: Path) -> list[Section]:
    """Return the sections on how a result was made.

    Args:
        result: a result.
        file: its file, for the command.
    """
    entries = [Entries(title=title, entries=values) for title, values in records(result).items()]
    return [
        Section(anchor="settings", title="Settings", parts=entries[:1]),
        Section(anchor="versions", title="Versions and digests", parts=entries[1:]),
        Section(anchor="repeat", title="Repeat it", parts=_command(result, file)),
    ]


def settings_tables(result: xr.DataTree) -> list[Table]:
    """Return how a result was made as tables: settings, date, machine, versions and digests.

    Args:
        result: a result.
    """
    return [
        Table(title=title, columns=["name", "value"], rows=[*map(list, values.items())])
        for title, values in records(result).items()
    ]


def records(result: xr.DataTree) -> dict[str, dict[str, str]]:
    """Return how a result was made, in groups by their titles: texts by dotted names.

    Args:
        result: a result.
    """
    provenance = read_provenance(result)
    made = {name: value for name, value in provenance.items() if name not in DIGESTS}
    digests = {name: provenance[name] for name in DIGESTS if name in provenance}
    digests["result_digest"] = result_digest(result)
    return {
        "Settings of the evaluation": _flat(_with_fractions(read_spec(result))),
        "Date, model, data, machine and versions": _flat(made),
        "SHA-256": _flat(digests),
    }


def _command(result: xr.DataTree, file: Path) -> list[Text | Code]:
    study = str(result.attrs.get("study"))
    if study not in STUDIES:
        return [Text(paragraphs=[f"No command of this pyrosnn runs the study {study}."])]
    model = "" if STUDIES[study].needs == "nothing" else " --model MODEL"
    again = f"{file.stem}-again.nc"
    source = read_provenance(result).get("dataset_source")
    data = f" --dataset {_word(source)}" if model and source else ""
    with_report = "standard" in result.children  # evaluate writes it, too
    name = "evaluate" if with_report else "study run"
    command = f"pyrosnn {name} --like {_word(file.name)}{model}{data} --output {_word(again)}"
    parts: list[Text | Code] = [Code(lines=[command])]
    digest = read_provenance(result).get("model_digest")
    if model and digest:
        named = "MODEL is the checkpoint or function of the model with the digest above."
        parts.append(Text(paragraphs=[named]))
    return parts


def _word(text: str) -> str:
    return shlex.quote(str(text))


def _with_fractions(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with strengths as their norm is written, such as 8/255."""
    shown = dict(spec)
    if isinstance(strength := spec.get("strength"), float):
        shown["strength"] = strength_in(spec, strength)
    if isinstance(strengths := spec.get("strengths"), list):
        shown["strengths"] = [strength_in(spec, one) for one in strengths]
    return shown


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    """Return nested values as texts by dotted names."""
    return dict(_items(values, ""))


def _items(values: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _items(value, f"{above}{name}.")
        elif not name.startswith("_"):
            yield f"{above}{name}", _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        nested = any(isinstance(one, list | tuple) for one in value)
        return ", ".join(_shown(one).replace(", ", " ") if nested else _shown(one) for one in value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
