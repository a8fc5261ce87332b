"""The gradients of single samples' losses at the images, differentiable with the parameters."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.shapes import Images, Labels, Sites


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
    number = max(len(value) for value in sites.values())
    points = x.detach().expand(number, *x.shape).requires_grad_()
    logits = classifier.logits(points, sites)
    classes = logits.flatten(0, 1).to(x.dtype)  # bfloat16 in mixed precision
    loss = cross_entropy(classes, y.repeat(number), reduction="sum")
    (gradients,) = torch.autograd.grad(loss, points, create_graph=True)
    return gradients
