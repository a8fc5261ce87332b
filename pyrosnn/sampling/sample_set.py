"""A sample set: stored realizations of Θ and where they came from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from torch import Tensor

from pyrosnn.errors import OverlapError, require
from pyrosnn.models.classifier import StochasticClassifier


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where samples came from; the same origin means the same samples.

    Attributes:
        seed: root seed.
        stream: name of the stream: ``attack``, ``inference``, ``selection``.
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
class SampleSet:
    """Realizations θ_1 … θ_S of a classifier's sample sites, as one frozen value.

    ``samples[:10]`` is a smaller set with the same first ten samples (no copy).

    Attributes:
        tensors: value of each site, shape (sample, example, *event); the example axis has size
            1 where a value is shared by all images.
        origin: where the samples came from.
        per_image: sites that were drawn for each image (noise); the others are shared.
        chunk_size: how many samples are evaluated at once; None chooses by memory. It changes
            speed and memory, never the samples.
    """

    tensors: Mapping[str, Tensor]
    origin: Origin
    per_image: frozenset[str] = frozenset()
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        """Check that all sites have as many samples as the origin says."""
        if self.chunk_size is not None:
            require(self.chunk_size >= 1, f"chunk_size must be >= 1, got {self.chunk_size}")
        expected = self.origin.stop - self.origin.start
        require(expected >= 1, f"a sample set needs at least one sample, got {expected}")
        for name, value in self.tensors.items():
            require(
                len(value) == expected,
                f"site '{name}' has {len(value)} samples, its origin says {expected}",
            )
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def __len__(self) -> int:
        """Return S, the number of samples."""
        return self.origin.stop - self.origin.start

    def __getitem__(self, index: slice) -> "SampleSet":
        """Return the samples of a slice with step 1 as a set of their own."""
        require(isinstance(index, slice), f"index a sample set with a slice, got {index!r}")
        start, stop, step = index.indices(len(self))
        require(step == 1, f"a slice of a sample set must have step 1, got {step}")
        require(start < stop, f"the slice {index} of a set of {len(self)} samples is empty")
        return replace(
            self,
            tensors={name: value[start:stop] for name, value in self.tensors.items()},
            origin=replace(
                self.origin, start=self.origin.start + start, stop=self.origin.start + stop
            ),
        )

    def chunks(self, size: int) -> Iterator["SampleSet"]:
        """Yield consecutive slices of at most ``size`` samples."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def require_fit(self, classifier: StochasticClassifier, number: int) -> None:
        """Refuse another classifier, and images that per-image samples were not drawn for.

        Args:
            classifier: the classifier that is to be evaluated.
            number: how many images it is to be evaluated on.

        Raises:
            ArgumentError: naming what the samples were drawn for.
        """
        drawn_from = self.origin.classifier
        require(
            drawn_from is None or drawn_from == classifier.fingerprint(),
            f"these samples of stream '{self.origin.stream}' were drawn from another classifier "
            "(or it was trained since); draw them from the one that you evaluate",
        )
        for name in self.per_image:
            drawn = self.tensors[name].shape[1]
            require(
                drawn == number,
                f"site '{name}' was drawn for {drawn} images, got {number}; "
                "draw the sample sets for the images that they are used on",
            )

    def __repr__(self) -> str:
        o = self.origin
        return (
            f"SampleSet({o.stream}[{o.start}:{o.stop}], seed={o.seed}, repeat={o.repeat}, "
            f"block={o.block}, sites={list(self.tensors)})"
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
