"""The algebra from logits to margins, where float arithmetic is at its limits."""

import pytest
import torch

from pyrosnn.models.outputs import (
    MeanPrediction,
    discriminant_slopes,
    discriminants,
    label_direction,
    margin_cotangent,
)


@pytest.mark.parametrize("gap", [10.0, 40.0, 200.0, 600.0])
def test_slopes_keep_their_precision_when_the_softmax_saturates(gap: float) -> None:
    """Two classes: d(p_0 - p_1) = 2 p_0 p_1 (dz_0 - dz_1), also where p_0 rounds to 1."""
    logits = torch.tensor([[[gap, 0.0]]])
    tangents = torch.tensor([[[-0.75, 0.5]]])
    y = torch.tensor([0])
    values = discriminants(logits, "probs")
    slopes = discriminant_slopes(values, tangents, y, "probs")[0]
    p_1 = torch.tensor(-gap, dtype=torch.float64).exp() / (1 + torch.tensor(-gap).double().exp())
    torch.testing.assert_close(slopes[0, 1], 2 * (1 - p_1) * p_1 * 1.25, rtol=1e-12, atol=0.0)
    mean = MeanPrediction("probs").add(logits)
    torch.testing.assert_close(mean.margin(y)[0], 1 - 2 * p_1)
    assert mean.predicted.tolist() == [0]


def test_the_runner_up_is_found_where_its_probability_underflows() -> None:
    logits = torch.tensor([[[1000.0, -50.0, 0.0]], [[1000.0, -50.0, 10.0]]])
    y = torch.tensor([0])
    assert discriminants(logits, "probs").sum(0)[0, 1:].tolist() == [0.0, 0.0]
    assert MeanPrediction("probs").add(logits).runner_up(y).tolist() == [2]
    assert MeanPrediction("logits").add(logits).runner_up(y).tolist() == [2]


@pytest.mark.parametrize("output", ["probs", "logits"])
def test_a_mean_prediction_does_not_depend_on_its_chunks(output: str) -> None:
    logits = 20 * torch.randn(7, 5, 4, dtype=torch.float64)
    whole = MeanPrediction(output).add(logits)  # type: ignore[arg-type]
    parts = MeanPrediction(output).add(logits[:2]).add(logits[2:3])  # type: ignore[arg-type]
    parts.add(logits[3:])
    assert whole.num_samples == parts.num_samples == 7
    torch.testing.assert_close(parts.scores, whole.scores, rtol=1e-12, atol=1e-12)
    f = discriminants(logits, output).mean(0)  # type: ignore[arg-type]
    torch.testing.assert_close(parts.values, f, rtol=1e-12, atol=1e-300)
    pooled = parts.of_logits()
    torch.testing.assert_close(pooled.values, logits.mean(0))


@pytest.mark.parametrize("output", ["probs", "logits"])
def test_cotangents_are_the_derivatives(output: str) -> None:
    logits = torch.randn(3, 5, 4, dtype=torch.float64, requires_grad=True)
    y, c = torch.tensor([0, 1, 2, 3, 0]), torch.tensor([1, 2, 3, 0, 2])
    f = discriminants(logits, output).sum(0)  # type: ignore[arg-type]
    margins = f.gather(1, y.unsqueeze(1)) - f.gather(1, c.unsqueeze(1))
    expected = torch.autograd.grad(margins.sum(), logits)[0]
    found = margin_cotangent(logits.detach(), y, c, output)  # type: ignore[arg-type]
    torch.testing.assert_close(found, expected)
    direction = torch.autograd.grad(logits.log_softmax(-1)[:, torch.arange(5), y].sum(), logits)[0]
    torch.testing.assert_close(label_direction(logits.detach(), y), direction)
