"""Samples with weights: a sample that counts twice is a sample that is there twice."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy import LinearClassifier, LinearProbabilities
from torch import Tensor

import pyrosnn
from pyrosnn.attacks.averages import GRADIENTS
from pyrosnn.attacks.losses import LOSSES
from pyrosnn.attacks.maximised import AttackLoss
from pyrosnn.errors import ArgumentError
from pyrosnn.sampling import Origin, SampleSet, predict
from pyrosnn.verification.verify import verify

TIMES = torch.tensor([1, 3, 2, 1, 4])
CLASSIFIERS = {"probs": LinearProbabilities, "logits": LinearClassifier}
every_output = pytest.mark.parametrize("output", list(CLASSIFIERS))


def both_sets(
    stream: str = "attack", memory_budget: int = 2**20, scale: float = 1.0
) -> tuple[SampleSet, SampleSet]:
    """Samples with weights, and the same with each repeated as often as its weight says."""
    values = torch.randn(5, 1, 7, 3, dtype=torch.float64)
    weighted = SampleSet(
        origin=Origin(seed=0, stream=stream, stop=5),
        stored={"weight": values},
        weights=scale * TIMES.double(),
        memory_budget=memory_budget,
    )
    repeated = values.repeat_interleave(TIMES, 0)
    stop = len(repeated)
    return weighted, SampleSet(
        origin=Origin(seed=0, stream=stream, stop=stop), stored={"weight": repeated}
    )


def images() -> tuple[Tensor, Tensor]:
    return torch.rand(4, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 0])


@every_output
@pytest.mark.parametrize("memory_budget", [1, 2**20])
def test_a_prediction_is_the_weighted_mean(output: str, memory_budget: int) -> None:
    classifier, (x, _) = CLASSIFIERS[output](6, 3), images()
    weighted, repeated = both_sets(memory_budget=memory_budget)
    mean, expected = (predict(classifier, x, samples) for samples in (weighted, repeated))
    assert (mean.num_samples, mean.total) == (5, 11.0)
    torch.testing.assert_close(mean.values, expected.values)
    torch.testing.assert_close(mean.log_probs, expected.log_probs)
    torch.testing.assert_close(mean.of_logits().values, expected.of_logits().values)


@every_output
@pytest.mark.parametrize("gradient", list(GRADIENTS))
@pytest.mark.parametrize("loss", list(LOSSES))
def test_a_loss_and_its_gradient_are_weighted(loss: str, gradient: str, output: str) -> None:
    """The scale of the weights changes nothing, a memory of a single byte neither."""
    classifier, (x, y) = CLASSIFIERS[output](6, 3), images()
    maximised = AttackLoss(loss=loss, gradient=gradient)
    weighted, repeated = both_sets(memory_budget=1, scale=0.01)
    values, gradients = [], []
    for samples in (weighted, repeated):
        values.append(maximised.value(classifier, x, y, samples))
        of, _ = maximised.differentiate(classifier, x, y, samples, predict=False)
        gradients.append(of.direction * of.scale.unsqueeze(-1))
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*gradients)


@every_output
def test_a_module_of_the_mean_is_weighted(output: str) -> None:
    classifier, (x, _) = CLASSIFIERS[output](6, 3), images()
    values, gradients = [], []
    for samples in both_sets():
        point = x.clone().requires_grad_()
        out = pyrosnn.to_module(classifier, samples)(point)
        (gradient,) = torch.autograd.grad(out.square().sum(), point)
        values.append(out.detach())
        gradients.append(gradient)
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*gradients)


@every_output
def test_an_evaluation_is_weighted(output: str) -> None:
    """Accuracies, margins, cosines and radii, those of a part of the set included."""
    classifier, (x, y) = CLASSIFIERS[output](6, 3), images()
    (attack_set, _), sets = both_sets(), both_sets("inference")
    attack = pyrosnn.FGM(strength=0.1)
    results = [
        pyrosnn.evaluate(
            classifier,
            x,
            y,
            attack=attack,
            attack_samples=attack_set,
            inference_samples=samples,
            inference_sizes=[part, len(samples)],
        )
        for samples, part in zip(sets, (2, 4), strict=True)
    ]
    for name in ("margin", "cosine", "radius", "gradient_norm", "predicted_class"):
        weighted, repeated = (result[name].values for result in results)
        np.testing.assert_allclose(weighted, repeated, rtol=1e-6, err_msg=name)


@given(start=st.integers(0, 4), number=st.integers(1, 5), chunk=st.integers(1, 5))
def test_weights_stay_with_their_samples(start: int, number: int, chunk: int) -> None:
    weighted, _ = both_sets()
    part = weighted[start : start + number].for_examples(torch.tensor([0]))
    assert part.weights is not None
    assert torch.equal(part.weights, TIMES.double()[start : start + number])
    chunks = [one.weights for one in part.chunks(chunk)]
    assert torch.equal(torch.cat([w for w in chunks if w is not None]), part.weights)


def test_wrong_weights_are_refused() -> None:
    weighted, _ = both_sets()
    stored, origin = weighted.stored, weighted.origin
    for weights in (torch.ones(4), torch.zeros(5), torch.ones(5, 1)):
        with pytest.raises(ArgumentError, match="weights must be 5 positive numbers"):
            SampleSet(origin=origin, stored=stored, weights=weights)
    with pytest.raises(ArgumentError, match="samples with weights must be stored"):
        SampleSet(origin=origin, stored=None, draw=lambda a, b: {}, weights=torch.ones(5))


def test_what_counts_samples_refuses_weights() -> None:
    x, y = images()
    weighted, _ = both_sets("inference")
    with pytest.raises(ArgumentError, match=r"verify counts samples, and these have weights"):
        verify(LinearProbabilities(6, 3), x, y, samples=weighted, strengths=[0.1])
