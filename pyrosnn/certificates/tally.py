"""What is kept of independent draws of a classifier: counts, in memory that does not grow."""

import numpy as np
import torch
from torch import Tensor

from pyrosnn.outputs import discriminants_of, find_output
from pyrosnn.shapes import Labels, Logits

# Thresholds between the ends of a score's range: they cost half of 1 / 500 of it.
THRESHOLDS = 500


class Tally:
    """Votes, and the distributions of scores and of margins, of independent draws of (θ, ε).

    A draw is the unit: its votes and scores are those of one θ with one noise for each image.
    Votes of several noises with the same θ are not independent of each other.

    Args:
        chosen: the class y that is to be certified, for each image.
        num_classes: number of classes.
        output: what the discriminant functions are; only scores in [0, 1] have distributions.

    Attributes:
        number: how many draws.
        votes: how many of them predict each class, shape (example, class).
        own_class: for the image i, the class that the draw i predicts: a draw of its own.
    """

    def __init__(self, chosen: Labels, num_classes: int, output: str):
        shape, device = (len(chosen), num_classes), chosen.device
        self.number = 0
        self.own_class = torch.full_like(chosen, -1)
        self.bounded = find_output(output).bounded
        self._chosen = chosen
        self._functions = discriminants_of(output)
        self._votes = torch.zeros(shape, dtype=torch.int64, device=device)
        self._total = torch.zeros(shape, dtype=torch.float64, device=device)
        self._squares = torch.zeros_like(self._total)
        bins = (*shape, THRESHOLDS + 1) if self.bounded else (0,)
        self._scores, self._margins = (
            torch.zeros(bins, dtype=torch.int32, device=device) for _ in range(2)
        )

    def add(self, logits: Logits) -> None:
        """Add draws, each independent of all others."""
        predicted = logits.argmax(-1)
        self._votes += torch.nn.functional.one_hot(predicted, self._votes.shape[1]).sum(0)
        stop = self.number + len(logits)
        own = torch.arange(len(self.own_class), device=logits.device)[self.number : stop]
        self.own_class[own] = predicted[own - self.number, own]
        self.number = stop
        if self.bounded:
            scores = self._functions.values(logits)
            label = self._chosen.expand(len(scores), -1).unsqueeze(-1)
            margins = scores.gather(-1, label) - scores
            self._total += margins.sum(0)
            self._squares += margins.square().sum(0)
            _count(self._scores, scores)
            _count(self._margins, (1 + margins) / 2)

    def voting_for(self, chosen: Labels) -> "Tally":
        """Return the votes of the same draws, for another choice of classes.

        Args:
            chosen: the class to certify, for each image.
        """
        votes = Tally(chosen, self._votes.shape[1], "logits")
        votes.number, votes.own_class, votes._votes = self.number, self.own_class, self._votes
        return votes

    @property
    def chosen(self) -> np.ndarray:
        """The class y of each image."""
        return _array(self._chosen)

    @property
    def votes(self) -> np.ndarray:
        """How many draws predict each class, shape (example, class)."""
        return _array(self._votes)

    @property
    def margin_means(self) -> np.ndarray:
        """Means of f_y - f_c, shape (example, class)."""
        return _array(self._total / self.number)

    @property
    def margin_variances(self) -> np.ndarray:
        """Sample variances of f_y - f_c, shape (example, class)."""
        mean = self._total / self.number
        sums = (self._squares - self.number * mean.square()).clamp(min=0)
        return _array(sums / (self.number - 1))

    @property
    def scores_from(self) -> np.ndarray:
        """How many f_c lie at or above i / B for i = 1 … B, shape (example, class, B)."""
        return _array(_from_above(self._scores))

    @property
    def scores_below(self) -> np.ndarray:
        """How many 1 - f_c lie above i / B for i = 1 … B, shape (example, class, B)."""
        below = self._scores[..., :-2].cumsum(-1).flip(-1)
        return _array(torch.nn.functional.pad(below, (0, 1)))

    @property
    def margins_from(self) -> np.ndarray:
        """How many (1 + f_y - f_c) / 2 lie at or above i / B for i = 1 … B."""
        return _array(_from_above(self._margins))


def _count(bins: Tensor, values: Tensor) -> None:
    """Count values in [0, 1], shape (draw, example, class), by the threshold below them."""
    last = bins.shape[-1] - 1
    index = (values * last).floor().clamp(0, last).long()
    first = torch.arange(index[0].numel(), device=index.device).reshape(index.shape[1:]) * (
        last + 1
    )
    flat = (index + first).flatten()
    bins.view(-1).scatter_add_(0, flat, torch.ones_like(flat, dtype=bins.dtype))


def _from_above(bins: Tensor) -> Tensor:
    """Return how many values lie in each bin or above, without the first bin."""
    return bins.flip(-1).cumsum(-1).flip(-1)[..., 1:]


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.cpu().numpy()
    return array
