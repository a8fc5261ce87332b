"""The studies' settings as data: `presets.toml`, and how to read it."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from pyrosnn.attacks import NORMS
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, require, unknown_name
from pyrosnn.outputs import find_output

PRESETS = ("quick", "paper")


@cache
def _tables() -> dict[str, Any]:
    text = resources.files("pyrosnn_studies").joinpath("presets.toml").read_text("utf-8")
    return tomllib.loads(text)


def preset_settings(study: str, preset: str) -> dict[str, Any]:
    """Return the settings of a study in a preset; lists as tuples.

    Raises:
        UnknownNameError: for an unknown preset.

    Example:
        >>> preset_settings("inference-size", "paper")["inference_samples"]
        (1, 5, 10, 100)
    """
    if preset not in PRESETS:
        raise unknown_name("preset", preset, PRESETS)
    found: dict[str, Any] = _tables()[study][preset]
    return {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}


def study_settings(
    study: str, preset: str, dataset: Dataset, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a study's settings for a data set: the preset's, with some changed.

    Args:
        study: name of the study.
        preset: ``quick`` or ``paper``.
        dataset: gives at most the images that it has.
        changes: settings that differ; None leaves one as it is.

    Raises:
        UnknownNameError: for an unknown preset.
        ArgumentError: for a first image, or more images, than there are.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    settings = preset_settings(study, preset)
    first = given.get("first_image", 0)
    number = len(dataset.x_test)
    require(
        first < number,
        f"first_image must be below {number}, the number of test images of {dataset.name}, got "
        f"{first}",
    )
    settings["images"] = min(settings["images"], number - first)
    settings.update(given)
    dataset.test_images(first + settings["images"])
    return settings


def preset_strengths(dataset: str, norm: str, grid: str) -> tuple[float, ...]:
    """Return the strengths for a data set and norm.

    Args:
        dataset: name of the data set.
        norm: norm of the attack.
        grid: ``sweep``, ``single`` or ``near``.

    Raises:
        UnknownNameError: for an unknown norm.
        ArgumentError: if there are none, asking for ``--strengths``.
    """
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    grids = _tables()["strengths"].get(dataset, {}).get(norm, {})
    if grid not in grids:
        raise ArgumentError(
            f"there are no default strengths for {dataset} in the norm '{norm}'; give --strengths"
        )
    return tuple(grids[grid])


def default_loss(output: str) -> str:
    """Return the loss that the paper attacks probabilities or logits with."""
    return find_output(output).loss
