"""FGM and its gradients: closed forms, plain autograd, saturation, and bad settings."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy import LinearClassifier, LinearProbabilities, sample_set
from torch import Tensor

from pyrosnn.attacks import (
    ATTACKS,
    FGM,
    GRADIENTS,
    LOSSES,
    NORMS,
    PGD,
    SPSA,
    Attack,
    RandomNoise,
    loss_gradient,
)
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, disjoint_sample_sets

INPUTS = 6

every_loss = pytest.mark.parametrize("loss", list(LOSSES))
every_gradient = pytest.mark.parametrize("gradient", list(GRADIENTS))
SEARCH = {"steps": 5, "bisections": 2, "selection_samples": 3}
# those that compare candidates on V, cut short
SHORT: dict[str, dict[str, Any]] = {
    "apgd": {"steps": 5, "selection_samples": 5},
    "mim": {"selection_samples": 5},
    "random": {"selection_samples": 5},
    "square": {"queries": 5, "selection_samples": 3},
    "transfer": {"steps": 3, "relative_step": 0.5},
    "ddn": SEARCH,
    "fmn": SEARCH,
    "cw": {**SEARCH, "constants": 3},
}
ON_THE_SPHERE = (
    FGM(),
    PGD(steps=4, relative_step=0.5),
    SPSA(),
    RandomNoise(draws=2, selection_samples=3),
)
every_attack = pytest.mark.parametrize(
    "attack", [make(**SHORT.get(name, {})) for name, make in ATTACKS.items()], ids=list(ATTACKS)
)


def unit(v: Tensor) -> Tensor:
    lengths: Tensor = v.flatten(1).norm(dim=1)
    return v / lengths.reshape(-1, *[1] * (v.ndim - 1))


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
def test_fgm_is_the_closed_form_on_a_linear_classifier(loss: str) -> None:
    """Two classes: the loss falls along w_y - w_c of the mean weights, whatever the loss."""
    classifier = LinearClassifier(INPUTS, 2)
    weight = torch.randn(5, INPUTS + 1, 2).double()
    x = torch.randn(20, INPUTS).double()
    y = torch.randint(2, (20,))
    mean = weight.mean(0)[:-1].T  # (class, input)
    towards = mean[1 - y] - mean[y]
    l2 = FGM(norm="l2", strength=1.5, loss=loss)(classifier, x, y, sample_set(weight))
    torch.testing.assert_close(l2.perturbation, 1.5 * unit(towards))
    torch.testing.assert_close(l2.norm, torch.full((20,), 1.5).double())
    linf = FGM(norm="linf", strength=0.1, loss=loss)(classifier, x, y, sample_set(weight))
    torch.testing.assert_close(linf.perturbation, 0.1 * towards.sign())
    torch.testing.assert_close(linf.norm, torch.full((20,), 0.1).double())


def loop_loss(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    samples: SampleSet,
    loss: str,
    gradient: str,
) -> Tensor:
    """The losses as their papers write them, one sample after the other."""
    each = [samples[s : s + 1].tensors for s in range(len(samples))]
    probs = classifier.output == "probs" and gradient != "mean_logits"

    def of(f: Tensor) -> Tensor:
        if loss == "own-label":
            return -(f.amax(1).log() if probs else f.log_softmax(1).amax(1)).sum()
        f_y = f.gather(1, y.unsqueeze(1)).squeeze(1)
        others = f.scatter(1, y.unsqueeze(1), -torch.inf).amax(1)
        if loss == "margin":
            return (others - f_y).sum()
        if loss == "cw":
            return -(f_y - others).clamp(min=0).sum()
        z = f.log() if probs else f
        if loss == "log-margin":
            return (
                z.scatter(1, y.unsqueeze(1), -torch.inf).amax(1, keepdim=True)
                - z.gather(1, y.unsqueeze(1))
            ).sum()
        if loss == "dlr":
            z_y, top = z.gather(1, y.unsqueeze(1)), z.sort(1, descending=True).values
            lead = z_y - z.scatter(1, y.unsqueeze(1), -torch.inf).amax(1, keepdim=True)
            return -(lead / (top[:, :1] - top[:, 2:3])).sum()
        return -(f_y.log() if probs else f.log_softmax(1).gather(1, y.unsqueeze(1))).sum()

    def values(tensors: dict[str, Tensor]) -> Tensor:
        logits = classifier.logits(x, tensors)[0]
        return logits.softmax(1) if probs else logits

    if gradient == "mean_loss":
        return torch.stack([of(values(dict(t))) for t in each]).mean()
    return of(torch.stack([values(dict(t)) for t in each]).mean(0))


@pytest.mark.slow
@every_loss
@every_gradient
@pytest.mark.parametrize("model", list(MODELS))
def test_gradients_equal_a_loop_with_autograd(
    model: str,
    loss: str,
    gradient: str,
    classifiers: dict[str, StochasticClassifier],
    digits: Dataset,
) -> None:
    classifier = classifiers[model]
    x, y = digits.test_images(15)
    a, _ = disjoint_sample_sets(classifier, x, attack=7, inference=1, seed=0, memory_budget=1)
    ours = loss_gradient(classifier, x, y, a, loss=loss, gradient=gradient)
    ours_true = ours.scale.reshape(-1, 1, 1, 1) * ours.direction
    inputs = x.clone().requires_grad_()
    total = loop_loss(classifier, inputs, y, a, loss, gradient)
    loop = torch.autograd.grad(total, inputs)[0]
    largest = float(loop.abs().max())
    torch.testing.assert_close(ours_true.float(), loop, atol=1e-5 * largest, rtol=1e-3)
    assert ours.num_gradients == 7


def test_the_three_gradients_are_different_things(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(40)
    a, _ = disjoint_sample_sets(bnn, x, attack=7, inference=1, seed=0)
    found = {
        name: unit(loss_gradient(bnn, x, y, a, loss="cross-entropy", gradient=name).direction)
        for name in GRADIENTS
    }
    names = list(found)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            cosine = (found[first] * found[second]).flatten(1).sum(1)
            assert cosine.median() < 0.999, (first, second)


@every_attack
def test_predicted_labels_are_those_of_the_attack_set(
    attack: Attack, bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Given wrong labels, the attack is that on its own predictions; ``correct`` is of y."""
    x, y = digits.test_images(60)
    a, _ = disjoint_sample_sets(bnn, x, attack=3, inference=1, seed=0)
    predicted = bnn.discriminants(x, a.tensors).mean(0).argmax(1)
    assert 0 < int((predicted == y).sum()) < 60
    if isinstance(attack, PGD):
        attack = replace(attack, steps=3, relative_step=0.5)
    own = replace(attack, labels="predicted")(bnn, x, y, a)
    told = attack(bnn, x, predicted, a)
    assert torch.equal(own.perturbation, told.perturbation)
    assert torch.equal(own.correct, predicted == y)
    true = attack(bnn, x, y, a)
    assert torch.equal(true.correct, predicted == y)
    right = predicted == y
    assert torch.equal(own.perturbation[right], true.perturbation[right])
    assert not torch.equal(own.perturbation[~right], true.perturbation[~right])


def test_the_carlini_wagner_loss_rests_on_what_is_misclassified() -> None:
    """Where A misclassifies, no gradient; elsewhere the margin's."""
    classifier = LinearClassifier(INPUTS, 3)
    weight = torch.randn(5, INPUTS + 1, 3).double()
    x = torch.randn(40, INPUTS).double()
    y = torch.randint(3, (40,))
    cw = FGM(loss="cw")(classifier, x, y, sample_set(weight))
    margin = FGM(loss="margin")(classifier, x, y, sample_set(weight))
    assert 0 < int(cw.correct.sum()) < 40
    assert torch.equal(cw.zero_gradient, ~cw.correct)
    assert torch.equal(cw.perturbation[cw.correct], margin.perturbation[cw.correct])
    assert not cw.perturbation[~cw.correct].any()


@pytest.mark.parametrize("loss", sorted({*LOSSES} - {"dlr"}))  # which compares three classes
@every_gradient
@pytest.mark.parametrize("gap", [30.0, 100.0, 300.0])
def test_a_saturated_softmax_still_gives_the_direction(
    gap: float, loss: str, gradient: str
) -> None:
    """float32 logits that differ by ``gap``: 1 - p_y is 0, the direction is not."""
    classifier = LinearProbabilities(INPUTS, 2).float()
    weight = torch.zeros(3, INPUTS + 1, 2)
    weight[:, :-1] = torch.randn(INPUTS, 2)
    weight[:, -1, 0] = gap
    x = 0.01 * torch.randn(4, INPUTS)
    y = torch.zeros(4, dtype=torch.long)
    result = FGM(loss=loss, gradient=gradient, strength=1.0)(classifier, x, y, sample_set(weight))
    towards = (weight[0, :-1, 1] - weight[0, :-1, 0]).expand(4, -1)
    assert not result.zero_gradient.any()
    torch.testing.assert_close(result.perturbation, unit(towards), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("gap", [5.0, 30.0])
def test_three_classes_weigh_the_runners_up_by_their_probability(gap: float) -> None:
    """∇(-log p_y) = Σ_{c≠y} p_c (w_c - w_y): checked in float64 against float32 of ours."""
    classifier = LinearProbabilities(INPUTS, 3).float()
    weight = torch.zeros(1, INPUTS + 1, 3)
    weight[:, :-1] = torch.randn(INPUTS, 3)
    weight[:, -1] = torch.tensor([gap, 0.0, 1.0])
    x = torch.zeros(1, INPUTS)
    y = torch.zeros(1, dtype=torch.long)
    p = torch.tensor([gap, 0.0, 1.0]).double().softmax(0)
    w = weight[0, :-1].double()
    expected = p[1] * (w[:, 1] - w[:, 0]) + p[2] * (w[:, 2] - w[:, 0])
    delta = FGM(strength=1.0)(classifier, x, y, sample_set(weight)).perturbation
    torch.testing.assert_close(delta.double(), unit(expected.unsqueeze(0)), atol=1e-6, rtol=1e-5)


def test_a_zero_gradient_is_flagged_and_moves_nothing(digits: Dataset) -> None:
    classifier = LinearProbabilities(INPUTS, 2).float()
    weight = torch.zeros(2, INPUTS + 1, 2)
    x, y = torch.randn(3, INPUTS), torch.tensor([0, 1, 0])
    result = FGM(strength=1.0)(classifier, x, y, sample_set(weight))
    assert result.zero_gradient.all()
    assert torch.equal(result.perturbation, torch.zeros_like(x))
    assert torch.equal(result.norm, torch.zeros(3))


def test_one_image_does_not_change_another(bnn: StochasticClassifier, digits: Dataset) -> None:
    """The loss is summed, never averaged: δ does not depend on the batch."""
    x, y = digits.test_images(30)
    a, _ = disjoint_sample_sets(bnn, x, attack=5, inference=1, seed=0)
    together = FGM(strength=0.5)(bnn, x, y, a).perturbation
    alone = torch.cat(
        [FGM(strength=0.5)(bnn, x[n, None], y[n, None], a).perturbation for n in range(30)]
    )
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("model", ["bnn", "sin"])
def test_bf16_changes_the_attacker_alone(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """Its direction is the full one's to a few degrees; the classifier stays as it was."""
    classifier = classifiers[model]
    x, y = digits.test_images(200)
    a, _ = disjoint_sample_sets(classifier, x, attack=10, inference=1, seed=0)
    full = FGM(strength=1.0)(classifier, x, y, a)
    half = FGM(strength=1.0, precision="bf16")(classifier, x, y, a)
    cosine = (full.perturbation * half.perturbation).flatten(1).sum(1)
    # eight bits of mantissa: 1 - cos is about the mean square of relative errors of 2^-8
    assert 1e-7 < float(1 - cosine.median()) < 1e-3
    assert float((cosine > 0.99).float().mean()) > 0.95
    assert half.perturbation.dtype == x.dtype
    assert classifier.dtype == torch.float32
    torch.testing.assert_close(half.norm, torch.ones(200))


@pytest.mark.slow
@pytest.mark.parametrize("attack", list(ON_THE_SPHERE), ids=repr)
@pytest.mark.parametrize("norm", list(NORMS))
def test_the_true_norm_is_the_strength(
    attack: Attack, norm: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(50)
    a, _ = disjoint_sample_sets(bnn, x, attack=3, inference=1, seed=0)
    results = replace(attack, norm=norm).sweep(bnn, x, y, a, [0.0, 0.25, 2.0])
    for strength, result in zip((0.0, 0.25, 2.0), results, strict=True):
        assert not result.zero_gradient.any()
        torch.testing.assert_close(result.norm, torch.full((50,), strength))


def test_clipping_keeps_the_bounds_and_tells_the_true_norm(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(50)
    a, _ = disjoint_sample_sets(bnn, x, attack=3, inference=1, seed=0)
    free = FGM(strength=2.0)(bnn, x, y, a)
    clipped = FGM(strength=2.0, clip=digits.bounds)(bnn, x, y, a)
    assert ((x + free.perturbation) < -1e-6).any()
    assert ((x + clipped.perturbation) >= 0).all()
    assert ((x + clipped.perturbation) <= 1).all()
    assert (clipped.norm < free.norm).all()


@given(
    scale=st.floats(1e-30, 1e30, allow_nan=False),
    seed=st.integers(0, 2**16),
    name=st.sampled_from(list(NORMS)),
)
def test_steepest_directions_have_norm_one_at_any_scale(scale: float, seed: int, name: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    gradient = scale * torch.randn(3, 2, 5, generator=generator)
    norm = NORMS[name]
    steepest = norm.steepest(gradient)
    torch.testing.assert_close(norm.measure(steepest), torch.ones(3), atol=1e-5, rtol=0)
    # no direction of norm 1 has a larger inner product with the gradient
    other = norm.steepest(torch.randn(3, 2, 5, generator=generator))
    product = (steepest * (gradient / scale)).flatten(1).sum(1)
    assert (product >= (other * (gradient / scale)).flatten(1).sum(1) - 1e-5).all()


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"strength must be >= 0 and finite, got -0\.1"):
        FGM(strength=-0.1)
    with pytest.raises(
        UnknownNameError, match=r"unknown norm 'l3'; did you mean 'l2'\? \(l2, linf, l1\)"
    ):
        FGM(norm="l3")
    with pytest.raises(UnknownNameError, match="unknown loss 'cros-entropy'; did you mean"):
        FGM(loss="cros-entropy")
    with pytest.raises(UnknownNameError, match="unknown gradient 'mean_probs'; did you mean"):
        FGM(gradient="mean_probs")
    with pytest.raises(ArgumentError, match="clip must be"):
        FGM(clip=(1.0, 0.0))


def test_a_setting_prints_itself() -> None:
    assert repr(FGM(strength=0.5)) == (
        "FGM(norm='l2', strength=0.5, labels='true', clip=None, loss='cross-entropy', "
        "gradient='mean_prediction', precision='full')"
    )
