"""The stream of samples of one classifier and block of images, with random access."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from pyro import poutine
from pyro.infer import Predictive
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.errors import NotStochasticError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling.memory import quarter
from pyrosnn.sampling.sample_set import Origin, SampleSet, page_size
from pyrosnn.seeding import forked_rng, seed_sequence


@dataclass(frozen=True)
class Site:
    """Shape and type of the samples of one site."""

    event_shape: tuple[int, ...]
    per_image: bool
    values: int
    value_bytes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """The samples of one seed, name, repeat and block; :meth:`open` determines their shapes.

    A stream takes for granted that its classifier stays as it was when it was opened.

    Attributes:
        classifier: whose guide is drawn from.
        x: the images of the block, on the classifier's device.
        origin: seed, name, repeat, block and fingerprint; its range is not used.
        sites: the sample sites by name.
        page_size: how many samples are drawn at once, from a seed of their own.
    """

    classifier: StochasticClassifier
    x: Tensor
    origin: Origin
    sites: Mapping[str, Site]
    page_size: int

    @classmethod
    def open(cls, classifier: StochasticClassifier, x: Tensor, origin: Origin) -> "Stream":
        """Return a stream; draw one sample to determine the shape and type of each site.

        Args:
            classifier: whose guide is drawn from.
            x: the images of the block.
            origin: what its samples come from.
        """
        x = x.to(classifier.device)
        with forked_rng(seed_sequence(origin.seed, origin.stream), classifier.device):
            sites = _sites(classifier, x)
        if not sites:
            raise NotStochasticError(
                f"the {type(classifier).__name__} draws no sample site; draw its randomness with "
                "pyro.sample in sample_sites"
            )
        size = page_size(sum(site.values for site in sites.values()))
        return cls(classifier=classifier, x=x, origin=origin, sites=sites, page_size=size)

    def take(self, start: int, number: int, memory_budget: int) -> SampleSet:
        """Return consecutive samples as a set, which is stored if it fits the memory budget.

        Args:
            start: index of the first.
            number: how many.
            memory_budget: bytes that an evaluation with the set may take.
        """
        sample_bytes = sum(site.values * site.value_bytes for site in self.sites.values())
        fits = number * sample_bytes <= quarter(memory_budget)
        stop = start + number
        return SampleSet(
            origin=replace(self.origin, start=start, stop=stop),
            stored=self.draw(start, stop) if fits else None,
            draw=self.draw,
            per_image=frozenset(name for name, site in self.sites.items() if site.per_image),
            num_examples=len(self.x),
            memory_budget=memory_budget,
            page_size=self.page_size,
        )

    def draw(self, first: int, last: int) -> dict[str, Tensor]:
        """Return the values of a range of samples, page by page."""
        size, tensors = self.page_size, dict[str, Tensor]()
        for page in range(first // size, -(-last // size)):
            drawn = self._page(page)
            begin = page * size
            wanted = slice(max(first - begin, 0), min(last - begin, size))
            for name, value in drawn.items():
                if name not in tensors:  # filled in place: joining pages would take twice as much
                    tensors[name] = value.new_empty(last - first, *value.shape[1:])
                at = begin + wanted.start - first
                tensors[name][at : at + wanted.stop - wanted.start] = value[wanted]
        return tensors

    def _page(self, page: int) -> dict[str, Tensor]:
        """Draw one page; each site gets the shape (sample, example or 1, *event)."""
        o, size = self.origin, self.page_size
        sequence = seed_sequence(o.seed, o.stream, o.repeat, o.block, page)
        many = self.classifier.vectorized_guide
        with forked_rng(sequence, self.classifier.device):
            drawn = Predictive(self.classifier.guide, num_samples=size, parallel=many)(self.x)
        return {
            name: drawn[name].reshape(size, -1, *site.event_shape)
            for name, site in self.sites.items()
        }


def _sites(classifier: StochasticClassifier, x: Tensor) -> dict[str, Site]:
    """Draw one sample to determine each site; sites of weights have no batch shape."""
    with torch.no_grad():
        trace = prune_subsample_sites(poutine.trace(classifier.guide).get_trace(x))
    nodes = dict[str, Any](trace.nodes)  # their values are of many types
    return {
        name: Site(
            event_shape=tuple(nodes[name]["fn"].event_shape),
            per_image=bool(nodes[name]["fn"].batch_shape),
            values=nodes[name]["value"].numel(),
            value_bytes=nodes[name]["value"].element_size(),
        )
        for name in trace.stochastic_nodes
    }
