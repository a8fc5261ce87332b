"""`layer-inputs`: Gaussian noise on what each layer takes, as random self-ensemble has."""

from dataclasses import KW_ONLY, dataclass

from pyrosnn.errors import require
from pyrosnn.networks.network import Network
from pyrosnn.noise.features import FeatureNoise


@dataclass(eq=False, repr=False)
class LayerInputNoise(FeatureNoise):
    r"""Gaussian noise on the input of every layer with weights but the first.

    With ``InputNoise``, which comes before the first, it is random self-ensemble (RSE): a noise
    layer before each convolution and each linear layer. The mean over the inner noise is a
    function of the noisy image alone, so that the smoothness constant and the certificates of the
    noise on the image hold for the whole. Layers that take the same features, such as a
    convolution and the shortcut beside it, take the same noise.

    Attributes:
        feature_variance: variance of the noise, σ². The original's inner layers have 0.1².
        per_example: draw noise for each image, instead of once for all.
        places: names of places; by default the inputs of all layers with weights but the first.
        site: the sites are called ``inner_0``, ``inner_1``, … in the order of the places.

    References:
        X. Liu et al., Towards robust neural networks via random self-ensemble, ECCV 2018, as
        models/vgg_rse.py and models/layers/feat_noise.py of
        github.com/xuanqing94/BayesianDefense.
    """

    _: KW_ONLY
    site: str = "inner"

    def place(self, network: Network) -> None:
        """Name a site for the input of each layer."""
        if self.places is None:
            later = network.weighted_places()[1:]
            require(len(later) >= 1, "noise between layers needs at least two layers with weights")
            self.places = list(dict.fromkeys(network.input_place(place) for place in later))
        super().place(network)
