"""PGD: what it shares with FGM, its projection, its samples, and its settings."""

import copy
import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy import LinearClassifier, sample_set
from torch import Tensor

import pyrosnn.attacks.gradient
import pyrosnn.sampling.stream
from pyrosnn.attacks import FGM, NORMS, PGD, AttackResult, loss_gradient
from pyrosnn.conditions import attack_geometry
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, OverlapError
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, predict
from pyrosnn.shapes import Sites


def nearest_in_l1(v: Tensor, bound: float) -> Tensor:
    """The nearest point of the ball of ℓ1, by bisecting the threshold that its entries lose."""
    low, high = 0.0, float(v.abs().max())
    for _ in range(60):
        middle = (low + high) / 2
        if float((v.abs() - middle).clamp(min=0).sum()) > bound:
            low = middle
        else:
            high = middle
    return v.sign() * (v.abs() - high).clamp(min=0)


every_norm = pytest.mark.parametrize("norm", list(NORMS))
every_model = pytest.mark.parametrize("model", list(MODELS))


def attacked(
    attack: FGM | PGD, classifier: StochasticClassifier, digits: Dataset, size: int = 4
) -> AttackResult:
    x, y = digits.test_images(30)
    a, _ = disjoint_sample_sets(classifier, x, attack=size, inference=1, seed=0)
    return attack(classifier, x, y, a)


@pytest.mark.slow
@every_norm
@every_model
@pytest.mark.parametrize("clip", [None, (0.0, 1.0)])
def test_one_full_step_is_fgm(
    model: str,
    norm: str,
    clip: tuple[float, float] | None,
    classifiers: dict[str, StochasticClassifier],
    digits: Dataset,
) -> None:
    pgd = PGD(norm=norm, strength=0.3, steps=1, relative_step=1.0, clip=clip)
    fgm = FGM(norm=norm, strength=0.3, clip=clip)
    one = attacked(pgd, classifiers[model], digits)
    other = attacked(fgm, classifiers[model], digits)
    torch.testing.assert_close(one.perturbation, other.perturbation)
    torch.testing.assert_close(one.norm, other.norm)
    assert torch.equal(one.zero_gradient, other.zero_gradient)
    assert torch.equal(one.correct, other.correct)
    assert (one.num_gradients, one.origin) == (other.num_gradients, other.origin)


@every_norm
@given(
    values=st.lists(st.floats(-1e3, 1e3, width=32), min_size=6, max_size=6),
    bound=st.floats(0.0, 10.0),
)
def test_projection_is_within_the_ball_and_keeps_what_is_inside(
    norm: str, values: list[float], bound: float
) -> None:
    v = torch.tensor(values, dtype=torch.float64).reshape(2, 3)
    projected = NORMS[norm].project(v, bound)
    assert (NORMS[norm].measure(projected) <= bound * (1 + 1e-12)).all()
    inside = NORMS[norm].measure(v) <= bound
    assert torch.equal(projected[inside], v[inside])
    again = NORMS[norm].project(projected, bound)
    torch.testing.assert_close(again, projected)
    # nearest: no step towards v stays within the ball
    closer = projected + 1e-3 * (v - projected)
    outside = (NORMS[norm].measure(closer) > bound) | inside
    assert outside.all()


@pytest.mark.statistical
@every_norm
def test_random_starts_fill_the_ball(norm: str) -> None:
    drawn = NORMS[norm].draw(torch.zeros(20_000, 3, dtype=torch.float64), 2.0)
    radii = NORMS[norm].measure(drawn)
    assert radii.max() <= 2.0
    # half of a 3-dimensional ball's volume lies within 2 / 2^(1/3); standard error 0.0035
    share = float((radii < 2.0 / 2 ** (1 / 3)).double().mean())
    assert abs(share - 0.5) < 5 * 0.0036
    assert float(drawn.mean(0).abs().max()) < 0.05


@every_norm
@pytest.mark.parametrize("fixed", [True, False])
def test_the_steps_are_those_of_the_docstring(
    norm: str, fixed: bool, bnn: StochasticClassifier, digits: Dataset
) -> None:
    """A loop with the samples written out: 4 k … 4 k + 3 in step k, or always the same four."""
    x, y = digits.test_images(20)
    stream = draw_sample_set(bnn, x, 40, seed=0, stream="attack")
    delta = torch.zeros_like(x)
    for step in range(10):
        used = stream[:4] if fixed else stream[4 * step : 4 * step + 4]
        g = loss_gradient(
            bnn, x + delta, y, used, loss="cross-entropy", gradient="mean_prediction"
        ).direction
        if norm == "l2":
            delta = delta + 0.25 * 0.5 * g / g.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
            lengths = delta.flatten(1).norm(dim=1).clamp(min=1e-30)
            delta = delta * (0.5 / lengths).clamp(max=1).reshape(-1, 1, 1, 1)
        elif norm == "linf":
            delta = (delta + 0.25 * 0.5 * g.sign()).clamp(-0.5, 0.5)
        else:
            for image, slope in zip(delta.flatten(1), g.flatten(1), strict=True):
                image[slope.abs().argmax()] += 0.25 * 0.5 * slope[slope.abs().argmax()].sign()
                image[:] = nearest_in_l1(image, 0.5)
    attack = PGD(norm=norm, strength=0.5, steps=10, relative_step=0.25, fixed_samples=fixed)
    result = attack(bnn, x, y, stream[:4])
    torch.testing.assert_close(result.perturbation, delta, atol=1e-5, rtol=1e-4)
    assert result.num_gradients == 40
    assert (result.origin.start, result.origin.stop) == (0, 4 if fixed else 40)


def test_a_linear_classifier_is_attacked_to_the_edge_along_the_closed_form() -> None:
    classifier = LinearClassifier(5, 2)
    weight = torch.randn(3, 6, 2).double()
    x, y = torch.randn(8, 5).double(), torch.randint(2, (8,))
    towards = weight.mean(0)[:-1].T[1 - y] - weight.mean(0)[:-1].T[y]
    attack = PGD(strength=0.7, steps=100, relative_step=0.02, fixed_samples=True, loss="margin")
    result = attack(classifier, x, y, sample_set(weight))
    expected = 0.7 * towards / towards.norm(dim=1, keepdim=True)
    torch.testing.assert_close(result.perturbation, expected)


@pytest.mark.slow
@every_model
def test_more_steps_attack_harder(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """On the attack set itself 20 steps leave a smaller mean margin than FGM's one."""
    classifier = classifiers[model]
    x, y = digits.test_images(25)
    a, _ = disjoint_sample_sets(classifier, x, attack=5, inference=1, seed=0)

    def left(attack: FGM | PGD) -> float:
        delta = attack(classifier, x, y, a).perturbation
        f = predict(classifier, x + delta, a).values
        others = f.scatter(1, y.unsqueeze(1), -torch.inf).amax(1)
        return float((f.gather(1, y.unsqueeze(1)).squeeze(1) - others).mean())

    pgd = PGD(strength=0.8, loss="margin", steps=20, relative_step=0.1, fixed_samples=True)
    assert left(pgd) < left(FGM(strength=0.8, loss="margin"))


def test_clipping_holds_in_every_step(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, _ = digits.test_images(30)
    result = attacked(PGD(strength=1.0, steps=5, relative_step=0.5, clip=(0.0, 1.0)), bnn, digits)
    moved = x + result.perturbation
    assert float(moved.min()) >= -1e-6
    assert float(moved.max()) <= 1 + 1e-6
    assert (result.norm <= 1 + 1e-6).all()


def test_the_samples_of_every_step_are_the_attackers(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Judging with samples that a later step has used is refused."""
    x, y = digits.test_images(5)
    a = draw_sample_set(bnn, x, 2, seed=0, stream="attack")
    result = PGD(strength=0.5, steps=4, relative_step=0.5)(bnn, x, y, a)
    later = draw_sample_set(bnn, x, 2, seed=0, stream="attack", start=6)
    with pytest.raises(OverlapError, match=r"samples 6 … 7 of stream 'attack'"):
        attack_geometry(bnn, x, y, result, later)
    free = draw_sample_set(bnn, x, 2, seed=0, stream="attack", start=8)
    attack_geometry(bnn, x, y, result, free)


def test_restarts_keep_the_best_end_of_each_image(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(40)
    a, _ = disjoint_sample_sets(bnn, x, attack=8, inference=1, seed=0)
    once = PGD(strength=0.5, steps=3, relative_step=0.4, fixed_samples=True)
    more = replace(once, restarts=4)
    first, best = once(bnn, x, y, a), more(bnn, x, y, a)
    assert best.num_gradients == 5 * first.num_gradients
    selection = draw_sample_set(bnn, x, 8, seed=0, stream="selection")

    def margin(delta: Tensor) -> Tensor:
        f = bnn.discriminants(x + delta, selection.tensors).mean(0).double()
        others = f.scatter(1, y.unsqueeze(1), -torch.inf).amax(1)
        return f.gather(1, y.unsqueeze(1)).squeeze(1) - others

    before, after = margin(first.perturbation), margin(best.perturbation)
    assert (after <= before + 1e-6).all()
    assert (after < before - 1e-4).any()
    again = more(bnn, x, y, a)
    assert torch.equal(again.perturbation, best.perturbation)


def test_the_samples_of_restarts_are_the_attackers_too(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Three starts of four steps with two samples each; judging with any of them is refused."""
    x, y = digits.test_images(5)
    a = draw_sample_set(bnn, x, 2, seed=0, stream="attack")
    result = PGD(strength=0.5, steps=4, relative_step=0.5, restarts=2)(bnn, x, y, a)
    assert (result.origin.start, result.origin.stop) == (0, 3 * 4 * 2)
    last = draw_sample_set(bnn, x, 2, seed=0, stream="attack", start=22)
    with pytest.raises(OverlapError, match=r"samples 22 … 23 of stream 'attack'"):
        attack_geometry(bnn, x, y, result, last)


def test_restarts_attack_the_labels_that_the_first_set_predicts(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Predicted once, from A at x, and used by every start and by the selection."""
    x, y = digits.test_images(60)
    a, _ = disjoint_sample_sets(bnn, x, attack=2, inference=1, seed=0)
    attack = PGD(strength=0.5, steps=3, relative_step=0.4, restarts=2)
    predicted = bnn.discriminants(x, a.tensors).mean(0).argmax(1)
    assert 0 < int((predicted == y).sum()) < 60
    own = replace(attack, labels="predicted")(bnn, x, y, a)
    told = attack(bnn, x, predicted, a)
    assert torch.equal(own.perturbation, told.perturbation)
    assert torch.equal(own.correct, predicted == y)


def test_strength_zero_costs_one_gradient(bnn: StochasticClassifier, digits: Dataset) -> None:
    result = attacked(PGD(strength=0.0, restarts=2), bnn, digits, size=4)
    assert result.num_gradients == 4
    assert not result.perturbation.any()


def test_fresh_samples_need_a_drawn_set() -> None:
    classifier = LinearClassifier(5, 2)
    x, y = torch.randn(3, 5).double(), torch.randint(2, (3,))
    made = sample_set(torch.randn(3, 6, 2).double())
    with pytest.raises(ArgumentError, match="fresh samples need a set that was drawn"):
        PGD(steps=2, relative_step=0.5)(classifier, x, y, made)


class Counted(LinearClassifier):
    """Counts the images that its heads are evaluated on, for each sample."""

    evaluated = 0

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        found = super().logits(x, sites)
        Counted.evaluated += found[..., 0].numel()
        return found


@pytest.mark.parametrize("fixed", [True, False])
def test_images_that_the_loss_rests_on_cost_nothing_more(
    fixed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fixed samples half of the images are finished at once, and the others stay."""
    monkeypatch.setattr(Counted, "evaluated", 0)
    classifier = Counted(5, 3, noise=0.01)
    x = torch.randn(40, 5, dtype=torch.float64)
    a = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    y = predict(classifier, x, a).predicted
    y[::2] = (y[::2] + 1) % 3  # A misclassifies them
    attack = PGD(strength=1e-6, steps=10, relative_step=0.2, loss="cw", fixed_samples=fixed)
    Counted.evaluated = 0
    result = attack(classifier, x, y, a)
    first, later = (40, 20) if fixed else (40, 40)
    assert Counted.evaluated == 4 * (first + 9 * later)
    assert result.num_gradients == math.ceil(4 * (first + 9 * later) / 40)
    assert result.zero_gradient.tolist() == [True, False] * 20
    assert not result.perturbation[::2].any()
    margin = replace(attack, loss="margin")(classifier, x, y, a)  # which never rests
    # some processors add up a batch of 20 in another order than one of 40
    torch.testing.assert_close(
        result.perturbation[1::2], margin.perturbation[1::2], rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("model", ["bnn", "sin"])
@pytest.mark.parametrize("gradient", ["mean_prediction", "mean_loss"])
def test_leaving_the_batch_changes_no_result(
    model: str, gradient: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """A loop over all images in every step, each with the noise that was drawn for it."""
    classifier = classifiers[model]
    x, y = digits.test_images(40)
    a, _ = disjoint_sample_sets(classifier, x, attack=4, inference=1, seed=0)
    delta = torch.zeros_like(x)
    for _ in range(8):
        g = loss_gradient(classifier, x + delta, y, a, loss="cw", gradient=gradient).direction
        delta = NORMS["l2"].project(delta + 0.25 * 0.8 * NORMS["l2"].steepest(g), 0.8)
    attack = PGD(
        strength=0.8, steps=8, relative_step=0.25, loss="cw", gradient=gradient, fixed_samples=True
    )
    result = attack(classifier, x, y, a)
    assert result.num_gradients < 8 * 4
    torch.testing.assert_close(result.perturbation, delta, atol=1e-5, rtol=1e-4)


def test_an_attack_checks_and_copies_once_whatever_its_steps(
    bnn: StochasticClassifier, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fresh samples in every step: no fingerprint, look at the sites, or copy for each."""
    counts: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, counted)

    x, y = digits.test_images(10)
    a, _ = disjoint_sample_sets(bnn, x, attack=20, inference=1, seed=0)
    count(pyrosnn.attacks.gradient, "batch_for")
    count(StochasticClassifier, "fingerprint")
    count(pyrosnn.sampling.stream, "_sites")
    count(copy, "deepcopy")
    attack = PGD(strength=0.5, precision="bf16", steps=2, relative_step=0.5)
    attack(bnn, x, y, a)
    few = dict(counts)
    counts.clear()
    replace(attack, steps=12)(bnn, x, y, a)
    assert counts == few
    assert (counts["batch_for"], counts["_sites"]) == (1, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"relative_step": 0.0}, r"relative_step must be > 0 and finite, got 0\.0"),
        (
            {"steps": 10},
            r"10 steps of 0\.02 η reach 0\.2 η at most; .* relative_step >= 0\.1 \(0\.2 is",
        ),
        ({"restarts": -1}, "restarts must be >= 0, got -1"),
        ({"strength": -0.1}, r"strength must be >= 0 and finite, got -0\.1"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        PGD(**settings)  # type: ignore[arg-type]
