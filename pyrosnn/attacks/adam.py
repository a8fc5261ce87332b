"""Adam for images, each with moments of its own, so that some may leave."""

import torch

from pyrosnn.shapes import Flags, Images

# Decay of the moments, and what is added to the root of the second.
DECAY, SQUARE_DECAY, FLOOR = 0.9, 0.999, 1e-8


class Adam:
    """Adam's descent of a variable for each image.

    Args:
        value: where it starts, shape (example, *image).
        rate: learning rate.

    Attributes:
        value: where it is.

    References:
        D. Kingma, J. Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.
    """

    def __init__(self, value: Images, rate: float):
        self.value, self._rate, self._steps = value, rate, 0
        self._mean, self._square = torch.zeros_like(value), torch.zeros_like(value)

    def step(self, gradient: Images) -> None:
        """Make one step against a gradient."""
        self._steps += 1
        self._mean = DECAY * self._mean + (1 - DECAY) * gradient
        self._square = SQUARE_DECAY * self._square + (1 - SQUARE_DECAY) * gradient.square()
        mean = self._mean / (1 - DECAY**self._steps)
        square = self._square / (1 - SQUARE_DECAY**self._steps)
        self.value = self.value - self._rate * mean / (square.sqrt() + FLOOR)

    def keep(self, which: Flags) -> None:
        """Go on with some of the images."""
        self.value, self._mean, self._square = (
            kept[which] for kept in (self.value, self._mean, self._square)
        )
