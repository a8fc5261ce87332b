"""Sample sets drawn from a guide: reproducible, whatever their size and order."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError, require
from pyrosnn.models.batch import images_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.sampling.memory import MEMORY_BUDGET, require_budget
from pyrosnn.sampling.sample_set import Origin, SampleSet
from pyrosnn.sampling.stream import Stream
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike


@checked_arguments
@neutral
def draw_sample_set(
    classifier: StochasticClassifier,
    x: ImagesLike,
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
        x: the images of the block, shape (example, *image): a tensor, an array or nested lists;
            sites such as input noise are drawn for
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
    require_budget(memory_budget)
    x = images_for(classifier, x)
    require(
        all(bool(torch.isfinite(p).all()) for p in classifier.parameters()),
        "the classifier has parameters that are NaN or infinite; train it again",
    )
    origin = Origin(
        seed=seed,
        stream=stream,
        repeat=repeat,
        block=block,
        start=start,
        stop=start + num_samples,
        classifier=classifier.fingerprint(),
    )
    return Stream.open(classifier, x, origin).take(start, num_samples, memory_budget)


def successive_sample_sets(
    classifier: StochasticClassifier, x: Tensor, first: SampleSet
) -> Iterator[SampleSet]:
    """Yield a sample set, and then the sets that follow it in its stream, without end.

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
    stream, start = Stream.open(classifier, x, origin), origin.stop
    page = first.page_size
    while True:
        # to the end of a page where the sets are small, so that no page is drawn for two of them
        ahead = size * max(1, (page - start % page) // size)
        drawn = stream.take(start, ahead, first.memory_budget)
        yield from (drawn[s : s + size] for s in range(0, ahead, size))
        start += ahead


@checked_arguments
def disjoint_sample_sets(
    classifier: StochasticClassifier,
    x: ImagesLike,
    *,
    attack: int,
    inference: int,
    seed: int,
    repeat: int = 0,
    block: int = 0,
    memory_budget: int = MEMORY_BUDGET,
) -> tuple[SampleSet, SampleSet]:
    """Draw the attack set A and the inference set I from separate streams.

    Args:
        classifier: whose guide is drawn from.
        x: the images that both sets are for, shape (example, *image).
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
