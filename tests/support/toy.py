"""Small stochastic classifiers whose truth is known in closed form."""

import pyro
import torch
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import Origin, SampleSet
from pyrosnn.shapes import Sites


class LinearClassifier(StochasticClassifier):
    """f(x, θ) = W x + b with independent normal entries in W and b: linear discriminants."""

    output: str = "logits"
    objective: str = "elbo"

    def __init__(self, num_inputs: int, num_classes: int, noise: float = 1.0):
        super().__init__((num_inputs,), num_classes)
        self.noise = noise
        self.mean = torch.nn.Parameter(torch.randn(num_inputs + 1, num_classes).double())
        self.requires_grad_(False)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        return {"weight": pyro.sample("weight", Normal(self.mean, self.noise).to_event(2))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        weight = sites["weight"].squeeze(1)
        return x @ weight[..., :-1, :] + weight[..., -1:, :]


class LinearProbabilities(LinearClassifier):
    """The same network with softmax probabilities as discriminant functions."""

    output: str = "probs"


class NoiseAlone(StochasticClassifier):
    """Class 0 wins in a share 1 - Φ(-1) of the draws of each image, whatever the image is."""

    output: str = "probs"
    objective: str = "elbo"
    error = 0.15866  # Φ(-1)

    def __init__(self, num_inputs: int, num_classes: int = 3):
        super().__init__((num_inputs,), num_classes)
        self.requires_grad_(False)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        with images:
            zeros = torch.zeros(len(x), dtype=x.dtype, device=x.device)
            return {"noise": pyro.sample("noise", Normal(zeros, 1.0))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        wrong = (sites["noise"] > 1).unsqueeze(-1)
        shift = torch.zeros(self.num_classes, dtype=x.dtype, device=x.device)
        shift[0] = 1.0
        return torch.where(wrong, -shift, shift) + 0 * x.sum(1, keepdim=True)


class QuadraticClassifier(LinearClassifier):
    """f_c = w_c x + b_c + xᵀ Q_c x / 2 with fixed Q_c: the difference has a known L."""

    def __init__(self, num_inputs: int, num_classes: int, noise: float = 1.0):
        super().__init__(num_inputs, num_classes, noise)
        half = torch.randn(num_classes, num_inputs, num_inputs, dtype=torch.float64)
        self.curvature = (half + half.mT) / 2

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        bend = torch.einsum("bi,kij,bj->bk", x, self.curvature, x) / 2
        return super().logits(x, sites) + bend

    def smoothness(self) -> float:
        """The smallest L that holds for all differences f_y - f_c."""
        differences = self.curvature.unsqueeze(0) - self.curvature.unsqueeze(1)
        return float(torch.linalg.matrix_norm(differences, ord=2).max())


class Deterministic(StochasticClassifier):
    """A network without noise: its one site is drawn, and changes nothing."""

    def __init__(self, network: torch.nn.Module, image_shape: tuple[int, ...], num_classes: int):
        super().__init__(image_shape, num_classes)
        self.network = network
        self.requires_grad_(False)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        return {"unused": pyro.sample("unused", Normal(x.new_zeros(()), 1.0))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        number, axes = len(sites["unused"]), x.ndim - len(self.image_shape)
        flat: Tensor = self.network(x.flatten(0, axes - 1))
        return flat.reshape(*x.shape[:axes], -1).expand(number, *x.shape[axes - 1 : axes], -1)


def sample_set(weight: Tensor, stream: str = "attack") -> SampleSet:
    """Wrap stored weights, shape (sample, rows, columns), as a sample set."""
    origin = Origin(seed=0, stream=stream, stop=len(weight))
    return SampleSet(stored={"weight": weight.unsqueeze(1)}, origin=origin)
