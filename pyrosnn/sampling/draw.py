"""Drawing sample sets from a guide: reproducible, whatever their size and order."""

from collections.abc import Iterator
from typing import Any

import torch
from pyro import poutine
from pyro.infer import Predictive
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.errors import ArgumentError, require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling.sample_set import Origin, SampleSet
from pyrosnn.seeding import forked_rng, seed_sequence

# Samples are drawn in pages of this many, each page from a seed of its own: sample 17 is the
# same in a set of 20 and in a set of 1,000. Changing it changes every sample.
PAGE_SIZE = 16


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
    chunk_size: int | None = None,
) -> SampleSet:
    """Draw θ_1 … θ_S from the guide with ``pyro.infer.Predictive``.

    The first samples of a larger set with the same seed, stream, repeat and block are the
    samples of a smaller one. torch's global random state is left as it was.

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
        chunk_size: how many samples are evaluated at once later; None chooses by memory.

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
    pages: list[dict[str, Tensor]] = []
    stop = start + num_samples
    for page in range(start // PAGE_SIZE, -(-stop // PAGE_SIZE)):
        with forked_rng(seed_sequence(seed, stream, repeat, block, page), classifier.device):
            pages.append(_draw_page(classifier, x, sites))
    skip = start % PAGE_SIZE
    tensors = {
        name: torch.cat([page[name] for page in pages])[skip : skip + num_samples] for name in sites
    }
    origin = Origin(
        seed=seed,
        stream=stream,
        repeat=repeat,
        block=block,
        start=start,
        stop=stop,
        classifier=classifier.fingerprint(),
    )
    per_image = frozenset(name for name, site in sites.items() if site.batch_shape)
    return SampleSet(tensors=tensors, origin=origin, per_image=per_image, chunk_size=chunk_size)


def _sites(classifier: StochasticClassifier, x: Tensor) -> dict[str, Any]:
    """Return the distribution of each sample site; those of weights have no batch shape."""
    with torch.no_grad():
        trace = prune_subsample_sites(poutine.trace(classifier.guide).get_trace(x))
    return {name: trace.nodes[name]["fn"] for name in trace.stochastic_nodes}


def _draw_page(
    classifier: StochasticClassifier, x: Tensor, sites: dict[str, Any]
) -> dict[str, Tensor]:
    """Draw one page; each site gets the shape (sample, example or 1, *event)."""
    drawn = Predictive(classifier.guide, num_samples=PAGE_SIZE, parallel=True)(x)
    return {
        name: drawn[name].reshape(PAGE_SIZE, -1, *site.event_shape) for name, site in sites.items()
    }


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
    ahead = size * max(1, PAGE_SIZE // size)  # draw whole pages where the sets are small
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
            chunk_size=first.chunk_size,
        )
        yield from drawn.chunks(size)
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
    chunk_size: int | None = None,
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
        chunk_size: how many samples are evaluated at once later; None chooses by memory.

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
            chunk_size=chunk_size,
        ),
        draw_sample_set(
            classifier,
            x,
            inference,
            seed=seed,
            stream="inference",
            repeat=repeat,
            block=block,
            chunk_size=chunk_size,
        ),
    )
