"""A trial run of an adapter, which finds its number of classes and its faults."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrosnn.adapters.evaluated import evaluated_on
from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, draw_sample_set, require_stochastic
from pyrosnn.sampling.outputs_vary import share_of_probabilities
from pyrosnn.seeding import forked_rng, seed_sequence

if TYPE_CHECKING:
    from pyrosnn.adapters.adapter import Adapter

# Other batches give other rounding: 1e-7 in float32, more after many layers.
TOLERANCE = 1e-3
NUM_SAMPLES = 2


def probe(classifier: "Adapter", *, not_replayed: str) -> int:
    """Evaluate a classifier on noise, and return its number of classes.

    Args:
        classifier: what an adapter has built.
        not_replayed: what to do if it is not replayed, for the error.

    Returns:
        The number of classes.

    Raises:
        ArgumentError: for a shape of images that it does not take, outputs that are no logits,
            differ between two replays, or depend on the other images.
        NotStochasticError: for outputs that do not vary.
    """
    x = noise_images(classifier, 3)
    with forked_rng(seed_sequence(0, "probe"), classifier.device):
        samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="probe")
        logits = _logits(classifier, x, samples)
        again = _logits(classifier, x, samples)
        rows = torch.tensor([2, 0], device=x.device)
        part = _logits(classifier, x[rows], samples.for_examples(rows))
    name = type(classifier).__name__
    require(
        bool(torch.isfinite(logits).all()),
        f"{name}: the module's outputs are NaN or infinite on images in [0, 1]",
    )
    require(
        torch.equal(logits, again),
        f"{name}: the same sample gives other outputs when it is replayed: the module has "
        f"randomness that is no sample site, or changes with every call; {not_replayed}",
    )
    change = (logits[:, rows] - part).abs().max() / logits.abs().max().clamp(min=1e-30)
    require(
        float(change) <= TOLERANCE,
        f"{name}: the outputs of an image change by {float(change):.2g} of the largest with the "
        "other images of its batch, so that they cannot be attacked one by one; normalise by "
        "running statistics",
    )
    if not classifier.says_what_it_returns:
        _require_no_scores(classifier, samples, logits)
    require_stochastic(classifier, x)
    return logits.shape[-1]


def _require_no_scores(classifier: "Adapter", samples: SampleSet, logits: Tensor) -> None:
    """Refuse probabilities, and outputs that lie in [0, 1] whatever the image.

    Small logits may lie there by chance; those of images of any brightness do not.
    """
    name = type(classifier).__name__
    remedy = (
        "return logits or log-probabilities (remove the softmax or sigmoid from the module's end), "
        "or say Stochastic(…, returns='probs')"
    )
    require(
        share_of_probabilities(logits) < 1,
        f"{name}: the module returns probabilities, expected logits; {remedy}",
    )
    if _in_unit_interval(logits):
        bright = 100 * (noise_images(classifier, len(logits[0]), seed=1) - 0.5)
        with torch.no_grad():
            try:
                everywhere = _in_unit_interval(classifier.logits(bright, samples.tensors))
            except Exception:  # a module that takes images alone
                everywhere = True
        require(
            not everywhere,
            f"{name}: all outputs of the module lie in [0, 1], as scores of a sigmoid and votes "
            f"do, expected logits; {remedy}, or returns='logits' if they are logits",
        )


def _in_unit_interval(values: Tensor) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


def noise_images(classifier: StochasticClassifier, number: int, seed: int = 0) -> Tensor:
    """Return uniform noise in the images' shape, with the classifier's type and device."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand((number, *classifier.image_shape), generator=generator)
    return noise.to(classifier.device, classifier.dtype)


def _logits(classifier: StochasticClassifier, x: Tensor, samples: SampleSet) -> Tensor:
    """Evaluate; name the shapes if this fails or does not return logits."""
    with evaluated_on(tuple(x.shape)), torch.no_grad():
        logits = classifier.logits(x, samples.tensors)
    expected = (NUM_SAMPLES, len(x))
    require(
        logits.ndim == 3 and logits.shape[:2] == expected and logits.shape[2] >= 2,
        f"the module returns {tuple(logits.shape[1:])} for {len(x)} images, expected logits of "
        f"shape ({len(x)}, classes) with at least two classes",
    )
    return logits
