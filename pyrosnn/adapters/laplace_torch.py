"""Posteriors of laplace-torch, of the last layer or of all weights."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyro
import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.func import functional_call

from pyrosnn.adapters.adapter import Adapter, by_sample
from pyrosnn.adapters.copies import copy_in_evaluation_mode
from pyrosnn.adapters.over_samples import choose, over_samples
from pyrosnn.adapters.probe import noise_images
from pyrosnn.errors import require
from pyrosnn.networks.dense import DenseProduct
from pyrosnn.networks.function import Differentiated, Identity
from pyrosnn.networks.network import Parts
from pyrosnn.networks.program import Program, Step
from pyrosnn.settings import called_rightly
from pyrosnn.shapes import Sites

SITE = "weights"
IMAGES = " images"  # no parameter has such a name
TOLERANCE = 1e-4  # of rounding


class LaplacePosterior(TorchDistribution):
    """The Gaussian from which laplace-torch samples weights, whatever its structure.

    Args:
        la: a fitted Laplace approximation.
        batch_shape: shape of independent draws.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    support = constraints.real_vector

    def __init__(self, la: Any, batch_shape: Sequence[int] = ()):
        self.la = la
        super().__init__(torch.Size(batch_shape), torch.Size((la.n_params,)), validate_args=False)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> "LaplacePosterior":
        """Return the distribution of more independent draws."""
        return LaplacePosterior(self.la, batch_shape)

    @property
    def mean(self) -> Tensor:
        """The maximum a posteriori, shape (*batch, weight)."""
        mean: Tensor = self.la.mean
        return mean.detach().expand(*self.batch_shape, -1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw weights, shape (*sample, *batch, weight)."""
        shape = torch.Size(sample_shape) + self.batch_shape
        drawn: Tensor = self.la.sample(shape.numel())
        return drawn.detach().reshape(*shape, self.la.n_params)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density of weights, shape (*sample, *batch)."""
        rows = [self.la.log_prob(row) for row in value.reshape(-1, self.la.n_params)]
        return torch.stack(rows).reshape(value.shape[:-1])


def from_laplace(
    la: Any, image_shape: tuple[int, ...], *, output: str = "probs"
) -> "LastLayerPosterior | WeightPosterior":
    """Return a classifier that samples its weights from a posterior of laplace-torch.

    Weights are sampled (``pred_type="nn"`` of laplace-torch), as in the paper; the linearised
    predictive that laplace-torch has by default is another model.

    Args:
        la: a fitted ``laplace.Laplace`` for classification, of the last layer or of all weights,
            with a diagonal, Kronecker-factored or full covariance. The network is copied; the
            posterior stays the caller's, and samples drawn before it changes are refused.
        image_shape: shape of one image.
        output: what f_c is.

    Raises:
        ArgumentError: for one that is not fitted, is no classifier, or is of a subnetwork.

    References:
        E. Daxberger et al., Laplace redux, NeurIPS 2021; Däubener & Fischer 2022, supplement C.5.
    """
    require(
        getattr(la, "n_data", 0) > 0,
        "the Laplace approximation is not fitted; call la.fit(loader) first",
    )
    likelihood = str(getattr(la.likelihood, "value", la.likelihood))
    require(
        likelihood == "classification",
        f"the likelihood must be classification, got {likelihood}",
    )
    require(
        getattr(la, "n_params_subnet", None) is None,
        "the posterior is of a subnetwork, expected one of the last layer or of all weights; take "
        "subset_of_weights='last_layer' or 'all'",
    )
    of_last_layer = hasattr(la.model, "last_layer")
    return (LastLayerPosterior if of_last_layer else WeightPosterior)(
        la, image_shape, output=output
    )


class _Posterior(Adapter):
    """The common base of both posteriors: the draws, and a fingerprint that depends on them.

    Args:
        la: see :func:`from_laplace`.
        image_shape: shape of one image.
        output: what f_c is.
    """

    @called_rightly
    def __init__(self, la: Any, image_shape: tuple[int, ...], *, output: str = "probs"):
        super().__init__(image_shape, output=output)
        self._la = la

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw the weights, for all images."""
        return {SITE: pyro.sample(SITE, LaplacePosterior(self._la))}

    def fingerprint(self) -> int:
        """Return a number that changes with the network and with the posterior."""
        generator = torch.Generator(self.device).manual_seed(0)
        draw = self._la.sample(1, generator=generator)
        return zlib.crc32(repr((super().fingerprint(), draw.tolist())).encode())


class LastLayerPosterior(_Posterior):
    """A posterior of the last layer; the network below is evaluated once for all samples.

    :func:`from_laplace` makes it.
    """

    @called_rightly
    def __init__(self, la: Any, image_shape: tuple[int, ...], *, output: str = "probs"):
        super().__init__(la, image_shape, output=output)
        self.module = copy_in_evaluation_mode(la.model.model)
        last = la.model.last_layer
        (name,) = [n for n, part in la.model.model.named_modules() if part is last]
        x = noise_images(self, 2)
        with torch.no_grad():
            whole = self.module(x)
            self.module.set_submodule(name, torch.nn.Identity())
            self._num_features, self._bias = last.in_features, last.bias is not None
            features = self.module(x)
            ends_with_it = features.shape == (2, self._num_features) and torch.allclose(
                self._of_features(features, la.mean[None, None])[0],
                whole,
                rtol=TOLERANCE,
                atol=TOLERANCE * float(whole.abs().max()),
            )
        require(
            ends_with_it,
            f"the network does more after its last layer '{name}' than return its values; put the "
            "rest into the layers below, or take subset_of_weights='all'",
        )
        self.settle()

    def _matrix(self, weights: Tensor) -> Tensor:
        """Return weights as the matrices of a dense layer, shape (sample, 1, feature + 1, class).

        Args:
            weights: shape (sample, 1, weight), as torch's ``Linear`` has them.
        """
        split = weights.shape[-1] // (self._num_features + self._bias) * self._num_features
        matrix = weights[..., :split].unflatten(-1, (-1, self._num_features)).mT
        bias = weights[..., split:] if self._bias else torch.zeros_like(matrix[..., 0, :])
        return torch.cat([matrix, bias.unsqueeze(-2)], dim=-2)

    def _of_features(self, features: Tensor, weights: Tensor) -> Tensor:
        last = self._last(weights)
        return last.value(features if features.ndim == 3 else features.unsqueeze(0))

    def _last(self, weights: Tensor) -> DenseProduct:
        matrix = self._matrix(weights).squeeze(1)
        return DenseProduct(matrix[:, :-1], matrix[:, -1:])

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network below, and the last layer of each sample."""
        own = x.ndim > len(self.image_shape) + 1
        features = self.module(x.flatten(0, 1)).unflatten(0, x.shape[:2]) if own else self.module(x)
        return self._of_features(features, sites[SITE])

    def trunk(self) -> Differentiated:
        """Return the network below the last layer."""
        return Differentiated(self.module)

    def parts(self, sites: Sites) -> Parts:
        """Return the last layer of each sample."""
        inputs, outputs = [(self._num_features,)], [(self.num_classes,)]
        steps = [Step(self._last(sites[SITE]), (0,))]
        return Parts(Identity(), Program(steps, inputs, [1], outputs, enters=True))


class WeightPosterior(_Posterior):
    """A posterior of all weights: every sample is a network. Create it with :func:`from_laplace`.

    Attributes:
        vectorised: whether several samples are evaluated in one pass (``torch.func.vmap``).
    """

    @called_rightly
    def __init__(self, la: Any, image_shape: tuple[int, ...], *, output: str = "probs"):
        super().__init__(la, image_shape, output=output)
        self.module = copy_in_evaluation_mode(la.model)
        trained = {n: p for n, p in la.model.named_parameters() if p.requires_grad}
        self._shapes = {name: parameter.shape for name, parameter in trained.items()}
        number = sum(parameter.numel() for parameter in trained.values())
        require(
            number == la.n_params,
            f"the posterior is of {la.n_params} of the {number} weights, expected those of the "
            "last layer, or all",
        )
        x = noise_images(self, 2)
        states = self._states(la.sample(2).detach())
        self.vectorised = choose(lambda state: self._of_sample(x, state), states, None)
        self.settle()

    def _states(self, weights: Tensor) -> dict[str, Tensor]:
        """Return the parameters by name, for weights of shape (sample, weight)."""
        parts = weights.split([shape.numel() for shape in self._shapes.values()], dim=-1)
        return {
            name: part.unflatten(-1, shape) if shape else part.squeeze(-1)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }

    def _of_sample(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        weights = {name: value for name, value in state.items() if name != IMAGES}
        logits: Tensor = functional_call(self.module, weights, (state.get(IMAGES, x),))
        return logits

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network with the weights of each sample."""
        batch = self._states(sites[SITE].squeeze(1))
        if x.ndim > len(self.image_shape) + 1:  # images of each sample's own
            batch[IMAGES] = by_sample(x, self.image_shape, len(x))
        return over_samples(
            lambda state: self._of_sample(x, state), batch, vectorised=self.vectorised
        )
