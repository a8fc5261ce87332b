"""Stochastic classifiers: the table of them, their options, and how one is built."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyrosnn.errors import ArgumentError, first_line, require, resolve, row_of
from pyrosnn.models.rows import MODELS, Row, find_row, is_sampled
from pyrosnn.networks import NETWORKS, build_network, network_options
from pyrosnn.noise import NOISES, noise_options
from pyrosnn.settings import Kind, OneOf, Option, check_value, options_of, shown

if TYPE_CHECKING:
    from torch import Tensor

    from pyrosnn.models.classifier import StochasticClassifier

__all__ = [
    "MODELS",
    "Row",
    "build_model",
    "complete_options",
    "find_row",
    "is_sampled",
    "model_options",
    "model_settings",
]


def model_options(name: str, network: str | None = None) -> dict[str, Any]:
    """Return the options of a model and their defaults.

    Args:
        name: a name in ``MODELS``.
        network: a name in ``NETWORKS``, in the place of the row's own.

    Raises:
        UnknownNameError: for an unknown model or network.

    Example:
        >>> model_options("bnn")["hidden"]
        (128, 128)
        >>> model_options("bnn", "cnn")["channels"]
        (16, 32)
    """
    row = find_row(name)
    options = network_options(network or row.network)
    for noise in row.noise:
        options |= noise_options(noise)
    options |= {name: value for name, value in row.defaults.items() if name in options}
    return options | ({"average": next(iter(row.averages))} if row.averages else {})


def model_settings(name: str, network: str | None = None) -> list[Option]:
    """Return the options of a model with their kinds and help, for the command line and files.

    Args:
        name: a name in ``MODELS``.
        network: a name in ``NETWORKS``, in the place of the row's own.

    Raises:
        UnknownNameError: for an unknown model or network.

    Example:
        >>> [option.flag for option in model_settings("sin") if option.panel == "noise"]
        ['--noise-variance', '--per-example']
    """
    row = find_row(name)
    chosen = network or row.network
    into = ("options",)
    own = Option(
        name="network",
        path=(*into, "network"),
        kind=Kind(str, marks=(OneOf(NETWORKS),)),
        default=row.network,
        help="Architecture.",
        panel="network",
    )
    path = row_of(NETWORKS, chosen, "network")
    options = [own, *options_of(path, into=into, panel="network", of=chosen)]
    for noise in row.noise:
        path = row_of(NOISES, noise, "noise")
        known = {one.name for one in options}  # two noises may share one, as per_example
        of_noise = options_of(path, into=into, panel="noise", of=noise)
        options += [one for one in of_noise if one.name not in known]
    options = [
        replace(one, default=shown(row.defaults[one.name])) if one.name in row.defaults else one
        for one in options
    ]
    if row.averages:
        options.append(
            Option(
                name="average",
                path=(*into, "average"),
                kind=Kind(str, marks=(OneOf(row.averages),)),
                default=next(iter(row.averages)),
                help="Quantity that training averages over the samples of an image.",
                panel="objective",
            )
        )
    return options


def complete_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a model: those given, and the defaults of the others.

    The option ``network`` is kept only where it is another than the row's own.

    Raises:
        UnknownNameError: for an unknown model or network.
        ArgumentError: for an option that the model does not have, naming those that it has.
    """
    network = options.get("network")
    require(
        network is None or isinstance(network, str),
        f"network must be a name ({', '.join(NETWORKS)}), got {network!r}",
    )
    defaults = model_options(name, network)
    for option in options:
        if option not in defaults and option != "network":
            raise ArgumentError(
                f"{name} has no option '{option}'; it has {', '.join([*defaults, 'network'])}"
            )
    for setting in model_settings(name, network):
        if setting.name in options and setting.name != "network":
            check_value(setting.name, options[setting.name], setting.kind)
    own = find_row(name).network
    chosen = {k: v for k, v in options.items() if k != "network" or v not in (own, None)}
    return {**defaults, **chosen}


def build_model(
    name: str,
    *,
    image_shape: tuple[int, ...],
    num_classes: int,
    options: Mapping[str, Any] | None = None,
) -> "StochasticClassifier":
    """Build an untrained classifier; its parameters come from torch's current random state.

    Args:
        name: a name in ``MODELS``.
        image_shape: shape of one image.
        num_classes: number of classes.
        options: of the network and of the noise, see :func:`model_options`; ``network`` names
            another network than the row's own.

    Raises:
        UnknownNameError: for an unknown model or network.
        ArgumentError: for an option that the model does not have, naming those that it has, or a
            value out of range.

    Example:
        >>> options = {"network": "cnn", "units": 20}
        >>> build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options=options).output
        'probs'
    """
    row = find_row(name)
    settings = complete_options(name, options or {})
    try:
        return _build(name, row, settings, image_shape, num_classes)
    except TypeError as error:  # of an option that is of another type than its default
        raise ArgumentError(
            f"{name} cannot be built with {settings} ({first_line(error)})"
        ) from error


def _build(
    name: str,
    row: Row,
    settings: Mapping[str, Any],
    image_shape: tuple[int, ...],
    num_classes: int,
) -> "StochasticClassifier":
    from pyrosnn.models.named import Named

    network_name = settings.get("network", row.network)
    own = network_name == row.network
    extra: dict[str, Any] = {}
    if own and row.last_first and settings.get("hidden"):
        extra["last"] = _last_layer(settings["hidden"][-1], num_classes)
    noise = [
        resolve(NOISES, kind, "noise")(**{k: settings[k] for k in noise_options(kind)})
        for kind in row.noise
    ]
    seen = image_shape
    for part in noise:
        seen = part.shape_after(seen)
    network = build_network(
        network_name,
        seen,
        num_classes,
        {k: settings[k] for k in network_options(network_name)},
        **extra,
    )
    objective = row.objective
    if row.averages:
        objective = row.averages[settings["average"]]
    return Named(
        network,
        noise,
        image_shape=image_shape,
        output=row.output,
        objective=objective,
        file_names=row.file_names if own else (),
    )


def _last_layer(features: int, num_classes: int) -> "Tensor":
    """Draw a last layer's weights, bias zero, shape (feature + 1, class)."""
    import torch

    matrix: Tensor = torch.randn(features + 1, num_classes) / features**0.5
    matrix[-1] = 0.0
    return matrix
