"""Presets: settings as data, in a package's ``presets.toml``, read without the package."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from pyrosnn.settings.kinds import shown
from pyrosnn.settings.marks import Default
from pyrosnn.settings.options import Option
from pyrosnn.settings.source import file_of

PRESETS = ("quick", "paper")

# Table of a preset that holds what single rows have in place of its other settings.
OF_ROWS = "of"


@cache
def load_presets(package: str) -> dict[str, Any]:
    """Return the tables of a package's ``presets.toml``.

    Args:
        package: name of the package, which is not imported.
    """
    return tomllib.loads(file_of(package).with_name("presets.toml").read_text("utf-8"))


def row_preset(preset: dict[str, Any], row: str) -> dict[str, Any]:
    """Return a preset's settings for a row: those of all, and in their place the row's own."""
    common = {key: value for key, value in preset.items() if key != OF_ROWS}
    return {**common, **preset.get(OF_ROWS, {}).get(row, {})}


def with_presets(
    options: Sequence[Option], presets: Mapping[str, Mapping[str, Any]]
) -> list[Option]:
    """Return options whose defaults are those of presets, in words.

    Args:
        options: the options; a default in words of their own stays.
        presets: the settings of each preset by its name.
    """
    return [
        replace(option, default=_in_words(option, presets))
        if presets and not option.kind.mark(Default)
        else option
        for option in options
    ]


def _in_words(option: Option, presets: Mapping[str, Mapping[str, Any]]) -> str:
    texts = {name: _text(option, preset) for name, preset in presets.items()}
    first, *others = texts
    differ = [f"{name}: {texts[name]}" for name in others if texts[name] != texts[first]]
    return "; ".join([texts[first] or "none", *differ]) if any(texts.values()) else ""


def _text(option: Option, preset: Mapping[str, Any]) -> str:
    value: Any = preset
    for key in option.path:
        if not isinstance(value, Mapping) or key not in value:
            return option.default
        value = value[key]
    return shown(list(value)) if option.terms else shown(value)
