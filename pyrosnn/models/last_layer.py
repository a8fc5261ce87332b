"""Laplace's approximation on the last layer of a network: what all such classifiers share."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import pyro
import torch
from jaxtyping import Float
from pyro.distributions import Categorical, Delta, Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.models.classifier import Sites, StochasticClassifier
from pyrosnn.models.dense import dense_head, dense_input, dense_network
from pyrosnn.models.head import DenseHead
from pyrosnn.models.input_layer import DenseInput
from pyrosnn.models.trunk import Trunk

SITE = "last_layer"


class LastLayerLaplace(StochasticClassifier):
    r"""A trained network whose last layer has a Gaussian posterior with a diagonal covariance.

    The network is trained to its maximum a posteriori; then the weights of the last layer, bias
    included, get the precision $\sum_n \varphi_{nk}^2\, p_{nc} (1 - p_{nc}) + \tau$: the diagonal
    of the generalised Gauss–Newton matrix of the training images, and the prior's τ. All samples
    share the network below (:meth:`trunk`), so that a hundred of them cost little more than one.

    A subclass writes :meth:`features`.

    Args:
        image_shape: shape of one image.
        num_classes: number of classes.
        num_features: how many features the last layer is given.
        prior_precision: τ, of the standard normal prior's scale by default.

    References:
        E. Daxberger et al., Laplace redux, NeurIPS 2021. The diagonal last layer is that of
        Däubener & Fischer 2022, supplement C.5.
    """

    output = "probs"
    objective = "elbo"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        num_classes: int,
        *,
        num_features: int,
        prior_precision: float,
    ):
        super().__init__(image_shape, num_classes)
        require(prior_precision > 0, f"prior_precision must be > 0, got {prior_precision}")
        self.num_features = num_features
        self.prior_precision = prior_precision
        mean = torch.randn(num_features + 1, num_classes) / num_features**0.5
        mean[-1] = 0.0  # the bias
        self.mean = torch.nn.Parameter(mean)
        self.scale: Tensor
        self.register_buffer("scale", torch.zeros_like(mean))  # 0 until the network is trained

    @abstractmethod
    def features(self, x: Float[Tensor, "example *image"]) -> Float[Tensor, "example feature"]:
        """Return what the last layer is given, shape (example, feature)."""

    @property
    @abstractmethod
    def trunk_floats(self) -> int:
        """How many floats one image needs in :meth:`features`."""

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The last layer from its prior; labels from the softmax of the network."""
        spread = x.new_tensor(self.prior_precision**-0.5)
        prior = Normal(x.new_zeros(self.mean.shape), spread).to_event(2)
        logits = self.logits(x, {SITE: pyro.sample(SITE, prior)})
        with pyro.plate("images", len(x), dim=-1):
            return pyro.sample("y", Categorical(logits=logits), obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """The last layer from its posterior; its mean alone while the network is trained."""
        fitted = bool((self.scale > 0).all())
        posterior: Any = Normal(self.mean, self.scale) if fitted else Delta(self.mean)
        pyro.sample(SITE, posterior.to_event(2))

    def after_training(self, batches: Iterator[Tensor]) -> None:
        """Set the posterior's scales from all training images."""
        curvature = torch.zeros_like(self.mean, dtype=torch.float64)
        with torch.no_grad():
            for x in batches:
                features = self.features(x)
                p = dense_network(features, [self.mean]).double().softmax(-1)
                squares = features.double().square()
                squares = torch.cat([squares, torch.ones_like(squares[:, :1])], dim=1)
                curvature += squares.T @ (p * (1 - p))
            self.scale.copy_((curvature + self.prior_precision).rsqrt())

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network with stored last layers; see :class:`StochasticClassifier`."""
        return dense_network(self.features(x), [sites[SITE]])

    def trunk(self) -> Trunk:
        """Return all layers but the last."""
        return Trunk(function=self.features, floats_per_example=self.trunk_floats)

    def input_layer(self, sites: Sites) -> DenseInput:
        """Return the last layer of each sample."""
        return dense_input(sites[SITE], (self.num_features,))

    def head(self, sites: Sites) -> DenseHead:
        """Return nothing more: the last layer's values are the logits."""
        return dense_head([], "relu")

    @property
    def floats_per_example(self) -> int:
        """One float for each class."""
        return self.num_classes
