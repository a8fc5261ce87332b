"""Samples of a posterior by NUTS: of one that is known, and of a network's weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyro
import pytest
import torch
from pyro import poutine
from torch import Tensor

import pyrosnn
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.networks.dense import dense
from pyrosnn.noise.posterior_weights import PosteriorWeights
from pyrosnn.noise.weights import MatrixNormalWeights
from pyrosnn.sampling import replay_logits
from pyrosnn.sampling.chains import chain_predictions, chain_sets
from pyrosnn.training import TrainingProgress, load_checkpoint, preset, save_checkpoint, train
from pyrosnn.training.nuts import posterior_potential, sample_chain, unflattened
from pyrosnn.training.options import SAMPLED

SHAPE = (1, 4, 4)
TINY = {"hidden": (8,), "draws": 4, "warm_up_steps": 4, "tree_depth": 2}


@pytest.mark.slow
@pytest.mark.statistical
def test_a_chain_samples_the_posterior_of_a_linear_model() -> None:
    r"""Regression with Gaussian noise: $w \sim \mathcal N(m, C)$ in closed form.

    Means are within 4 standard errors of the effective sample size, variances within 40 %: for
    three numbers each, a failure rate below 1 in 1,000.
    """
    x, t = torch.randn(20, 3).double(), torch.randn(20).double()

    def potential(w: Tensor) -> Tensor:
        return 0.5 * ((x @ w - t) / 0.7).square().sum() + 0.5 * w.square().sum()

    covariance = torch.linalg.inv(x.T @ x / 0.7**2 + torch.eye(3).double())
    mean = covariance @ x.T @ t / 0.7**2
    with pyro.validation_enabled(False):
        drawn = sample_chain(potential, torch.full((3,), 5.0).double(), draws=300, warm_up=100)
    effective = pyro.ops.stats.effective_sample_size(drawn.unsqueeze(0))
    assert bool((effective > 60).all())
    z = (drawn.mean(0) - mean) / (covariance.diagonal() / effective).sqrt()
    assert float(z.abs().max()) < 4
    ratio = drawn.var(0) / covariance.diagonal()
    assert 0.6 < float(ratio.min())
    assert float(ratio.max()) < 1.4


def test_the_potential_is_that_of_the_bnn() -> None:
    """Up to a constant, minus the log of the joint density that Pyro has for the row ``bnn``."""
    network = dense(SHAPE, 3, (5,)).double()
    bnn = Composed(network, [MatrixNormalWeights()]).double()
    x, y = torch.rand(6, *SHAPE, dtype=torch.float64), torch.arange(6) % 3
    potential = posterior_potential(network, ["layer_0", "last"], x, y)
    shapes = [network.matrix(place).shape for place in ("layer_0", "last")]

    def of_pyro(w: Tensor) -> Tensor:
        values = [value[0] for value in unflattened(w.unsqueeze(0), shapes)]
        data = {f"weight_{i}": value for i, value in enumerate(values)}
        trace: Any = poutine.trace(poutine.condition(bnn.model, data=data)).get_trace(x, y)
        density: Tensor = trace.log_prob_sum()
        return -density

    first, second = torch.randn(2, sum(s.numel() for s in shapes), dtype=torch.float64)
    torch.testing.assert_close(
        potential(first) - potential(second), of_pyro(first) - of_pyro(second)
    )


def chains_of(classifier: StochasticClassifier) -> PosteriorWeights:
    assert isinstance(classifier, Composed)
    (noise,) = classifier.noise
    assert isinstance(noise, PosteriorWeights)
    return noise


def test_chains_are_stored_apart(digits: Dataset, tmp_path: Path) -> None:
    spec = preset("hmc", options=TINY)
    trained, again = train(spec, digits), train(spec, digits)
    path = tmp_path / "hmc.safetensors"
    save_checkpoint(path, trained, spec, digits)
    loaded = load_checkpoint(path).classifier
    for first, other, stored in zip(
        *(chains_of(one).samples for one in (trained, again, loaded)), strict=True
    ):
        assert first.shape[:2] == (2, 4)
        assert torch.equal(first, other)  # of one seed
        assert torch.equal(first, stored)
        assert not torch.equal(first[0], first[1])
    x = digits.x_test[:5]
    logits = replay_logits(loaded, x, pyrosnn.enumerated(loaded))
    noise = chains_of(trained)
    own = dense(digits.image_shape, 10, (8,))
    for place, samples in zip(("layer_0", "last"), noise.samples, strict=True):
        own.layers[place].weight = torch.nn.Parameter(samples[1, 2])
    torch.testing.assert_close(logits[4 + 2], own(x))


def test_progress_reports_every_chain(digits: Dataset) -> None:
    spec, steps = preset("hmc", options=TINY), list[TrainingProgress]()
    train(spec, digits, progress=steps.append)
    assert [(step.epoch, step.epochs) for step in steps] == [(1, spec.rounds), (2, spec.rounds)]
    assert spec.rounds == 2
    assert preset("bnn", epochs=7).rounds == 7


def test_chains_learn(digits: Dataset, classifiers: dict[str, StochasticClassifier]) -> None:
    x, y = digits.test_images(200)
    assert pyrosnn.accuracy(classifiers["hmc"], x, y, num_samples=16) > 0.7


def untrained(draws: int = 5) -> StochasticClassifier:
    """Draws of the prior, independent of each other."""
    made = build_model(
        "hmc",
        image_shape=SHAPE,
        num_classes=3,
        options={"hidden": (6,), "draws": draws, "chains": 3},
    )
    return made.eval().requires_grad_(False)


def test_attack_and_inference_have_chains_of_their_own() -> None:
    classifier = untrained()
    a, i = chain_sets(classifier, attack=[2], inference=[0, 1])
    assert a.tensors["draw"].flatten().tolist() == [10, 11, 12, 13, 14]
    assert i.tensors["draw"].flatten().tolist() == list(range(10))
    assert (a.origin.stream, i.origin.stream) == ("attack", "inference")
    x, y = torch.rand(4, *SHAPE), torch.arange(4) % 3
    attack = pyrosnn.PGD(strength=0.1, steps=2, relative_step=0.5, fixed_samples=True)
    sets: dict[str, Any] = {"attack_samples": a, "inference_samples": i}
    result = pyrosnn.evaluate(classifier, x, y, attack=attack, **sets)
    assert result.sizes["attack_samples"] == 1
    with pytest.raises(ArgumentError, match="were drawn from another classifier"):
        pyrosnn.evaluate(untrained(), x, y, attack=attack, **sets)


@pytest.mark.parametrize(
    ("attack", "inference", "message"),
    [
        ([0], [3], r"there are chains 0 … 2, got 3"),
        ([0, 1], [1], r"chains of their own, got \[0, 1\] and \[1\]"),
        ([], [1], r"chains of their own, got \[\] and \[1\]"),
    ],
)
def test_wrong_chains_are_refused(attack: list[int], inference: list[int], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        chain_sets(untrained(), attack=attack, inference=inference)


def test_what_has_no_chains_is_refused(bnn: StochasticClassifier) -> None:
    with pytest.raises(ArgumentError, match="expected a classifier with Markov chains"):
        chain_sets(bnn)


@pytest.mark.statistical
def test_predictions_of_independent_draws_pass_the_diagnostics_of_arviz() -> None:
    import arviz

    classifier, x = untrained(200), torch.rand(5, *SHAPE)
    found = chain_predictions(classifier, x)
    assert dict(found.sizes) == {"chain": 3, "draw": 200, "example": 5, "class": 3}
    logits = replay_logits(classifier, x, pyrosnn.enumerated(classifier))
    expected = logits.double().softmax(-1)[200 + 7].numpy()
    assert found["prediction"][1, 7].values == pytest.approx(expected)
    assert float(arviz.rhat(found)["prediction"].median()) == pytest.approx(1, abs=0.01)
    assert float(arviz.ess(found)["prediction"].median()) == pytest.approx(600, rel=0.2)


@pytest.mark.parametrize(
    "changes",
    [
        {"images": "adversarial", "image_options": {"strength": 0.1}},
        {"augmentation": "crop-flip"},
        {"smoothing_variance": 0.1},
        {"regularisers": {"input-gradient": {"weight": 0.1}}},
        {"objective": "mixture"},
        {"kl_weight": 0.1},
        {"epochs": 99, "batch_size": 7},
        {"learning_rate": 0.5},
    ],
    ids=["images", "augmentation", "noise", "regulariser", "objective", "KL weight", "steps", "lr"],
)
def test_settings_that_the_posterior_does_not_have_are_refused(
    changes: dict[str, Any], digits: Dataset
) -> None:
    spec = preset("hmc", options=TINY)
    for make in (lambda: train(replace(spec, **changes), digits), lambda: preset("hmc", **changes)):
        with pytest.raises(ArgumentError, match="hmc has no ") as found:
            make()
        names = set(str(found.value).rpartition("; leave out ")[2].split(", "))
        assert names == {*changes}
        assert f": {SAMPLED}; " in str(found.value)


def test_settings_of_steps_are_refused_where_there_are_none() -> None:
    with pytest.raises(ArgumentError, match="leave out epochs, optimizer"):
        preset("hmc", epochs=3, optimizer="sgd")
    assert preset("hmc", seed=3).seed == 3
