"""Settings of a study as options: read from sources, so that a help text loads no torch."""

from collections.abc import Mapping
from typing import Any

from pyrosnn.errors import row_of
from pyrosnn.settings import Option, options_of
from pyrosnn.settings.presets import load_presets, with_presets
from pyrosnn_studies import STUDIES


def study_options(
    name: str, chosen: Mapping[str, Any] | None = None, *, first: str = "quick"
) -> list[Option]:
    """Return the settings of a study: its own, and those of the rows that are chosen.

    Args:
        name: a name in ``STUDIES``.
        chosen: values of options that choose rows, such as ``{"attack": "pgd"}``.
        first: the preset whose values are the defaults.

    Raises:
        UnknownNameError: for a study or a row that is not in its table.

    Example:
        >>> [one.flag for one in study_options("sample-size", {"attack": "square"}) if one.of]
        ['--selection-samples', '--queries', '--p-init']
    """
    settings = row_of(STUDIES, name, "study").settings
    presets = load_presets("pyrosnn_studies").get(name, {})
    ordered = {first: presets[first], **presets} if first in presets else presets
    return with_presets(options_of(settings, chosen), ordered)
