"""MC dropout: a module whose dropout stays random at prediction."""

import torch

from pyrosnn.adapters.stochastic import Stochastic
from pyrosnn.settings import called_rightly


class MCDropout(Stochastic):
    """A module with the noise of its training mode, dropout above all.

    It is ``Stochastic(module, image_shape, mode="training")``: every draw is a sample site,
    whether a module makes it or a function; all parts that draw nothing, batch norm too, are in
    evaluation mode.

    Args:
        module: returns logits; it is copied.
        image_shape: shape of one image.
        output: what f_c is.
        per_example: draw a mask for each image (the field's practice) or share it among images.

    References:
        Y. Gal, Z. Ghahramani, Dropout as a Bayesian approximation: representing model uncertainty
        in deep learning, ICML 2016.

    Example:
        >>> net = torch.nn.Sequential(
        ...     torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(),
        ...     torch.nn.Dropout(0.3), torch.nn.Linear(32, 10),
        ... )
        >>> MCDropout(net, (1, 8, 8)).dropout_probabilities
        {'bernoulli_0': 0.3}
    """

    @called_rightly
    def __init__(
        self,
        module: torch.nn.Module,
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
        per_example: bool = True,
    ):
        super().__init__(
            module, image_shape, output=output, mode="training", per_example=per_example
        )

    @property
    def dropout_probabilities(self) -> dict[str, float]:
        """The probability of 0 of each site of zeros and ones."""
        return {
            name: round(1 - draw.law.p, 12)
            for name, draw in self.draws.items()
            if draw.law.name == "bernoulli"
        }
