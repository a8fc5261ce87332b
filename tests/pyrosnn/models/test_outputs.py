"""The algebra from logits to margins, where float arithmetic is at its limits; its table."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from support.toy import LinearClassifier
from torch import nn

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import LOSSES, MODULE_OUTPUTS
from pyrosnn.errors import UnknownNameError
from pyrosnn.models.composed import Composed
from pyrosnn.networks import build_network
from pyrosnn.noise.dropout import Dropout
from pyrosnn.outputs import OUTPUTS, discriminants_of, find_output
from pyrosnn.outputs.algebra import label_direction
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import draw_sample_set, predict

every_output = pytest.mark.parametrize("output", list(OUTPUTS))


@pytest.mark.parametrize("gap", [10.0, 40.0, 200.0, 600.0])
def test_slopes_keep_their_precision_when_the_softmax_saturates(gap: float) -> None:
    """Two classes: d(p_0 - p_1) = 2 p_0 p_1 (dz_0 - dz_1), also where p_0 rounds to 1."""
    logits = torch.tensor([[[gap, 0.0]]])
    tangents = torch.tensor([[[-0.75, 0.5]]])
    y = torch.tensor([0])
    f = discriminants_of("probs")
    slopes = f.slopes(f.values(logits), tangents, y)[0]
    p_1 = torch.tensor(-gap, dtype=torch.float64).exp() / (1 + torch.tensor(-gap).double().exp())
    torch.testing.assert_close(slopes[0, 1], 2 * (1 - p_1) * p_1 * 1.25, rtol=1e-12, atol=0.0)
    mean = MeanPrediction("probs").add(logits)
    torch.testing.assert_close(mean.margin(y)[0], 1 - 2 * p_1)
    assert mean.predicted.tolist() == [0]


def test_the_runner_up_is_found_where_its_probability_underflows() -> None:
    logits = torch.tensor([[[1000.0, -50.0, 0.0]], [[1000.0, -50.0, 10.0]]])
    y = torch.tensor([0])
    assert discriminants_of("probs").values(logits).sum(0)[0, 1:].tolist() == [0.0, 0.0]
    assert MeanPrediction("probs").add(logits).runner_up(y).tolist() == [2]
    assert MeanPrediction("logits").add(logits).runner_up(y).tolist() == [2]


@every_output
def test_a_mean_prediction_does_not_depend_on_its_chunks(output: str) -> None:
    logits = 20 * torch.randn(7, 5, 4, dtype=torch.float64)
    whole = MeanPrediction(output).add(logits)
    parts = MeanPrediction(output).add(logits[:2]).add(logits[2:3])
    parts.add(logits[3:])
    assert whole.num_samples == parts.num_samples == 7
    torch.testing.assert_close(parts.scores, whole.scores, rtol=1e-12, atol=1e-12)
    f = discriminants_of(output).values(logits).mean(0)
    torch.testing.assert_close(parts.values, f, rtol=1e-12, atol=1e-300)
    log_probs = f.log() if output == "probs" else f.log_softmax(-1)
    torch.testing.assert_close(parts.log_probs, log_probs)
    pooled = parts.of_logits()
    torch.testing.assert_close(pooled.values, logits.mean(0))


@every_output
def test_cotangents_are_the_derivatives(output: str) -> None:
    logits = torch.randn(3, 5, 4, dtype=torch.float64, requires_grad=True)
    y, c = torch.tensor([0, 1, 2, 3, 0]), torch.tensor([1, 2, 3, 0, 2])
    functions = discriminants_of(output)
    f = functions.values(logits).sum(0)
    margins = f.gather(1, y.unsqueeze(1)) - f.gather(1, c.unsqueeze(1))
    expected = torch.autograd.grad(margins.sum(), logits)[0]
    found = functions.margin_cotangent(logits.detach(), y, c)
    torch.testing.assert_close(found, expected)
    direction = torch.autograd.grad(logits.log_softmax(-1)[:, torch.arange(5), y].sum(), logits)[0]
    torch.testing.assert_close(label_direction(logits.detach(), y), direction)


@every_output
def test_log_probabilities_of_the_mean_are_pulled_back(output: str) -> None:
    logits = torch.randn(3, 5, 4, dtype=torch.float64, requires_grad=True)
    y, g = torch.tensor([0, 1, 2, 3, 0]), torch.randn(5, 4, dtype=torch.float64)
    log_probs = MeanPrediction(output).add(logits).log_probs
    (expected,) = torch.autograd.grad((g * log_probs).sum(), logits, retain_graph=True)
    (of_label,) = torch.autograd.grad(log_probs[torch.arange(5), y].sum(), logits)
    exact = logits.detach()
    mean, functions = MeanPrediction(output).add(exact), discriminants_of(output)
    torch.testing.assert_close(functions.log_probs_vjp(g, exact, mean), expected)
    torch.testing.assert_close(functions.log_prob_cotangents(exact, y, mean), of_label)


@every_output
def test_averaged_logits_give_the_mean_of_the_functions(output: str) -> None:
    logits = torch.randn(3, 5, 7, 4, dtype=torch.float64)
    functions = discriminants_of(output)
    averaged = functions.averaged_logits(logits)
    expected = functions.values(logits.reshape(3, 35, 4)).reshape(logits.shape).mean(-2)
    torch.testing.assert_close(functions.values(averaged), expected)


@every_output
def test_a_row_names_what_the_other_tables_have(output: str) -> None:
    row = OUTPUTS[output]
    assert row.loss in LOSSES
    assert row.module_output in MODULE_OUTPUTS
    logits = 9 * torch.randn(3, 5, 4)
    values = discriminants_of(output).values(logits)
    assert values.dtype == torch.float64
    assert row.bounded == bool(((values >= 0) & (values <= 1)).all())


@pytest.mark.processes
def test_the_table_loads_nothing() -> None:
    """A figure of a result is drawn without torch."""
    code = "import sys, pyrosnn.outputs, pyrosnn.plots; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def unknown(name: str) -> Any:
    match = rf"unknown output '{name}'; did you mean 'probs'\? \(probs, logits\)"
    return pytest.raises(UnknownNameError, match=match)


def test_an_unknown_output_is_refused_with_the_nearest() -> None:
    with unknown("prob"):
        find_output("prob")
    with unknown("prob"):
        MeanPrediction("prob")
    with unknown("prob"):
        MCDropout(
            nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(9, 3)), (9,), output="prob"
        )
    network = build_network("dense", (9,), 3, {"hidden": (4,)})
    with unknown("prob"):
        Composed(network, [Dropout(0.5)], output="prob")


def test_a_classifier_of_ones_own_with_an_unknown_output_is_refused() -> None:
    class Mistaken(LinearClassifier):
        output = "probabilities"

    classifier, x = Mistaken(4, 3), torch.randn(2, 4, dtype=torch.float64)
    samples = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
    with unknown("probabilities"):
        predict(classifier, x, samples)
    with unknown("probabilities"):
        classifier.discriminants(x, samples.tensors)
