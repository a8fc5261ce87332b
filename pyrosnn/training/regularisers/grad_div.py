"""`grad-div`: how far the gradients of the samples point in one direction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.settings import RARE, OneOf
from pyrosnn.training.regularisers.directions import cosines, mean_cosine, unit_gradients
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


def concentration(units: Tensor, jitter: float) -> Tensor:
    r"""Return the estimate of a von Mises-Fisher law's $\kappa$ per dimension, shape (example,).

    $\hat\kappa / d = r (1 - r^2 / d) / (1 - r^2)$ with the unbiased $r^2$, the mean cosine, from
    1/d on: the plug-in is far above 0 for directions that are uniform.

    Args:
        units: directions, shape (sample, example, dimension).
        jitter: cosines are divided by 1 + jitter.
    """
    dimension = units.shape[-1]
    squared = (mean_cosine(units) / (1 + jitter)).clamp(min=1 / dimension)
    value: Tensor = squared.sqrt() * (1 - squared / dimension) / (1 - squared)
    return value


def log_volume(units: Tensor, jitter: float) -> Tensor:
    r"""Return $-\log\det G$ of the matrix of cosines, shape (example,); 0 if all are 0.

    Args:
        units: directions, shape (sample, example, dimension).
        jitter: $(G + \mathrm{jitter} \cdot I) / (1 + \mathrm{jitter})$ is in the place of G.
    """
    matrix = cosines(units)
    identity = torch.eye(len(units), dtype=matrix.dtype, device=matrix.device)
    triangle: Tensor = torch.linalg.cholesky((matrix + jitter * identity) / (1 + jitter))
    return -2 * triangle.diagonal(dim1=-2, dim2=-1).log().sum(-1)


DIVERSITIES: dict[str, Callable[[Tensor, float], Tensor]] = {
    "mean": lambda units, jitter: mean_cosine(units),
    "kappa": concentration,
    "dpp": log_volume,
}


@dataclass(frozen=True, kw_only=True)
class GradDiv(Regulariser):
    r"""GradDiv, reconstructed: a penalty on gradients that agree between samples.

    Let $u_s = g_s / \|g_s\|$ be the direction of the gradient of sample s's loss at the image.
    ``mean`` penalises the mean cosine of two different samples, the unbiased estimate of
    $\|\mathbb E u\|^2$; ``kappa`` the concentration of the directions; ``dpp``
    $-\log\det (u_s^\top u_t)$, as in a determinantal point process. The authors' formulas and
    weights were not at hand: these are made of the paper's abstract. An attack on few samples
    finds less in gradients that disagree; judge such a model at many samples, too.

    An image with a gradient shorter than ``floor`` has no penalty: short gradients have no
    reliable direction. The progress of the training has the share of such images.

    Attributes:
        diversity: penalty on the directions.
        floor: smallest length of a gradient that has a direction.
        jitter: share that takes cosines towards 0, which keeps ``kappa`` and ``dpp`` finite.

    References:
        S. Lee, H. Kim, J. Lee, GradDiv: adversarial robustness of randomized neural networks via
        gradient diversity regularization, IEEE TPAMI 2022.

    Example:
        >>> GradDiv(weight=1.0).diversity
        'mean'
    """

    diversity: Annotated[str, OneOf(DIVERSITIES)] = "mean"
    floor: Annotated[float, Gt(0), RARE] = 1e-5
    jitter: Annotated[float, Gt(0), RARE] = 0.01

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse a single particle, whose gradient has nothing to be compared with."""
        require(
            spec.num_particles >= 2,
            "grad-div compares the gradients of different particles: num_particles must be >= 2, "
            f"got {spec.num_particles}",
        )

    def penalty(self, step: "Step") -> Tensor:
        """Return the penalty of each image; 0 where a gradient is too short."""
        units, kept = unit_gradients(step.input_gradients, self.floor)
        step.setting.left_out.add("grad-div", ~kept)
        return torch.where(kept, DIVERSITIES[self.diversity](units, self.jitter), 0.0)
