"""The random part of a classifier: one file and one line in ``NOISES`` for each.

The table holds import paths, so that reading the names, as ``--help`` does, loads nothing.
"""

from typing import Any

from pyrosnn.errors import row_of
from pyrosnn.settings import declared

NOISES = {
    "bart-lite": "pyrosnn.noise.bart_lite:BartLite",
    "matrix-normal": "pyrosnn.noise.weights:MatrixNormalWeights",
    "input": "pyrosnn.noise.input:InputNoise",
    "features": "pyrosnn.noise.features:FeatureNoise",
    "dropout": "pyrosnn.noise.dropout:Dropout",
    "layer-inputs": "pyrosnn.noise.layer_inputs:LayerInputNoise",
    "learned-covariance": "pyrosnn.noise.learned_covariance:LearnedCovariance",
    "learned-scale": "pyrosnn.noise.learned_scale:LearnedScale",
    "stochastic-layer": "pyrosnn.noise.stochastic_layer:StochasticLayer",
    "additive": "pyrosnn.noise.additive:AdditiveNoise",
    "last-layer": "pyrosnn.noise.last_layer:LastLayer",
    "normal-weights": "pyrosnn.noise.normal_weights:NormalWeights",
    "parametric-weights": "pyrosnn.noise.parametric:ParametricWeights",
    "parametric-features": "pyrosnn.noise.parametric_features:ParametricFeatures",
    "members": "pyrosnn.noise.members:MemberWeights",
    "posterior-weights": "pyrosnn.noise.posterior_weights:PosteriorWeights",
    "resize-pad": "pyrosnn.noise.resize_pad:ResizePad",
}


def noise_options(name: str) -> dict[str, Any]:
    """Return the options of a noise and their defaults.

    Where it is put is no option of a row of ``MODELS``: it takes the network's own places.

    Raises:
        UnknownNameError: ``unknown noise 'drop'; did you mean 'dropout'? (…)``.

    Example:
        >>> noise_options("dropout")
        {'dropout': 0.3, 'per_example': True}
    """
    return {one.name: one.default for one in declared(row_of(NOISES, name, "noise"))}
