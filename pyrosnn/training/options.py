"""Settings of a training as options: read from sources, so that a help text loads no torch."""

from collections.abc import Mapping
from typing import Any

from pyrosnn.errors import row_of
from pyrosnn.models import MODELS, is_sampled, model_settings
from pyrosnn.networks import NETWORKS
from pyrosnn.settings import Option, choices_with, options_of
from pyrosnn.settings.presets import load_presets, row_preset, with_presets

SPEC = "pyrosnn.training.spec:TrainingSpec"
# Settings that chains of samples have, too, beside the model's options.
OF_CHAINS = ("seed",)
SAMPLED = "its weights are samples of the posterior, and not trained step by step"


def training_options(model: str, chosen: Mapping[str, Any] | None = None) -> list[Option]:
    """Return the settings of a training: of the model, and of the rows that are chosen.

    Args:
        model: a name in ``MODELS``.
        chosen: values of options that choose rows, such as ``{"images": "adversarial"}``.

    Raises:
        UnknownNameError: for a row that is not in its table.

    Example:
        >>> chosen = {"network": "cnn", "images": "trades"}
        >>> {"--channels", "--beta"} <= {option.flag for option in training_options("bnn", chosen)}
        True
    """
    presets = {
        name: row_preset(one, model) for name, one in load_presets("pyrosnn.training").items()
    }
    chosen = _with_own(presets, chosen or {})
    if chosen.get("network"):
        row_of(NETWORKS, chosen["network"], "network")
    settings = options_of(SPEC, chosen)
    if is_sampled(model):
        settings = [option for option in settings if option.name in OF_CHAINS]
    options = [*model_settings(model, chosen.get("network")), *settings]
    if chosen.get("network") not in (
        None,
        MODELS[model].network,
    ):  # the presets' options are those of the row's own network
        presets = {name: {**one, "options": {}} for name, one in presets.items()}
    return with_presets(options, presets)


def _with_own(presets: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rows that are chosen, those that the chosen preset has for the model included."""
    preset = presets.get(chosen.get("preset", ""), next(iter(presets.values())))
    own: dict[str, Any] = {}
    if "images" in preset:
        own["images"] = preset["images"]
        if chosen.get("images", own["images"]) == own["images"]:
            own |= {k: v for k, v in preset.get("image_options", {}).items() if k == "attack"}
    terms = preset.get("regularisers", {})
    if terms:
        given = chosen.get("regulariser", ())
        given = [name.strip() for name in given.split(",")] if isinstance(given, str) else given
        if isinstance(given, list | tuple):
            chosen = {**chosen, "regulariser": list(dict.fromkeys([*terms, *given]))}
    return {**own, **chosen}


def choice_with(model: str, option: str, chosen: Mapping[str, Any]) -> str:
    """Return the choice that would bring an option; empty if none does.

    Args:
        model: a name in ``MODELS``.
        option: name of an option that the training lacks.
        chosen: what is chosen already.

    Example:
        >>> choice_with("bnn", "channels", {}), choice_with("bnn", "dropout", {})
        ('add --network cnn', 'it is an option of resnet')
    """
    for network in NETWORKS:
        if any(one.name == option for one in model_settings(model, network)):
            return f"add --network {network}"
    choices = choices_with(SPEC, option, chosen)
    if choices and not is_sampled(model):
        return f"add {' '.join(f'--{choice} {row}' for choice, row in choices)}"
    if is_sampled(model) and any(one.name == option for one in options_of(SPEC, chosen)):
        return SAMPLED
    has = [other for other in MODELS if option in {one.name for one in model_settings(other)}]
    return f"it is an option of {', '.join(has)}" if has else ""
