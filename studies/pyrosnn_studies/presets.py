"""The studies' settings as data: `presets.toml`, and how to read it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pyrosnn.attacks import NORMS
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, unknown_name
from pyrosnn.outputs import find_output
from pyrosnn.settings.presets import PRESETS, load_presets

Presets = Mapping[str, Mapping[str, Any]]  # settings by the preset's name


def _tables() -> dict[str, Any]:
    return load_presets("pyrosnn_studies")


def preset_settings(study: str, preset: str, presets: Presets | None = None) -> dict[str, Any]:
    """Return the settings of a study in a preset; lists as tuples.

    Args:
        study: name of the study.
        preset: name of the preset.
        presets: the study's own presets by name; None for those of ``presets.toml``.

    Raises:
        UnknownNameError: for an unknown preset.

    Example:
        >>> preset_settings("inference-size", "paper")["inference_samples"]
        (1, 5, 10, 100)
    """
    known = PRESETS if presets is None else presets
    if preset not in known:
        raise unknown_name("preset", preset, known)
    settings = (_tables()[study] if presets is None else presets)[preset]
    return {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}


def start_from(
    spec: type[Any], result: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings of a result that a run may start from.

    Args:
        spec: the dataclass of the settings.
        result: the settings in the result.
        changes: settings that will differ; another attack does not keep the options of the first.
    """
    names = {field.name for field in fields(spec)}
    settings = {name: value for name, value in result.items() if name in names}
    if changes.get("images") is not None:
        settings.pop("indices", None)  # so many images are others
    options = dict(settings.get("attack_options", {}))
    if "attack_options" in names:
        same = changes.get("attack") in (None, settings.get("attack"))
        changed = changes.get("attack_options") or {}
        settings["attack_options"] = {**options, **changed} if same else changed
    return settings


def with_defaults(
    spec: type[Any], settings: Mapping[str, Any], dataset: Dataset, training: Any
) -> dict[str, Any]:
    """Return settings with the loss and strengths that the paper attacks such a model with.

    Args:
        spec: the dataclass of the settings; fields that it does not have stay away.
        settings: settings of a study; ``strengths`` may name a grid.
        dataset: the data set; it decides the strengths.
        training: how the model was trained; its ``output`` decides the loss.

    Raises:
        UnknownNameError, ArgumentError: for a norm or data set without default strengths.
    """
    complete, names = dict(settings), {field.name for field in fields(spec)}
    norm = settings.get("norm", "l2")
    if "loss" in names:
        complete.setdefault("loss", default_loss(training.output))
    if "strength" in names and "strength" not in settings:
        (complete["strength"],) = preset_strengths(dataset.name, norm, "single", "--strength")
    if isinstance(settings.get("strengths"), str):
        complete["strengths"] = preset_strengths(dataset.name, norm, settings["strengths"])
    return complete


def preset_strengths(
    dataset: str, norm: str, grid: str, option: str = "--strength"
) -> tuple[float, ...]:
    """Return the strengths for a data set and norm.

    Args:
        dataset: name of the data set.
        norm: norm of the attack.
        grid: ``sweep``, ``single`` or ``near``.
        option: the option that gives them, for errors.

    Raises:
        UnknownNameError: for an unknown norm.
        ArgumentError: if there are none, asking for the option.
    """
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    grids = _tables()["strengths"].get(dataset, {}).get(norm, {})
    if grid not in grids:
        raise ArgumentError(
            f"there are no default strengths for {dataset} in the norm '{norm}'; give {option}"
        )
    return tuple(grids[grid])


def has_strengths(dataset: str) -> bool:
    """Whether a data set has default strengths.

    Example:
        >>> has_strengths("digits"), has_strengths("my-photos")
        (True, False)
    """
    return dataset in _tables()["strengths"]


def default_loss(output: str) -> str:
    """Return the loss that the paper attacks probabilities or logits with."""
    return find_output(output).loss
