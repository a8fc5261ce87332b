"""An archive: of each image the perturbation that a selection set finds worst."""

import torch

from pyrosnn.attacks.norms import per_image
from pyrosnn.shapes import Flags, Images, PerImage


class Archive:
    """The worst δ of each image so far: that with the smallest margin of the label.

    All candidates of an image are compared on one selection set V. The winner's margin on V is
    smaller than on fresh samples, as that of every winner is: judge it with I, once.

    Args:
        x: images, shape (example, *image).

    Attributes:
        delta: the worst δ, shape (example, *image); 0 where nothing was offered.
        margin: its margin on V, float64, shape (example,); ∞ where nothing was offered.
    """

    def __init__(self, x: Images):
        self.delta = torch.zeros_like(x)
        self.margin = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)

    def offer(
        self, delta: Images, margin: PerImage, rows: torch.Tensor | slice = slice(None)
    ) -> Flags:
        """Keep each δ that is worse than the image's worst so far.

        Args:
            delta: candidates, shape (row, *image).
            margin: their margins on V, shape (row,).
            rows: which images those are.

        Returns:
            Which of them were kept, shape (row,).
        """
        worse = margin < self.margin[rows]
        self.delta[rows] = torch.where(per_image(worse, delta), delta, self.delta[rows])
        self.margin[rows] = torch.where(worse, margin, self.margin[rows])
        return worse
