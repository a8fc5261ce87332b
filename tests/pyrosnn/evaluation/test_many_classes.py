"""Classes that need more than 8 or 16 bits are kept as they are."""

from typing import Any

import pytest
import torch

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import FGM, to_module
from pyrosnn.conditions import attack_geometry
from pyrosnn.evaluation import evaluate, gradient_moments
from pyrosnn.outputs import algebra
from pyrosnn.outputs.algebra import log_softmax_vjp
from pyrosnn.sampling import disjoint_sample_sets, predict


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "dtype"), [(130, "int16"), (300, "int16"), (40_000, "int64")])
def test_a_class_is_its_number(classes: int, dtype: str) -> None:
    torch.manual_seed(0)
    last = torch.nn.Linear(3, classes)
    with torch.no_grad():
        last.bias[-20:] += 9  # what does not fit a smaller type is predicted
    net = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(4, 3), torch.nn.Dropout(0.3), last
    )
    classifier, x = MCDropout(net, (1, 2, 2)), torch.rand(4, 1, 2, 2)
    a, i = disjoint_sample_sets(classifier, x, attack=2, inference=3, seed=0)
    y = predict(classifier, x, i).predicted
    y[0] = classes - 1
    sets: dict[str, Any] = {"attack_samples": a, "inference_samples": i}
    values = evaluate(classifier, x, y, attack=FGM(strength=0.5), **sets)
    geometry = attack_geometry(classifier, x, y, FGM(strength=0.5)(classifier, x, y, a), i)
    assert values["nearest_class"].dtype == dtype
    assert values["nearest_class"].values.ravel().tolist() == geometry.nearest.tolist()
    assert values["label"].values.tolist() == y.tolist()
    assert values["clean_correct"].values.ravel()[1:].all()
    moments = gradient_moments(classifier, x, y, num_samples=2)
    assert 0 <= int(moments["runner_up"].min()) <= int(moments["runner_up"].max()) < classes
    images = x.clone().requires_grad_()
    torch.nn.functional.cross_entropy(to_module(classifier, a)(images), y).backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_sums_of_other_classes_are_the_same_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a class takes all but 1e-30 of the probability."""
    logits = torch.tensor([[90.0, 1.0, 0.0, 2.0], [0.1, 0.2, 0.3, 0.4]]).double()
    cotangents, p = torch.randn(2, 4).double(), logits.softmax(-1)
    expected = log_softmax_vjp(cotangents, p)
    monkeypatch.setattr(algebra, "MANY_CLASSES", 1)
    torch.testing.assert_close(log_softmax_vjp(cotangents, p), expected, rtol=1e-12, atol=0)
