"""Each model's Pyro form and its plain evaluation are the same function."""

from typing import Any

import pyro
import pytest
import torch
from pyro import poutine

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.models import MODELS, build_model, model_options
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set

every_model = pytest.mark.parametrize("name", list(MODELS))


@pytest.mark.slow
@every_model
def test_replayed_samples_give_the_models_own_probabilities(
    name: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier, x = classifiers[name], digits.x_test[:20]
    samples = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
    replayed = classifier.logits(x, samples.tensors).log_softmax(-1)
    assert replayed.shape == (3, 20, 10)
    for s in range(3):
        one = {site: value[s].squeeze(0) for site, value in samples.tensors.items()}
        conditioned = poutine.condition(classifier.model, data=one)
        trace = poutine.trace(conditioned).get_trace(x)
        labels: Any = trace.nodes["y"]["fn"]
        own = labels.logits
        torch.testing.assert_close(own, replayed[s], atol=1e-5, rtol=1e-5)


@every_model
def test_discriminants_are_what_the_model_says(
    name: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier, x = classifiers[name], digits.x_test[:5]
    samples = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    values = classifier.discriminants(x, samples.tensors)
    sums = values.sum(-1)
    is_probability = bool((values >= 0).all() and torch.allclose(sums, torch.ones_like(sums)))
    assert is_probability == (classifier.output == "probs")


@every_model
def test_outputs_vary_between_samples_and_nothing_global_is_touched(
    name: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier, x = classifiers[name], digits.x_test[:5]
    state = torch.get_rng_state()
    samples = draw_sample_set(classifier, x, 8, seed=0, stream="attack")
    assert torch.equal(state, torch.get_rng_state())
    assert not list(pyro.get_param_store().keys())
    first, *others = classifier.logits(x, samples.tensors)  # few members may be drawn twice
    assert not all(torch.allclose(first, other) for other in others)


def test_noise_is_drawn_per_image_or_shared(digits: Dataset) -> None:
    x = digits.x_test[:6]
    for per_example, images in ((True, 6), (False, 1)):
        sin = build_model(
            "sin", image_shape=(1, 8, 8), num_classes=10, options={"per_example": per_example}
        )
        samples = draw_sample_set(sin, x, 4, seed=0, stream="attack")
        assert samples.tensors["noise"].shape == (4, images, 1, 8, 8)
        assert sin.logits(x, samples.tensors).shape == (4, 6, 10)


@pytest.mark.statistical
def test_noise_has_the_variance_asked_for(digits: Dataset) -> None:
    # 64,000 values: the standard error of the variance is 0.2 / sqrt(32,000) = 0.0011
    sin = build_model("sin", image_shape=(1, 8, 8), num_classes=10, options={"noise_variance": 0.2})
    noise = draw_sample_set(sin, digits.x_test[:100], 10, seed=0, stream="attack").tensors["noise"]
    assert abs(float(noise.var()) - 0.2) < 5 * 0.0012
    assert abs(float(noise.mean())) < 5 * (0.2 / 64_000) ** 0.5


def test_options_come_from_the_constructor() -> None:
    assert model_options("bnn") == {
        "hidden": (128, 128),
        "activation": "relu",
        "initial_row_scale": 0.05,
        "initial_column_scale": 1.0,
    }
    assert model_options("im") == model_options("bnn")


def test_errors_name_the_nearest_model_and_the_options() -> None:
    with pytest.raises(UnknownNameError, match="unknown model 'bnnn'; did you mean 'bnn'"):
        model_options("bnnn")
    with pytest.raises(ArgumentError, match="sin has no option 'rank'; it has hidden"):
        build_model("sin", image_shape=(1, 8, 8), num_classes=10, options={"rank": 2})
    with pytest.raises(ArgumentError, match="noise_variance must be > 0 and finite, got 0"):
        build_model("sin", image_shape=(1,), num_classes=2, options={"noise_variance": 0.0})
    with pytest.raises(ArgumentError, match="initial_row_scale must be > 0 and finite, got -1"):
        build_model("bnn", image_shape=(1,), num_classes=2, options={"initial_row_scale": -1.0})
