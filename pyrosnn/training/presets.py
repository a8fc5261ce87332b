"""Presets: training settings as data."""

from dataclasses import fields
from typing import Any

from pyrosnn.errors import row_of, unknown_name
from pyrosnn.models import find_row
from pyrosnn.settings import checked_arguments
from pyrosnn.settings.presets import load_presets, row_preset
from pyrosnn.training.spec import TrainingSpec

PACKAGE = "pyrosnn.training"


def preset_names() -> list[str]:
    """Return the names of the training presets.

    Example:
        >>> preset_names()
        ['quick', 'paper']
    """
    return list(load_presets(PACKAGE))


@checked_arguments
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
    base = row_of(load_presets(PACKAGE), name, "preset")
    known = [field.name for field in fields(TrainingSpec)]
    for change in changes:
        if change not in known:
            raise unknown_name("setting", change, known)
    settings = row_preset(base, model)
    options = changes.get("options", {})
    own = find_row(model).network if model else None
    if options.get("network") in (None, own):  # the preset's are those of the row's own network
        options = {**settings.get("options", {}), **options}
    changes["options"] = options
    return TrainingSpec(**{**settings, "model": model, **changes})
