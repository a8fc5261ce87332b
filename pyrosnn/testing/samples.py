"""Guarantees about samples: replayed, nested, disjoint, and independent of the batch."""

import torch
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import (
    SampleSet,
    disjoint_sample_sets,
    draw_sample_set,
    predict,
    replay_logits,
    require_disjoint,
    require_stochastic,
)
from pyrosnn.testing.values import rounding

NUM_SAMPLES = 20  # more than a page of samples
PART = 7


def _draw(classifier: StochasticClassifier, x: Tensor, number: int = NUM_SAMPLES) -> SampleSet:
    return draw_sample_set(classifier, x, number, seed=0, stream="contract")


def replay(classifier: StochasticClassifier, x: Tensor) -> None:
    """A sample always gives identical outputs, and a seed identical samples."""
    samples, again = _draw(classifier, x), _draw(classifier, x)
    for name, value in samples.tensors.items():
        assert torch.equal(value, again.tensors[name]), f"the seed draws another '{name}'"
    first, second = (replay_logits(classifier, x, samples) for _ in range(2))
    assert torch.equal(first, second), "the same samples give other outputs when replayed"


def prefix(classifier: StochasticClassifier, x: Tensor) -> None:
    """A smaller set with the same seed holds the first samples of the larger one."""
    whole, part = _draw(classifier, x), _draw(classifier, x, PART)
    for name, value in part.tensors.items():
        same = torch.equal(value, whole.tensors[name][:PART])
        assert same, f"the first {PART} of {NUM_SAMPLES} samples of '{name}' are others"
    expected = replay_logits(classifier, x, whole)
    logits = replay_logits(classifier, x, part)
    torch.testing.assert_close(logits, expected[:PART], **rounding(classifier, expected))


def images_apart(classifier: StochasticClassifier, x: Tensor) -> None:
    """An image has the same outputs alone, and in another order, as in its block."""
    samples = _draw(classifier, x, PART)
    expected = replay_logits(classifier, x, samples)
    backwards = torch.arange(len(x) - 1, -1, -1, device=x.device)
    for rows in (backwards, backwards[:1]):
        logits = replay_logits(classifier, x[rows], samples.for_examples(rows))
        torch.testing.assert_close(
            logits,
            expected[:, rows],
            **rounding(classifier, expected),
            msg=lambda text: f"outputs depend on the other images of a batch: {text}",
        )


def disjoint(classifier: StochasticClassifier, x: Tensor) -> None:
    """A and I share no draw and no values."""
    attack, inference = disjoint_sample_sets(
        classifier, x, attack=NUM_SAMPLES, inference=NUM_SAMPLES, seed=0
    )
    require_disjoint(attack.origin, inference.origin)
    differ = [
        not torch.equal(value, inference.tensors[name]) for name, value in attack.tensors.items()
    ]
    assert any(differ), "A and I are the same samples"


def memory_budget(classifier: StochasticClassifier, x: Tensor) -> None:
    """A budget of a single byte changes the memory of a prediction, and not its value."""
    stored = _draw(classifier, x)
    drawn_when_used = draw_sample_set(
        classifier, x, NUM_SAMPLES, seed=0, stream="contract", memory_budget=1
    )
    expected = predict(classifier, x, stored).scores
    scores = predict(classifier, x, drawn_when_used).scores
    torch.testing.assert_close(scores, expected, **rounding(classifier, expected))


def varies(classifier: StochasticClassifier, x: Tensor) -> None:
    """Outputs differ between samples."""
    require_stochastic(classifier, x)
