"""`square`: random search over squares, without a gradient, decided on a selection set."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from pyrosnn.attacks.loss import of_class
from pyrosnn.attacks.maximised import AttackLoss
from pyrosnn.attacks.norms import per_image
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.selecting_attack import SelectingAttack
from pyrosnn.attacks.square_search import SEARCHES
from pyrosnn.attacks.square_windows import planes_of
from pyrosnn.errors import row_of
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, PerImage

# Queries of 10,000 after which the squares get half as large.
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@dataclass(frozen=True, kw_only=True)
class Square(SelectingAttack):
    r"""Random search: a change of δ in a square is kept if the margin on V falls.

    V is the same for all queries, so that noise decides nothing: a robustness that is only noise in
    the score does not withstand. In ℓ∞, δ begins as vertical stripes of ±η, and a query sets a
    square to ±η. In ℓ2 and ℓ1 a query adds a pyramid in one window and takes its mass from another,
    and δ stays η long. The squares get smaller as the original's do in 10,000 queries. Places and
    signs are drawn for each image; a vector is an image of one row.

    No gradient and no sample of A is used. The search goes on for images that V misclassifies, and
    compares $\log p_y - \max_{c \ne y} \log p_c$, which does not saturate.

    Attributes:
        queries: number of δ that V judges for each image, the first one included.
        p_init: share of an image's pixels that the first squares have.
        loss: changes nothing: the margin falls.
        gradient: changes nothing.

    References:
        M. Andriushchenko, F. Croce, N. Flammarion, M. Hein, Square attack, ECCV 2020. Its signs and
        squares are drawn for each image, too; AutoAttack's are those of the whole batch.

    Example:
        >>> Square(norm="linf", strength=8 / 255, queries=500).p_init
        0.8
    """

    queries: Annotated[int, Ge(1)] = 1000
    p_init: Annotated[float, Gt(0), Le(1)] = 0.8

    chooses_loss: ClassVar[bool] = False
    follows_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            UnknownNameError: for a norm in which there is no such search.
        """
        super().__post_init__()
        row_of(SEARCHES, self.norm, "norm of a Square search")

    @property
    def maximised(self) -> AttackLoss:
        """The margin loss."""
        return AttackLoss(loss="margin", gradient="mean_prediction", precision=self.precision)

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Search; return what V finds worst."""
        x, search = problem.x, SEARCHES[self.norm]
        best = torch.zeros_like(x)
        lead = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)
        for query in range(self.queries):
            with problem.random("square", problem.samples.origin.start, query):
                if query == 0:
                    drawn = search.begin(planes_of(x), strength)
                else:
                    drawn = search.change(planes_of(best), strength, self.share(query))
            delta = problem.project(drawn.reshape(x.shape), strength)
            mean = problem.judged(delta)
            problem.archive.offer(delta, mean.margin(problem.labels))
            now = log_margin(mean, problem.labels)
            fell = now < lead
            best = torch.where(per_image(fell, x), delta, best)
            lead = torch.where(fell, now, lead)
        return problem.archive.delta

    def share(self, query: int) -> float:
        """Return the share of the pixels that a query changes.

        Example:
            >>> Square(queries=1000).share(1), Square(queries=1000).share(999)
            (0.8, 0.0015625)
        """
        of_original = query * 10_000 // self.queries
        return float(self.p_init / 2 ** sum(of_original > after for after in HALVINGS))


def log_margin(mean: MeanPrediction, labels: Labels) -> PerImage:
    r"""Return $\log p_y - \max_{c \ne y} \log p_c$ of the mean prediction.

    It has the sign of the margin, and still differs where all probabilities round to 0 and 1.
    """
    log_probs = mean.log_probs
    return of_class(log_probs, labels) - of_class(log_probs, mean.runner_up(labels))
