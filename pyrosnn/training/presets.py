"""Presets: training settings as data."""

import tomllib
from dataclasses import fields
from importlib import resources
from typing import Any

from pyrosnn.errors import unknown_name
from pyrosnn.training.spec import TrainingSpec

# Table of a preset that holds what single models have in place of its other settings.
OF_MODELS = "of"


def _load_presets() -> dict[str, Any]:
    text = resources.files("pyrosnn.training").joinpath("presets.toml").read_text("utf-8")
    return tomllib.loads(text)


def preset_names() -> list[str]:
    """Return the names of the training presets.

    Example:
        >>> preset_names()
        ['quick', 'paper']
    """
    return [name for name, value in _load_presets().items() if isinstance(value, dict)]


def preset(model: str, name: str = "quick", **changes: Any) -> TrainingSpec:
    """Return the training settings of a preset for a model, with some of them changed.

    Args:
        model: a name in ``MODELS``; empty for a classifier of one's own, see ``fit``.
        name: ``quick`` (digits, seconds) or ``paper`` (FashionMNIST and CIFAR-10, supplement B).
        changes: fields of :class:`TrainingSpec` that differ from the preset.

    Raises:
        UnknownNameError: for an unknown model or preset.
        ArgumentError: for a value out of range.

    Example:
        >>> preset("bnn", "paper", epochs=2).epochs
        2
        >>> preset("resnet", "paper").optimizer
        'sgd'
    """
    names = preset_names()
    if name not in names:
        raise unknown_name("preset", name, names)
    known = [field.name for field in fields(TrainingSpec)]
    for change in changes:
        if change not in known:
            raise unknown_name("setting", change, known)
    settings = dict(_load_presets()[name])
    own = settings.pop(OF_MODELS, {}).get(model, {})  # what the preset has for this model alone
    changes["options"] = {**own.get("options", {}), **changes.get("options", {})}
    return TrainingSpec(**{**settings, **own, "model": model, **changes})
