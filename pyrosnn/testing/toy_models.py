"""Toy classifiers whose truth under any attack is known in closed form.

Each has one property that an attack or a protocol must report exactly. None needs training.
"""

import pyro
import torch
from pyro.distributions import Bernoulli, Normal
from torch import Tensor

from pyrosnn.adapters.members import Members
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.shapes import Sites


class NoisyLinear(StochasticClassifier):
    r"""Linear logits with additive noise: $z = W x + b + \sigma \varepsilon$ with normal ε.

    ε is drawn for each image, and f is a logit. The mean prediction is linear up to a constant
    that depends on the samples alone: no noise changes a gradient of a margin, or which of two δ
    has the larger margin on fixed samples.

    Args:
        weight: W, shape (class, *image).
        bias: b, shape (class,).
        noise: σ.

    Example:
        >>> from pyrosnn import PGD, draw_sample_set
        >>> toy = NoisyLinear(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.zeros(2))
        >>> x, y = torch.ones(1, 2), torch.tensor([0])
        >>> A = draw_sample_set(toy, x, 5, seed=0, stream="attack")
        >>> PGD(strength=1.0)(toy, x, y, A).perturbation  # - η W / ‖W‖, whatever the noise
        tensor([[-0.6000, -0.8000]])
    """

    output: str = "logits"
    per_example: bool = True
    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, *, noise: float = 1.0):
        super().__init__(tuple(weight.shape[1:]), len(weight))
        self.noise = noise
        self.register_buffer("weight", weight.flatten(1).clone())
        self.register_buffer("bias", bias.clone())

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw ε for each image."""
        with images:
            zero = x.new_zeros(self.num_classes)
            return {"noise": pyro.sample("noise", Normal(zero, 1.0).to_event(1))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return W x + b + σ ε."""
        linear = x.flatten(-len(self.image_shape)) @ self.weight.mT + self.bias
        return linear + self.noise * sites["noise"]


class RandomBiasProbit(StochasticClassifier):
    r"""Two classes, $p_1 = \Phi(w^T x + b + s \xi)$, with a random bias ξ that all images share.

    The mean prediction is $E p_1 = \Phi((w^T x + b) / \sqrt{1 + s^2})$: it flips at the distance
    $|w^T x + b| / \|w\|_2$ in ℓ2, whatever s is.

    Args:
        weight: w, shape (*image,).
        bias: b.
        spread: s.

    Example:
        >>> from pyrosnn import draw_sample_set
        >>> from pyrosnn.sampling import predict
        >>> toy = RandomBiasProbit(torch.tensor([1.0, 0.0]), 0.0, spread=1.0)
        >>> x = torch.tensor([[2**0.5, 0.0]])  # E p_1 = Φ(1) = 0.841
        >>> samples = draw_sample_set(toy, x, 4000, seed=0, stream="inference")
        >>> round(float(predict(toy, x, samples).values[0, 1]), 2)
        0.84
    """

    weight: Tensor

    def __init__(self, weight: Tensor, bias: float, *, spread: float = 1.0):
        super().__init__(tuple(weight.shape), 2)
        self.bias, self.spread = bias, spread
        self.register_buffer("weight", weight.flatten().clone())

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw ξ once for all images."""
        return {"bias": pyro.sample("bias", Normal(x.new_zeros(()), 1.0))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return log Φ(-t) and log Φ(t)."""
        t = x.flatten(-len(self.image_shape)) @ self.weight + self.bias
        t = t + self.spread * sites["bias"]
        return torch.stack([torch.special.log_ndtr(-t), torch.special.log_ndtr(t)], dim=-1)


class PureNoise(StochasticClassifier):
    """Every sample errs with the same probability q, whatever the image: the label is class 0.

    The errors of images and samples are independent, and every gradient is 0. Under any attack the
    accuracy of a single sample is 1 - q, and an image withstands k queries with probability
    (1 - q)^k.

    Args:
        image_shape: shape of one image.
        error: q, the probability of class 1.

    Example:
        >>> from pyrosnn import FGM, draw_sample_set
        >>> toy, x = PureNoise((2,), error=0.1), torch.zeros(3, 2)
        >>> A = draw_sample_set(toy, x, 5, seed=0, stream="attack")
        >>> FGM(strength=1.0)(toy, x, torch.zeros(3, dtype=torch.long), A).zero_gradient
        tensor([True, True, True])
    """

    per_example: bool = True

    def __init__(self, image_shape: tuple[int, ...], *, error: float):
        super().__init__(image_shape, 2)
        self.error = error

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw whether each image is an error."""
        with images:
            return {"error": pyro.sample("error", Bernoulli(x.new_tensor(self.error)))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return ± 1 for class 1, and 0 for class 0: the image is read, and has no effect."""
        second = 2 * sites["error"] - 1 + 0 * x.flatten(-len(self.image_shape)).sum(-1)
        return torch.stack([torch.zeros_like(second), second], dim=-1)


class OppositePair(Members):
    r"""Two linear networks of opposite weights, $z_0 - z_1 = b \pm w^T x$; f is a logit.

    The mean of both is $b$, and its gradient is 0: an attack on the mean gradient does nothing.
    Yet for $|w^T (x + \delta)| > b$ one of them errs, so that a single sample is right half of the
    time.

    Args:
        weight: w, shape (*image,).
        bias: b.

    References:
        H. Dbouk, N. Shanbhag, Adversarial vulnerability of randomized ensembles, ICML 2022.

    Example:
        >>> from pyrosnn import FGM
        >>> from pyrosnn.adapters import all_members
        >>> toy = OppositePair(torch.tensor([3.0, 4.0]), 1.0)
        >>> both = all_members(toy, stream="attack")
        >>> FGM(strength=1.0)(toy, torch.zeros(1, 2), torch.tensor([0]), both).zero_gradient
        tensor([True])
    """

    weight: Tensor

    def __init__(self, weight: Tensor, bias: float):
        super().__init__(tuple(weight.shape), 2, output="logits")
        self.bias = bias
        self.register_buffer("weight", weight.flatten().clone())
        self.settle()

    def member_logits(self, x: Tensor, members: Tensor) -> Tensor:
        """Return the logits of the first, the second, or both."""
        along = x.flatten(-len(self.image_shape)) @ self.weight
        signs = (1 - 2 * members).to(x.dtype).unsqueeze(-1)
        first = self.bias + signs * along
        return torch.stack([first, torch.zeros_like(first)], dim=-1)
