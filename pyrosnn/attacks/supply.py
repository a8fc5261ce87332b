"""The attacker's samples and seeds: A, the samples after it in its stream, and V."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from itertools import repeat

import numpy as np

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import Origin, SampleSet, draw_sample_set, successive_sample_sets
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Images


class Supply:
    """The attack set, and everything else that an attack may draw; never I.

    Args:
        classifier: the classifier attacked.
        x: images, shape (example, *image).
        samples: the attack set A.
        selection: V, or the number of samples to draw for it when it is asked for.

    Attributes:
        classifier, x, samples: as given.
    """

    def __init__(
        self,
        classifier: StochasticClassifier,
        x: Images,
        samples: SampleSet,
        selection: SampleSet | int,
    ):
        self.x, self.samples = x, samples
        self.classifier, self._selection = classifier, selection
        self._rewind()

    def _rewind(self) -> None:
        self._stop = self.samples.origin.stop
        self._fresh: Iterator[SampleSet] | None = None

    def pages(self, *, fixed: bool) -> Iterator[SampleSet]:
        """Yield the attacker's samples for successive steps, without end.

        Args:
            fixed: A each time. Else A first and then the sets that follow it in its stream; a
                second call continues where the first stopped. An exact A has no others.

        Raises:
            ArgumentError: for fresh samples if A was made by hand, so that nothing follows it.
        """
        if fixed or self.samples.exact:
            yield from repeat(self.samples)
        if self._fresh is None:
            self._fresh = successive_sample_sets(self.classifier, self.x, self.samples)
        for page in self._fresh:
            self._stop = page.origin.stop
            yield page

    def seed(self, purpose: str, *index: int) -> np.random.SeedSequence:
        """Return the seed for one purpose, from A's root seed, repeat and block, and counters.

        An attack on another stream than A's, as in a training, has other seeds than one on A.
        """
        o = self.samples.origin
        own = purpose if o.stream == "attack" else f"{o.stream}-{purpose}"
        return seed_sequence(o.seed, own, o.repeat, o.block, *index)

    def random(self, purpose: str, *index: int) -> AbstractContextManager[None]:
        """Seed torch's generators for one purpose within a ``with`` block; see :meth:`seed`."""
        return forked_rng(self.seed(purpose, *index), self.x.device)

    @cached_property
    def selection(self) -> SampleSet:
        """V, samples for a choice among several δ, from a separate stream.

        An attack on another stream than A's, as in a training, has another V than one on A.
        """
        if isinstance(self._selection, SampleSet):
            return self._selection
        o = self.samples.origin
        stream = "selection" if o.stream == "attack" else f"{o.stream}-selection"
        return draw_sample_set(
            self.classifier,
            self.x,
            self._selection,
            seed=o.seed,
            stream=stream,
            repeat=o.repeat,
            block=o.block,
            memory_budget=self.samples.memory_budget,
        )

    @property
    def origin(self) -> Origin:
        """The origin of all samples that the attack used: A, and the fresh pages after it."""
        return replace(self.samples.origin, stop=self._stop)
