"""Replaying a sample set on images: values, pullback and pushforward, a chunk at a time.

Memory is that of one chunk; no autograd graph spans two chunks.
"""

import warnings

import torch
from jaxtyping import Float
from torch import Tensor

from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling.sample_set import SampleSet

# Floats that a chunk's activations may hold when the sample set names no chunk size.
CHUNK_FLOATS = 2**21

Images = Float[Tensor, "example *image"]
Logits = Float[Tensor, "sample example class_"]


def _chunks(classifier: StochasticClassifier, x: Tensor, samples: SampleSet) -> list[SampleSet]:
    by_memory = max(1, CHUNK_FLOATS // (len(x) * classifier.floats_per_example))
    return list(samples.chunks(samples.chunk_size or by_memory))


def replay_logits(classifier: StochasticClassifier, x: Images, samples: SampleSet) -> Logits:
    """Return the logits z(x, θ_s) of each sample, without gradients.

    Args:
        classifier: the classifier.
        x: images, on the classifier's device.
        samples: the sample set.
    """
    with torch.no_grad():
        chunks = _chunks(classifier, x, samples)
        logits = torch.cat([classifier.logits(x, chunk.tensors) for chunk in chunks])
    if not torch.isfinite(logits).all():
        raise ArgumentError(
            "the classifier's logits are NaN or infinite; check its parameters and the images"
        )
    return logits


def replay_pullback(
    classifier: StochasticClassifier, x: Images, samples: SampleSet, cotangents: Logits
) -> tuple[Images, Float[Tensor, " example"]]:
    r"""Return the vector–Jacobian product $\sum_s J_s(x)^\top u_s$, scaled for each image.

    A saturated softmax makes cotangents tiny (1e-13 at a logit gap of 30), and their float32
    products tinier. Each image's cotangents are therefore divided by the largest of them first.

    Args:
        classifier: the classifier.
        x: images.
        samples: the sample set.
        cotangents: u_s, one for each sample and image, float64.

    Returns:
        The product divided by each image's scale, and the scales, float64.
    """
    scale = cotangents.abs().amax((0, 2))
    safe = torch.where(scale > 0, scale, torch.ones_like(scale))
    cotangents = cotangents / safe.reshape(1, -1, 1)
    total = torch.zeros_like(x)
    start = 0
    for chunk in _chunks(classifier, x, samples):
        inputs = x.detach().requires_grad_()
        with torch.enable_grad():
            logits = classifier.logits(inputs, chunk.tensors)
        part = cotangents[start : start + len(chunk)].to(logits.dtype)
        total += torch.autograd.grad(logits, inputs, part)[0]
        start += len(chunk)
    return total, scale


def replay_pushforward(
    classifier: StochasticClassifier, x: Images, samples: SampleSet, direction: Images
) -> tuple[Logits, Logits]:
    r"""Return the logits and their Jacobian–vector products $J_s(x) v$ for each sample.

    Args:
        classifier: the classifier.
        x: images.
        samples: the sample set.
        direction: v, one for each image.
    """
    values, tangents = [], []
    for chunk in _chunks(classifier, x, samples):

        def logits(inputs: Tensor, chunk: SampleSet = chunk) -> Tensor:
            return classifier.logits(inputs, chunk.tensors)

        with torch.no_grad(), warnings.catch_warnings():
            # torch's forward mode warns of its own deprecated parts when it is first used
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
            value, tangent = torch.func.jvp(logits, (x,), (direction,))[:2]
        values.append(value)
        tangents.append(tangent)
    return torch.cat(values), torch.cat(tangents)
