"""The gradients of single samples' losses at the images, differentiable with the parameters."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.shapes import Images, Labels, Logits, Sites


def input_gradients(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    sites: Sites,
) -> Float[Tensor, "sample example *image"]:
    r"""Return $\nabla_x (-\log p(y_n \mid x_n, \theta_s))$ of each sample and image.

    They are gradients of the sum of losses: a mean over the batch would make them small by its
    size, and their squares by its square. Each sample has images of its own here, so that one
    way back through the network gives the gradients of all.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        sites: values of the sites, each of shape (sample, example or 1, *event).

    Returns:
        Gradients with a graph of their own, to the parameters and the sites.

    Example:
        >>> from pyrosnn.models import build_model
        >>> sin = build_model("sin", image_shape=(1, 2, 2), num_classes=3)
        >>> x, y = torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 2, 0, 1])
        >>> input_gradients(sin, x, y, {"noise": torch.randn(7, 5, 1, 2, 2)}).shape
        torch.Size([7, 5, 1, 2, 2])
    """

    def loss(logits: Logits) -> Tensor:
        return cross_entropy(logits.flatten(0, 1), y.repeat(len(logits)), reduction="sum")

    return gradients_of(classifier, x, sites, loss)


def gradients_of(
    classifier: StochasticClassifier,
    x: Images,
    sites: Sites,
    function: Callable[[Logits], Tensor],
) -> Float[Tensor, "sample example *image"]:
    """Return the gradients of a sum over samples and images, one for each of them.

    Args:
        classifier: the classifier.
        x: images; the gradients depend on them where they require a gradient themselves.
        sites: values of the sites, each of shape (sample, example or 1, *event).
        function: logits to a sum of terms, each of one sample and image.

    Returns:
        Gradients with a graph of their own, to the parameters and the sites.
    """
    number = max(len(value) for value in sites.values())
    images = x if x.requires_grad else x.detach().requires_grad_()
    points = images.expand(number, *x.shape)
    logits = classifier.logits(points, sites).to(x.dtype)  # bfloat16 in mixed precision
    (gradients,) = torch.autograd.grad(function(logits), points, create_graph=True)
    return gradients
