"""Drawing sample sets from a guide: reproducible, whatever their size and order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from pyro import poutine
from pyro.infer import Predictive
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.errors import ArgumentError, require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling.memory import MEMORY_BUDGET, quarter
from pyrosnn.sampling.sample_set import Origin, SampleSet, page_size
from pyrosnn.seeding import forked_rng, seed_sequence


def draw_sample_set(
    classifier: StochasticClassifier,
    x: Tensor,
    num_samples: int,
    *,
    seed: int,
    stream: str,
    repeat: int = 0,
    block: int = 0,
    start: int = 0,
    memory_budget: int = MEMORY_BUDGET,
) -> SampleSet:
    """Draw θ_1 … θ_S from the guide with ``pyro.infer.Predictive``.

    The first samples of a larger set with the same seed, stream, repeat and block are the
    samples of a smaller one. torch's global random state is left as it was. A set that takes
    more than a quarter of the memory budget is not stored: it draws its samples when they are
    used.

    Args:
        classifier: whose guide is drawn from.
        x: the images of the block, shape (example, …); sites such as input noise are drawn for
            each of them.
        num_samples: S.
        seed: root seed.
        stream: name of the stream; different streams are independent.
        repeat: counter of the repetition.
        block: counter of the block of images.
        start: index within the stream of the first sample.
        memory_budget: bytes that an evaluation with this set may take.

    Raises:
        ArgumentError: ``num_samples must be >= 1, got 0``.
    """
    require(num_samples >= 1, f"num_samples must be >= 1, got {num_samples}")
    require(start >= 0, f"start must be >= 0, got {start}")
    require(len(x) >= 1, "got no images to draw samples for; expected at least one")
    require(
        all(bool(torch.isfinite(p).all()) for p in classifier.parameters()),
        "the classifier has parameters that are NaN or infinite; train it again",
    )
    x = x.to(classifier.device)
    with forked_rng(seed_sequence(seed, stream), classifier.device):
        sites = _sites(classifier, x)
    size = page_size(sum(site.values for site in sites.values()))

    def draw(first: int, last: int) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for page in range(first // size, -(-last // size)):
            with forked_rng(seed_sequence(seed, stream, repeat, block, page), classifier.device):
                drawn = _draw_page(classifier, x, sites, size)
            begin = page * size
            wanted = slice(max(first - begin, 0), min(last - begin, size))
            for name, value in drawn.items():
                if name not in tensors:  # filled in place: joining pages would take twice as much
                    tensors[name] = value.new_empty(last - first, *value.shape[1:])
                at = begin + wanted.start - first
                tensors[name][at : at + wanted.stop - wanted.start] = value[wanted]
        return tensors

    stop = start + num_samples
    sample_bytes = sum(site.values * site.value_bytes for site in sites.values())
    fits = num_samples * sample_bytes <= quarter(memory_budget)
    return SampleSet(
        origin=Origin(
            seed=seed,
            stream=stream,
            repeat=repeat,
            block=block,
            start=start,
            stop=stop,
            classifier=classifier.fingerprint(),
        ),
        stored=draw(start, stop) if fits else None,
        draw=draw,
        per_image=frozenset(name for name, site in sites.items() if site.per_image),
        num_examples=len(x),
        memory_budget=memory_budget,
        page_size=size,
    )


@dataclass(frozen=True)
class _Site:
    """What the samples of one site are."""

    event_shape: tuple[int, ...]
    per_image: bool
    values: int
    value_bytes: int


def _sites(classifier: StochasticClassifier, x: Tensor) -> dict[str, _Site]:
    """Draw one sample to see what each site is; those of weights have no batch shape."""
    with torch.no_grad():
        trace = prune_subsample_sites(poutine.trace(classifier.guide).get_trace(x))
    nodes = dict[str, Any](trace.nodes)  # their values are of many types
    return {
        name: _Site(
            event_shape=tuple(nodes[name]["fn"].event_shape),
            per_image=bool(nodes[name]["fn"].batch_shape),
            values=nodes[name]["value"].numel(),
            value_bytes=nodes[name]["value"].element_size(),
        )
        for name in trace.stochastic_nodes
    }


def _draw_page(
    classifier: StochasticClassifier, x: Tensor, sites: dict[str, _Site], size: int
) -> dict[str, Tensor]:
    """Draw one page; each site gets the shape (sample, example or 1, *event)."""
    many = classifier.vectorized_guide
    drawn = Predictive(classifier.guide, num_samples=size, parallel=many)(x)
    return {name: drawn[name].reshape(size, -1, *site.event_shape) for name, site in sites.items()}


def successive_sample_sets(
    classifier: StochasticClassifier, x: Tensor, first: SampleSet
) -> Iterator[SampleSet]:
    """Yield a sample set and then, without end, the sets that follow it in its stream.

    All have the size of the first; memory holds one of them, or one page where they are small.

    Args:
        classifier: the classifier that the first set was drawn from.
        x: the images that it was drawn for.
        first: a set that :func:`draw_sample_set` made.

    Raises:
        ArgumentError: if the set was made by hand, so that nothing follows it.
    """
    origin, size = first.origin, len(first)
    if origin.classifier is None:
        raise ArgumentError(
            "fresh samples need a set that was drawn (draw_sample_set), got one made by hand; "
            "draw it, or keep its samples fixed"
        )
    first.require_fit(classifier, len(x))
    yield first
    ahead = size * max(1, first.page_size // size)  # draw whole pages where the sets are small
    start = origin.stop
    while True:
        drawn = draw_sample_set(
            classifier,
            x,
            ahead,
            seed=origin.seed,
            stream=origin.stream,
            repeat=origin.repeat,
            block=origin.block,
            start=start,
            memory_budget=first.memory_budget,
        )
        yield from (drawn[s : s + size] for s in range(0, ahead, size))
        start += ahead


def disjoint_sample_sets(
    classifier: StochasticClassifier,
    x: Tensor,
    *,
    attack: int,
    inference: int,
    seed: int,
    repeat: int = 0,
    block: int = 0,
    memory_budget: int = MEMORY_BUDGET,
) -> tuple[SampleSet, SampleSet]:
    """Draw the attack set A and the inference set I from streams of their own.

    Args:
        classifier: whose guide is drawn from.
        x: the images that both sets are for, shape (example, …).
        attack: S_A, the size of A.
        inference: S_I, the size of I.
        seed: root seed.
        repeat: counter of the repetition.
        block: counter of the block of images.
        memory_budget: bytes that an evaluation with these sets may take.

    Returns:
        A and I.

    Raises:
        ArgumentError: if a size is below 1.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=1), digits)
        >>> A, I = disjoint_sample_sets(bnn, digits.x_test[:20], attack=5, inference=10, seed=0)
        >>> len(A), A.origin.stream, list(A.tensors)
        (5, 'attack', ['weight_0', 'weight_1', 'weight_2'])
    """
    return (
        draw_sample_set(
            classifier,
            x,
            attack,
            seed=seed,
            stream="attack",
            repeat=repeat,
            block=block,
            memory_budget=memory_budget,
        ),
        draw_sample_set(
            classifier,
            x,
            inference,
            seed=seed,
            stream="inference",
            repeat=repeat,
            block=block,
            memory_budget=memory_budget,
        ),
    )
