"""Guarantees about values: evaluation and gradients agree with the Pyro model."""

import copy
from typing import Any

import torch
from pyro import poutine
from pyro.distributions import Categorical, Independent, OneHotCategorical
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.gradients import gradient_at
from pyrosnn.outputs import discriminants_of
from pyrosnn.sampling import draw_sample_set
from pyrosnn.sampling.replay import DifferentiableReplay

NUM_SAMPLES = 4
STEP = 1e-6  # of central differences in float64
# Differences that are taken across a kink of ReLU are rare, and not rounding.
DIFFERENCE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6}


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
            _label_logits(trace, set(one)).log_softmax(-1),
            replayed[s],
            **rounding(classifier, replayed),
            msg=lambda text: f"the model and logits() differ on the same sample: {text}",
        )


def _label_logits(trace: Any, sites: set[str]) -> Tensor:
    """Return the logits of the model's label, or the model's output if it has no label."""
    for name, node in trace.nodes.items():
        if node["type"] == "sample" and name not in sites:
            distribution = node["fn"]
            while isinstance(distribution, Independent):
                distribution = distribution.base_dist
            if isinstance(distribution, Categorical | OneHotCategorical):
                logits: Tensor = distribution.logits
                return logits
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
    """The gradient of the logits at the images is their slope, in float64."""
    exact = copy.deepcopy(classifier).double()
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="contract")
    sites = {
        name: value.double() if value.is_floating_point() else value
        for name, value in samples.tensors.items()
    }
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(x.shape, generator=generator).to(x.device, torch.float64)
    point = x.double().requires_grad_()
    logits = exact.logits(point, sites)
    cotangents = torch.randn(logits.shape, generator=generator).to(logits)
    gradient = gradient_at(point, logits, cotangents)
    with torch.no_grad():
        ahead, behind = (exact.logits(point + h * direction, sites) for h in (STEP, -STEP))
        slope = ((ahead - behind) * cotangents).sum((0, 2)) / (2 * STEP)
    torch.testing.assert_close((gradient * direction).flatten(1).sum(1), slope, **DIFFERENCE)
    assert bool((gradient != 0).any()), "the gradient at the images is zero everywhere"
