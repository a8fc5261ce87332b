"""The table of classifiers: a line in ``MODELS`` for each, made of a network and noise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyrosnn.errors import row_of


@dataclass(frozen=True, kw_only=True)
class Row:
    """The components of a classifier or a defence.

    Attributes:
        about: the classifier in a line, for a help text.
        network: name in ``NETWORKS``; the option ``network`` takes another.
        noise: names in ``NOISES``.
        objective: name in ``OBJECTIVES`` of the loss that it is trained with.
        output: what its discriminant functions are, ``probs`` or ``logits``.
        defaults: defaults of options in the place of those of the network and the noise; those
            that the chosen network lacks are left out.
        averages: names of objectives by what training averages over the samples of an image, if
            there is a choice: the option ``average``, whose first is the default.
        last_first: draw the last layer before the others, so that a seed keeps its weights.
        method: name of how it is trained: ``svi``, or ``nuts`` for samples of the posterior.
        file_names: names of tensors in files, if they are not those of the module.
    """

    about: str = ""
    network: str
    noise: tuple[str, ...]
    objective: str = "elbo"
    output: str = "probs"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    averages: Mapping[str, str] = field(default_factory=dict)
    last_first: bool = False
    method: str = "svi"
    file_names: tuple[tuple[str, str], ...] = ()


# What files of these rows have called their tensors since the first checkpoint was written.
_SCALES = (
    (r"noise\.0\.row_log_scales\.\d+", "row_log_scales.{}"),
    (r"noise\.0\.column_log_scales\.\d+", "column_log_scales.{}"),
)
_MEANS = (r"network\.layers\.\w+\.weight", "means.{}")
_WEIGHTS = (r"network\.layers\.\w+\.weight", "weights.{}")
_LAST = ((r"network\.layers\.last\.weight", "mean"), (r"noise\.0\.scale", "scale"))
_BLOCKS = (
    (r"network\.layers\.block_(\d+)_(\w+)\.(\w+)", r"blocks.\1.\2.\3"),
    (r"network\.layers\.(\w+)\.(\w+)", r"\1.\2"),
)

MODELS: dict[str, Row] = {
    "bnn": Row(
        about="Bayesian neural network with matrix normal weights, trained by the ELBO.",
        network="dense",
        noise=("matrix-normal",),
        file_names=(_MEANS, *_SCALES),
    ),
    "im": Row(
        about="Infinite mixture: a BNN that maximises the likelihood of its mean prediction.",
        network="dense",
        noise=("matrix-normal",),
        objective="mixture",
        file_names=(_MEANS, *_SCALES),
    ),
    "sin": Row(
        about="Stochastic input network: Gaussian noise on the image.",
        network="dense",
        noise=("input",),
        output="logits",
        averages={"logits": "averaged-logits", "loss": "elbo"},
        file_names=(_WEIGHTS,),
    ),
    "laplace": Row(
        about="Laplace approximation on the weights of the last layer.",
        network="dense",
        noise=("last-layer",),
        last_first=True,
        file_names=(*_LAST, _WEIGHTS),
    ),
    "resnet": Row(
        about="Wide residual network with MC dropout.",
        network="resnet",
        noise=("dropout",),
        file_names=_BLOCKS,
    ),
    "adv-bnn": Row(
        about="Adv-BNN: a BNN with independent normal weights, trained on attacked images.",
        network="dense",
        noise=("normal-weights",),
    ),
    "bart-lite": Row(
        about="BaRT-lite: several random transforms of the image, in random order.",
        network="dense",
        noise=("bart-lite",),
    ),
    "ensemble": Row(
        about="Ensemble of networks that are trained together; a sample is a member.",
        network="dense",
        noise=("members",),
    ),
    "flss": Row(
        about="Feature-level stochastic smoothing: a random layer below the last, alike at x and "
        "x + δ.",
        network="cnn",
        noise=("stochastic-layer",),
        defaults={"scale": "exp", "rectified": False},
    ),
    "hmc": Row(
        about="Bayesian neural network with samples of its posterior from Markov chains (NUTS).",
        network="dense",
        noise=("posterior-weights",),
        method="nuts",
    ),
    "l2p": Row(
        about="Learn2Perturb: noise on the features with learned scales.",
        network="cnn",
        noise=("learned-scale",),
    ),
    "pinot": Row(
        about="Noise of a law of the exponential family, after the first layer or on the image.",
        network="cnn",
        noise=("additive",),
    ),
    "pni": Row(
        about="Parametric noise injection: noise on the weights, as large as training makes it.",
        network="dense",
        noise=("parametric-weights",),
    ),
    "resize-pad": Row(
        about="Random resizing and padding: the image at a random size and place.",
        network="dense",
        noise=("resize-pad",),
    ),
    "rse": Row(
        about="Random self-ensemble: Gaussian noise on the image and before every later layer.",
        network="cnn",
        noise=("input", "layer-inputs"),
        defaults={"noise_variance": 0.04},  # a standard deviation of 0.2, 0.1 within
    ),
    "se-snn": Row(
        about="SE-SNN: a random layer below the last, whose scales are rewarded.",
        network="dense",
        noise=("stochastic-layer",),
    ),
    "wca": Row(
        about="WCA-Net: noise below the last layer, with a learned covariance.",
        network="cnn",
        noise=("learned-covariance",),
        defaults={"units": 32},
    ),
}


def find_row(name: str) -> Row:
    """Return a row of ``MODELS``.

    Raises:
        UnknownNameError: ``unknown model 'bnnn'; did you mean 'bnn'? (bnn, im, …)``.
    """
    return row_of(MODELS, name, "model")


def is_sampled(name: str) -> bool:
    """Whether a row's weights are samples of the posterior from Markov chains, not trained.

    Args:
        name: a name in ``MODELS``; empty for a classifier of one's own.

    Raises:
        UnknownNameError: for an unknown model.

    Example:
        >>> is_sampled("hmc"), is_sampled("bnn")
        (True, False)
    """
    return bool(name) and find_row(name).method == "nuts"
