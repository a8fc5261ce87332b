"""A sample set: realizations of Θ, stored or drawn again when needed, and their origin."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar

from torch import Tensor

from pyrosnn.errors import OverlapError, brief, require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling.memory import MEMORY_BUDGET, require_budget
from pyrosnn.settings import RightlyCalled, check_argument

# Samples are drawn in pages of this many, each page from a seed of its own: sample 17 is the
# same in a set of 20 and in a set of 1,000. Changing it changes every sample.
PAGE_SIZE = 16

# Pages of larger samples (dropout masks of wide networks) are of fewer: the largest power of two
# with at most so many values, 256 MiB of floats. No budget and no precision decides it, so that
# samples depend on neither.
PAGE_VALUES = 2**26


def page_size(sample_values: int) -> int:
    """Return the number of samples to draw at once, given the number of values of each.

    Example:
        >>> page_size(100_000), page_size(10_000_000), page_size(10**9)
        (16, 4, 1)
    """
    fitting = max(1, min(PAGE_SIZE, PAGE_VALUES // sample_values))
    return 1 << (fitting.bit_length() - 1)


# Draws the samples of a range of indices of a stream.
Draw = Callable[[int, int], Mapping[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Origin(metaclass=RightlyCalled):
    """The origin of samples; the same origin means the same samples.

    Attributes:
        seed: root seed.
        stream: name of the stream: ``attack`` (A), ``inference`` (I), ``selection`` (V),
            ``training`` (T), ``certificate`` (C), ``certificate-selection``, and others.
        repeat: which repetition of the experiment.
        block: which block of images.
        start, stop: range of indices within the stream.
        classifier: fingerprint of the classifier; None for samples made by hand.
    """

    seed: int
    stream: str
    repeat: int = 0
    block: int = 0
    start: int = 0
    stop: int
    classifier: int | None = None

    def shared(self, other: "Origin") -> range:
        """Return the indices that two origins have in common; empty if none."""
        mine = (self.classifier, self.seed, self.stream, self.repeat, self.block)
        theirs = (other.classifier, other.seed, other.stream, other.repeat, other.block)
        if mine != theirs:
            return range(0)
        return range(max(self.start, other.start), min(self.stop, other.stop))


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleSet(metaclass=RightlyCalled):
    """Realizations θ_1 … θ_S of a classifier's sample sites, as one frozen value.

    ``samples[:10]`` is a smaller set with the same first ten samples (no copy). A set that was
    drawn within its memory budget holds its samples; a larger one draws them again, a page at
    a time, whenever they are used: the same samples, at the price of the draws.

    Attributes:
        origin: where the samples came from.
        stored: value of each site, shape (sample, example, *event); the example axis has size 1
            where a value is shared by all images. None if the set draws them when needed.
        draw: draws them; None for samples made by hand.
        per_image: sites that were drawn for each image (noise); the others are shared.
        num_examples: how many images those were drawn for.
        memory_budget: bytes that this set and its evaluation may take. It changes speed and
            memory, never the samples.
        page_size: how many samples ``draw`` draws at once.
        weights: how much each sample counts in a mean, float64, shape (sample,); None if all
            count alike, as draws do.
        exact: whether the set holds all values of Θ, each with its probability: no others can be
            drawn, and fresh ones are the same. See :func:`enumerated`.
    """

    how_to_make: ClassVar[str] = "draw it with draw_sample_set or disjoint_sample_sets"

    origin: Origin
    stored: Mapping[str, Tensor] | None
    draw: Draw | None = None
    per_image: frozenset[str] = frozenset()
    num_examples: int | None = None
    memory_budget: int = MEMORY_BUDGET
    page_size: int = PAGE_SIZE
    weights: Tensor | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        """Check that all sites have the origin's number of samples."""
        check_argument("origin", self.origin, Origin)
        check_argument("memory_budget", self.memory_budget, int)
        require_budget(self.memory_budget)
        expected = self.origin.stop - self.origin.start
        require(expected >= 1, f"a sample set needs at least one sample, got {expected}")
        if self.stored is None:
            require(self.draw is not None, "a sample set that stores no samples must draw them")
            require(self.weights is None, "samples with weights must be stored")
            return
        check_argument("stored", self.stored, Mapping)
        for name, value in self.stored.items():
            given: object = value
            require(
                isinstance(given, Tensor) and given.ndim >= 2,
                f"site '{name}' must be a tensor of shape (sample, example, …), got {brief(value)}",
            )
            require(
                len(value) == expected,
                f"site '{name}' has {len(value)} samples, its origin says {expected}",
            )
        object.__setattr__(self, "stored", MappingProxyType(dict(self.stored)))
        if self.weights is not None:
            require(
                self.weights.shape == (expected,) and bool((self.weights > 0).all()),
                f"weights must be {expected} positive numbers, one for each sample, got "
                f"{brief(self.weights)}",
            )

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The values of all sites, shape (sample, example, *event)."""
        if self.stored is not None:
            return self.stored
        assert self.draw is not None  # see __post_init__
        return MappingProxyType(dict(self.draw(self.origin.start, self.origin.stop)))

    def __len__(self) -> int:
        """Return S, the number of samples."""
        return self.origin.stop - self.origin.start

    def __getitem__(self, index: slice) -> "SampleSet":
        """Return the samples of a slice with step 1 as a new set."""
        require(isinstance(index, slice), f"index a sample set with a slice, got {index!r}")
        start, stop, step = index.indices(len(self))
        require(step == 1, f"a slice of a sample set must have step 1, got {step}")
        require(start < stop, f"the slice {index} of a set of {len(self)} samples is empty")
        first = self.origin.start
        stored = self.stored
        if stored is not None:
            stored = {name: value[start:stop] for name, value in stored.items()}
        return replace(
            self,
            stored=stored,
            origin=replace(self.origin, start=first + start, stop=first + stop),
            weights=None if self.weights is None else self.weights[start:stop],
            exact=self.exact and stop - start == len(self),
        )

    @property
    def total(self) -> float:
        """The sum of the weights: S where all samples count alike."""
        return float(len(self) if self.weights is None else self.weights.sum())

    def require_alike(self, purpose: str) -> None:
        """Refuse samples with weights.

        Args:
            purpose: what needs samples that count alike.

        Raises:
            ArgumentError: naming the next step.
        """
        require(
            self.weights is None,
            f"{purpose} counts samples, and these have weights (enumerated); draw them: "
            "draw_sample_set",
        )

    def load(self) -> "SampleSet":
        """Return the same set with its samples in memory."""
        return self if self.stored is not None else replace(self, stored=self.tensors)

    def chunks(self, size: int, stops: Sequence[int] = ()) -> Iterator["SampleSet"]:
        """Yield consecutive stored slices of at most ``size`` samples.

        Args:
            size: the largest number of samples of a slice.
            stops: no slice crosses these numbers of samples.
        """
        for part in self._in_memory():
            start = 0
            offset = part.origin.start - self.origin.start
            while start < len(part):
                ends = [stop - offset for stop in stops if stop - offset > start]
                stop = min([start + size, len(part), *ends])
                yield part[start:stop]
                start = stop

    def _in_memory(self) -> Iterator["SampleSet"]:
        """Yield the set itself if it is stored, else its pages, each drawn on demand."""
        if self.stored is not None:
            yield self
            return
        first, last = self.origin.start, self.origin.stop
        page = self.page_size
        bounds = [first, *range(first - first % page + page, last, page), last]
        for start, stop in pairwise(bounds):
            yield self[start - first : stop - first].load()

    def for_examples(self, rows: Tensor) -> "SampleSet":
        """Return the set with values for some of the images, in the order of ``rows``.

        A set that is drawn when it is used stays one.

        Args:
            rows: indices of images, shape (row,); an image may appear more than once.
        """
        stored, draw = self.stored, self.draw

        def chosen(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {
                name: value.index_select(1, rows) if name in self.per_image else value
                for name, value in tensors.items()
            }

        return replace(
            self,
            stored=None if stored is None else chosen(stored),
            draw=None if draw is None else lambda start, stop: chosen(draw(start, stop)),
            num_examples=len(rows),
        )

    def require_fit(self, classifier: StochasticClassifier, number: int) -> None:
        """Refuse another classifier, and images for which no per-image samples were drawn.

        Args:
            classifier: the classifier that is to be evaluated.
            number: how many images it is to be evaluated on.

        Raises:
            ArgumentError: naming the classifier or the images of the samples.
        """
        drawn_from = self.origin.classifier
        require(
            drawn_from is None or drawn_from == classifier.fingerprint(),
            f"these samples of stream '{self.origin.stream}' were drawn from another classifier "
            "(or it was trained since); draw them from the one that you evaluate",
        )
        for name, value in (self.stored or {}).items():
            require(
                value.device == classifier.device,
                f"site '{name}' was drawn on {value.device}, the classifier is on "
                f"{classifier.device}; draw the samples where it is",
            )
        self.require_images(number)

    def require_images(self, number: int) -> None:
        """Refuse another number of images than per-image samples were drawn for.

        Args:
            number: how many images they are to be used on.

        Raises:
            ArgumentError: naming a site, and both numbers.
        """
        for name in sorted(self.per_image):
            require(
                self.num_examples == number,
                f"site '{name}' was drawn for {self.num_examples} images, got {number}; "
                "draw the sample sets for the images that they are used on",
            )

    def __repr__(self) -> str:
        o = self.origin
        kept = f"sites={list(self.stored)}" if self.stored is not None else "drawn when used"
        return (
            f"SampleSet({o.stream}[{o.start}:{o.stop}], seed={o.seed}, repeat={o.repeat}, "
            f"block={o.block}, {kept})"
        )


def require_disjoint(first: Origin, second: Origin) -> None:
    """Refuse two origins that share samples.

    Raises:
        OverlapError: naming the shared indices.
    """
    shared = first.shared(second)
    if len(shared) > 0:
        raise OverlapError(
            f"the sample sets share samples {shared.start} … {shared.stop - 1} of stream "
            f"'{first.stream}' (seed {first.seed}, repeat {first.repeat}, block {first.block}); "
            "attack and inference need disjoint sets: see disjoint_sample_sets"
        )


def require_attackers(origin: Origin) -> None:
    """Refuse inference samples where an attacker's are needed.

    Raises:
        OverlapError: for the stream ``inference``.
    """
    if origin.stream == "inference":
        raise OverlapError(
            "an attack must not see samples of the stream 'inference'; give it the attack set: "
            "see disjoint_sample_sets"
        )
