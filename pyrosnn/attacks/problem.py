"""The problem of an attack: each image's loss as a function of δ, and the queries so far."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pyrosnn.attacks.archive import Archive
from pyrosnn.attacks.maximised import AttackLoss, Gradient
from pyrosnn.attacks.norms import Bound, Norm, largest_entry
from pyrosnn.attacks.precision import in_precision
from pyrosnn.attacks.supply import Supply
from pyrosnn.errors import NotFiniteError, not_finite
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import SampleSet, predict_again
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.shapes import Flags, Images, Labels, PerImage

# Which of the images are asked about: indices, or all of them.
Rows = Tensor | slice
EVERY = slice(None)

# Share of the clipping range within which a pixel stands at a bound: x + δ is rounded.
AT_BOUND = 1e-6


class Problem(Supply):
    """The checked images, labels and samples of an attack, and the queries that it may make.

    :class:`pyrosnn.Attack` makes it, and gives it to ``run``. It counts what is asked, and
    remembers whether any gradient was nonzero.

    Args:
        classifier: the classifier attacked.
        x: images, shape (example, *image).
        labels: the labels whose loss is maximised, shape (example,).
        samples: the attack set A.
        maximised: the loss that ``value`` and ``gradient`` are of.
        norm: what bounds δ.
        clip: smallest and largest pixel of x + δ, or None.
        selection: V, or its size; by default as many samples as A.

    Attributes:
        x, labels, samples, maximised, norm: as given.
        attacker: the classifier in the attacker's precision.
        target: the class that the loss leads to, of each image, shape (example,); None for any
            other than the label. An attack may set it, if its loss has such a form.
        archive: what V finds worst of all that ``decide`` was asked about.
        fooled: for which images V finds the final δ to be wrong, shape (example,); an attack that
            minimises the norm may set it.
        num_gradients, num_queries: gradients, and values without one, of a single sample at a
            single image that were asked for.
    """

    def __init__(
        self,
        *,
        classifier: StochasticClassifier,
        x: Images,
        labels: Labels,
        samples: SampleSet,
        maximised: AttackLoss,
        norm: Norm,
        clip: tuple[float, float] | None,
        selection: SampleSet | int | None = None,
    ):
        super().__init__(classifier, x, samples, len(samples) if selection is None else selection)
        self.labels, self.maximised, self.norm = labels, maximised, norm
        self.attacker = in_precision(classifier, maximised.precision)
        self._clip = clip
        self._predicted: Labels | None = None
        self._parts: list[tuple[Rows, SampleSet, tuple[Tensor, Labels, SampleSet]]] = []
        self._begin()

    def on(self, classifier: StochasticClassifier, samples: SampleSet) -> "Problem":
        """Return the problem of the same images, labels, loss and bounds on another classifier.

        Args:
            classifier: the other classifier.
            samples: the attack set there.
        """
        return Problem(
            classifier=classifier,
            x=self.x,
            labels=self.labels,
            samples=samples,
            maximised=self.maximised,
            norm=self.norm,
            clip=self._clip,
        )

    def _begin(self) -> None:
        self.num_gradients, self.num_queries = 0, 0
        self.target: Labels | None = None
        self.archive = Archive(self.x)
        self.fooled: Flags | None = None
        self._nonzero: Tensor | None = None
        self._finite: Flags | None = None  # of the gradients: looked at once, by ``result_of``

    def again(self) -> "Problem":
        """Return the same problem with all counts reset, for another strength."""
        other = copy.copy(self)
        other._rewind()
        other._begin()
        return other

    def value(
        self, delta: Images | None = None, page: SampleSet | None = None, rows: Rows = EVERY
    ) -> PerImage:
        """Return the loss of each image at x + δ, float64, shape (row,).

        Args:
            delta: δ, shape (row, *image); None for x itself.
            page: samples of the attacker; None for A.
            rows: which images those are; all by default.
        """
        x, labels, samples = self._of(rows, page)
        self.num_queries += len(x) * len(samples)
        moved = x if delta is None else x + delta
        with self._naming(rows, moved=delta is not None):
            return self._loss(rows).value(self.attacker, moved, labels, samples)

    def gradient(
        self, delta: Images | None = None, page: SampleSet | None = None, rows: Rows = EVERY
    ) -> Gradient:
        """Return the gradient of the loss at x + δ, direction and scale apart.

        Args:
            delta: δ, shape (row, *image); None for x itself.
            page: samples of the attacker; None for A.
            rows: which images those are; all by default.
        """
        x, labels, samples = self._of(rows, page)
        clean = self._is_clean(delta, samples)
        moved = x if delta is None else x + delta
        with self._naming(rows, moved=not clean and delta is not None):
            gradient, mean = self._loss(rows).differentiate(
                self.attacker, moved, labels, samples, predict=clean
            )
        if clean and mean is not None:
            self._predicted = mean.predicted
        self.num_gradients += len(x) * len(samples)
        largest = largest_entry(gradient.direction)
        if self._finite is None:
            self._finite = torch.ones_like(self.labels, dtype=torch.bool)
        self._finite[rows] = self._finite[rows] & largest.isfinite()
        if self._nonzero is None or not bool(self._nonzero.all()):
            self.saw(largest != 0, rows)
        return gradient

    def require_finite(self, delta: Images) -> None:
        """Refuse a δ, or gradients on the way to it, that are NaN or infinite.

        A gradient of NaN has no sign, and would leave its image where it is.

        Raises:
            NotFiniteError: naming the images.
        """
        self._require_finite_gradients()
        require_finite(delta, "perturbations of the attack")

    def _require_finite_gradients(self) -> None:
        if self._finite is not None:
            require_finite(torch.where(self._finite, 0.0, torch.nan), GRADIENTS)

    @contextmanager
    def _naming(self, rows: Rows, *, moved: bool) -> Iterator[None]:
        """Name the images themselves in an error about some of them."""
        try:
            yield
        except NotFiniteError as error:
            self._require_finite_gradients()  # if they were not, that is why
            index = torch.arange(len(self.x))[rows if isinstance(rows, slice) else rows.cpu()]
            images = index[torch.tensor(error.images)].tolist()
            raise not_finite(error.quantity, images, len(self.x), moved=moved) from None

    def saw(self, nonzero: Flags, rows: Rows = EVERY) -> None:
        """Record which images had a nonzero gradient; ``gradient`` does so itself.

        Args:
            nonzero: whether a gradient, or what stands for one, is not zero, shape (row,).
            rows: which images those are.
        """
        if self._nonzero is None:
            self._nonzero = torch.zeros_like(self.labels, dtype=torch.bool)
        self._nonzero[rows] = self._nonzero[rows] | nonzero

    def unfinished(self, rows: Rows, gradient: Gradient, *, fixed: bool) -> Rows:
        """Return the rows on which an attack along gradients alone has to continue.

        An image leaves once its gradient is zero on samples that stay, if the loss rests: it
        would stand still for all further steps.

        Args:
            rows: the rows that were asked about.
            gradient: their gradient.
            fixed: whether the samples stay the same in all steps.
        """
        if not (fixed and self.maximised.row.rests):
            return rows
        moving = largest_entry(gradient.direction) != 0
        if bool(moving.all()):
            return rows
        return torch.arange(len(self.x), device=self.x.device)[rows][moving]

    def inward(self, gradient: Images, delta: Images | None = None, rows: Rows = EVERY) -> Images:
        """Return a gradient for the norm's steepest direction, within the clipping bounds.

        In ℓ1 that direction moves one pixel. A pixel that stands at a bound and would leave it
        becomes 0 in the gradient: another one is moved in its place.

        Args:
            gradient: a gradient at x + δ, shape (row, *image).
            delta: δ, shape (row, *image); None for x itself.
            rows: which images those are; all by default.
        """
        if self._clip is None or not self.norm.sparse:
            return gradient
        (low, high), x = self._clip, self.x[rows]
        moved, near = x if delta is None else x + delta, AT_BOUND * (high - low)
        outward = ((moved <= low + near) & (gradient < 0)) | (
            (moved >= high - near) & (gradient > 0)
        )
        return gradient.masked_fill(outward, 0.0)

    def project(self, delta: Images, strength: Bound, rows: Rows = EVERY) -> Images:
        """Return the nearest δ within the strength, with x + δ between the clipping bounds.

        Args:
            delta: δ, shape (row, *image).
            strength: η, or one of each image, shape (row,).
            rows: which images those are; all by default.
        """
        inside = self.norm.project(delta, strength)
        if self._clip is None:
            return inside
        x = self.x[rows]
        return (x + inside).clamp_(*self._clip).sub_(x)

    def clipped(self, delta: Images) -> Images:
        """Return δ with x + δ between the clipping bounds; entries inside keep their bits."""
        if self._clip is None:
            return delta
        moved = self.x + delta
        bounded = moved.clamp(*self._clip)
        return torch.where(moved == bounded, delta, bounded - self.x)

    def judged(self, delta: Images, rows: Rows = EVERY) -> MeanPrediction:
        """Return V's prediction at x + δ, in the classifier's own precision.

        Args:
            delta: δ, shape (row, *image).
            rows: which images those are; all by default.
        """
        x, _, samples = self._of(rows, self.selection)
        self.num_queries += len(x) * len(samples)
        return predict_again(self.classifier, x + delta, samples, moved=True)

    def decide(self, delta: Images, rows: Rows = EVERY) -> PerImage:
        """Return the loss of each image at x + δ on V, and offer δ to the archive.

        V is fixed: two δ of an image are compared on the same samples, and what is better for one
        of them is better for all that were asked about.

        Args:
            delta: δ, shape (row, *image), within the strength and the bounds.
            rows: which images those are; all by default.
        """
        mean = self.judged(delta, rows)
        labels = self.labels[rows]
        self.archive.offer(delta, mean.margin(labels), rows)
        return self._loss(rows).row.value(mean, labels)

    def _loss(self, rows: Rows) -> AttackLoss:
        """Return the loss of some rows: toward their targets, if there are any."""
        return self.maximised if self.target is None else self.maximised.toward(self.target[rows])

    @property
    def predicted(self) -> Labels:
        """The classes that A predicts at x; reused from a gradient there."""
        if self._predicted is None:
            self._predicted = predict_again(self.attacker, self.x, self.samples).predicted
        return self._predicted

    @property
    def zero_gradient(self) -> Flags:
        """Images whose every requested gradient was zero."""
        if self._nonzero is None:
            return torch.zeros_like(self.labels, dtype=torch.bool)
        return ~self._nonzero

    def per_image(self, count: int) -> int:
        """Return a total count as a count per image, rounded up."""
        return math.ceil(count / len(self.x))

    def _is_clean(self, delta: Images | None, samples: SampleSet) -> bool:
        """Return whether this is the first gradient, at x on A, which also gives A's labels."""
        first = self._predicted is None and self.num_gradients == 0
        return first and samples is self.samples and (delta is None or not bool(delta.any()))

    def _of(self, rows: Rows, page: SampleSet | None) -> tuple[Tensor, Labels, SampleSet]:
        """Return images, labels and samples of some rows; those of the last step are cached."""
        page = self.samples if page is None else page
        if isinstance(rows, slice):
            return self.x, self.labels, page
        for kept in self._parts:
            if kept[0] is rows and kept[1] is page:
                return kept[2]
        part = (self.x[rows], self.labels[rows], page.for_examples(rows))
        self._parts = [(rows, page, part), *self._parts[:1]]  # a page and V take turns
        return part
