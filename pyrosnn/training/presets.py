"""Presets: training settings as data."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from pyrosnn.errors import require, row_of, unknown_name
from pyrosnn.models import find_row, is_sampled
from pyrosnn.settings import checked_arguments
from pyrosnn.settings.presets import load_presets, row_preset
from pyrosnn.training.options import OF_CHAINS, SAMPLED
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
        changes: fields of :class:`TrainingSpec` that differ from the preset. Options of the
            images and of regularisers join those of the preset: of a defence that has some, the
            weight 0 leaves a regulariser out.

    Raises:
        UnknownNameError: for an unknown model or preset.
        ArgumentError: for a value out of range, and for settings of a training in steps, such as
            ``epochs``, where the model's weights are sampled.

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
    _check_used(model, changes)
    settings = row_preset(base, model)
    options = changes.get("options", {})
    own = find_row(model).network if model else None
    if options.get("network") in (None, own):  # the preset's are those of the row's own network
        options = {**settings.get("options", {}), **options}
    changes["options"] = options
    changes |= _joined(settings, changes)
    return TrainingSpec(**{**settings, "model": model, **changes})


def _check_used(model: str, changes: Mapping[str, Any]) -> None:
    """Refuse settings of steps for a model whose weights are sampled."""
    if is_sampled(model):
        require_unused(model, [name for name in changes if name not in ("options", *OF_CHAINS)])


def require_usual(spec: TrainingSpec) -> None:
    """Refuse settings of steps that differ from each preset's, where the weights are sampled.

    Args:
        spec: settings of a model whose weights are sampled.

    Raises:
        ArgumentError: naming those that differ from the preset that is nearest.
    """
    kept = {"options": spec.options, **{name: getattr(spec, name) for name in OF_CHAINS}}
    differ = []
    for base in load_presets(PACKAGE).values():
        usual = TrainingSpec(**{**row_preset(base, spec.model), "model": spec.model, **kept})
        names = [one.name for one in fields(spec)]
        differ.append([name for name in names if getattr(spec, name) != getattr(usual, name)])
    require_unused(spec.model, min(differ, key=len))


def require_unused(model: str, names: Sequence[str]) -> None:
    """Refuse settings of steps of a model whose weights are sampled.

    Args:
        model: its name.
        names: the settings that are given.
    """
    named = ", ".join(names)
    require(not names, f"{model} has no {named}: {SAMPLED}; leave out {named}")


def _joined(preset: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of images and regularisers: the preset's, and in their place the given.

    Those of other images or of another attack than the preset's are not joined.
    """
    terms = preset.get("regularisers", {})
    joined = {"regularisers": _merged(terms, changes.get("regularisers", {}))} if terms else {}
    own = preset.get("image_options", {})
    if not own:
        return joined
    given = changes.get("image_options", {})
    if changes.get("images", preset.get("images")) != preset.get("images"):
        own = {}
    elif isinstance(given, Mapping) and given.get("attack", own.get("attack")) != own.get("attack"):
        own = {name: value for name, value in own.items() if name != "attack_options"}
    return {**joined, "image_options": _merged(own, given)}


def _merged(own: Mapping[str, Any], given: Any) -> Any:
    """Return nested options with the given values in the place of one's own.

    What is no mapping is returned, to be refused where it is used.
    """
    if not isinstance(given, Mapping):
        return given
    return {
        **own,
        **{
            name: _merged(own[name], value) if isinstance(own.get(name), Mapping) else value
            for name, value in given.items()
        },
    }
