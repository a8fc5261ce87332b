"""Guarantees about values: evaluation and gradients agree with the Pyro model."""

from contextlib import suppress
from typing import Any

import torch
from pyro import poutine
from torch import Tensor

from pyrosnn.adapters.pyro_labels import is_label, logits_at
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.gradients import gradient_at
from pyrosnn.outputs import discriminants_of
from pyrosnn.sampling import AfterTrunk, DifferentiableReplay, SampleSet, draw_sample_set, replay

NUM_SAMPLES = 4
TRANSPOSED = 1e3  # units of rounding by which a sum of products may differ


def rounding(classifier: StochasticClassifier, values: Tensor) -> dict[str, Any]:
    """Return tolerances for values computed in another order.

    Args:
        classifier: gives the type that was computed in.
        values: give the scale.
    """
    unit = torch.finfo(classifier.dtype).eps
    return {"rtol": 1e3 * unit, "atol": 1e2 * unit * float(values.detach().abs().max())}


def shapes(classifier: StochasticClassifier, x: Tensor) -> None:
    """``logits`` has shape (sample, example, class), and ``discriminants`` follow ``output``."""
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="contract")
    logits = classifier.logits(x, samples.tensors)
    expected = (NUM_SAMPLES, len(x), classifier.num_classes)
    assert logits.shape == expected, f"logits have shape {tuple(logits.shape)}, not {expected}"
    assert bool(torch.isfinite(logits).all()), "some logits are NaN or infinite"
    values = classifier.discriminants(x, samples.tensors)
    expected_values = discriminants_of(classifier.output).values(logits).to(logits.dtype)
    torch.testing.assert_close(values, expected_values)


def pyro_model(classifier: StochasticClassifier, x: Tensor) -> None:
    """``model``, conditioned on a sample, has the logits that ``logits`` returns for it."""
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="contract")
    replayed = classifier.logits(x, samples.tensors).log_softmax(-1)
    for s in range(NUM_SAMPLES):
        one = {
            name: value[s] if name in samples.per_image else value[s].squeeze(0)
            for name, value in samples.tensors.items()
        }
        trace: Any = poutine.trace(poutine.condition(classifier.model, data=one)).get_trace(x)
        missing = set(one) - set(trace.nodes)
        assert not missing, f"the guide draws {sorted(missing)}, which the model does not have"
        torch.testing.assert_close(
            _label_logits(trace, set(one), len(x)).log_softmax(-1),
            replayed[s],
            **rounding(classifier, replayed),
            msg=lambda text: f"the model and logits() differ on the same sample: {text}",
        )


def _label_logits(trace: Any, sites: set[str], number: int) -> Tensor:
    """Return the logits of the model's label, or the model's output if it has no label."""
    for name, node in trace.nodes.items():
        if node["type"] == "sample" and name not in sites and is_label(node["fn"], number):
            return logits_at(name, {name: (node["fn"], node["value"])})
    returned: Tensor = trace.nodes["_RETURN"]["value"]
    return returned


def parts(classifier: StochasticClassifier, x: Tensor) -> None:
    """``rest(first(trunk(x)))`` is ``logits(x)``, and its cotangents are autograd's."""
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="contract")
    point = x.clone().requires_grad_()
    logits = classifier.logits(point, samples.tensors)
    cotangents = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0)).to(logits)
    expected = gradient_at(point, logits, cotangents)
    replayed = DifferentiableReplay(classifier, x, samples)
    total, at = torch.zeros_like(replayed.images.values), 0
    for chunk in replayed:
        torch.testing.assert_close(
            chunk.logits, logits[at : chunk.stop], **rounding(classifier, logits)
        )
        total += chunk.vjp(cotangents[at : chunk.stop])
        at = chunk.stop
    gradient = replayed.images.vjp(total)
    torch.testing.assert_close(gradient, expected, **rounding(classifier, expected))


def gradients(classifier: StochasticClassifier, x: Tensor) -> None:
    r"""The derivative along a direction agrees with the gradient: $u^T (J v) = (J^T u)^T v$.

    Both are as an attack asks for them, the gradient that of autograd. A slope from finite
    differences is another number at a kink, and where a gradient replaces that of a rounding.
    """
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="contract")
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(x.shape, generator=generator).to(x)
    point = x.clone().requires_grad_()
    logits = classifier.logits(point, samples.tensors)
    cotangents = torch.randn(logits.shape, generator=generator).to(logits)
    gradient = gradient_at(point, logits, cotangents)
    assert bool(torch.isfinite(gradient).all()), "the gradient at the images is NaN or infinite"
    assert bool((gradient != 0).any()), "the gradient at the images is zero everywhere"
    with suppress(NotImplementedError):  # torch has no forward mode of a part: nobody can ask
        terms = cotangents.double() * _along(classifier, samples, x, direction).double()
        expected = (gradient.double() * direction).flatten(1).sum(1)
        unit = torch.finfo(classifier.dtype).eps
        difference = (terms.sum((0, 2)) - expected).abs() / terms.abs().sum((0, 2)).clamp(1e-30)
        assert float(difference.max()) <= TRANSPOSED * unit, (
            "the derivative along a direction (jvp) and the gradient (vjp) are not close: they "
            f"differ by {float(difference.max()):.2g}"
        )


def _along(
    classifier: StochasticClassifier, samples: SampleSet, x: Tensor, direction: Tensor
) -> Tensor:
    """Return the derivative of the logits along a direction, shape (sample, example, class)."""
    images = AfterTrunk(classifier, x, samples.memory_budget)
    through = images.jvp(direction)
    tangents = []
    for chunk in replay(classifier, len(x), samples):
        features = chunk.features(images.values)
        value, (tangent,) = chunk.rest.jvp(features, [chunk.jvp(through)])
        tangents.append(tangent.expand_as(value))
    return torch.cat(tangents)
