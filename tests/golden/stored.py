"""The golden files: JSON for digests and tables, safetensors for arrays."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

FOLDER = Path(__file__).parent
VALUES, ARRAYS = FOLDER / "golden.json", FOLDER / "golden.safetensors"

Arrays = dict[str, dict[str, np.ndarray]]


@cache
def values() -> dict[str, Any]:
    """Return ``environment``, ``bits`` by case and name, and ``tables`` by file."""
    found: dict[str, Any] = json.loads(VALUES.read_text("utf-8"))
    return found


@cache
def arrays() -> Arrays:
    """Return rounded arrays, by case and name."""
    found: Arrays = {}
    for key, value in load_file(ARRAYS).items():
        case, name = key.split(":")
        found.setdefault(case, {})[name] = value
    return found


def write(content: dict[str, Any], rounded: Arrays) -> None:
    """Write both files, with a line for each array and table."""
    sections = []
    for section, entries in content.items():
        lines = (f"  {_json(name)}: {_json(entry)}" for name, entry in entries.items())
        sections.append(f" {_json(section)}: {{\n" + ",\n".join(lines) + "\n }")
    VALUES.write_text("{\n" + ",\n".join(sections) + "\n}\n", "utf-8")
    flat = {f"{case}:{name}": v for case, named in rounded.items() for name, v in named.items()}
    ARRAYS.write_bytes(save(flat))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
