"""APGD: closed forms, a textbook version, torchattacks, noise, and its settings."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
import torchattacks
from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy import Deterministic, LinearClassifier
from torch import Tensor
from torch.nn import functional

from pyrosnn.attacks import APGD, FGM, NORMS, Problem
from pyrosnn.attacks.ascent import Ascent
from pyrosnn.attacks.supply import Supply
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set, predict
from pyrosnn.testing import NoisyLinear
from pyrosnn.testing.perturbations import attack_set

STRENGTHS = {"l2": 0.6, "linf": 0.08}
every_norm = pytest.mark.parametrize("norm", list(STRENGTHS))


class Path:
    """What an attack decided about: the points, and their losses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.points: list[Tensor] = []
        self.losses: list[Tensor] = []
        self.margin: Tensor = torch.empty(0)
        decide = Problem.decide

        def spied(problem: Problem, delta: Tensor, *rows: Any) -> Tensor:
            loss = decide(problem, delta, *rows)
            self.points.append(delta.clone())
            self.losses.append(loss)
            self.margin = problem.archive.margin
            return loss

        monkeypatch.setattr(Problem, "decide", spied)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Path:
    return Path(monkeypatch)


# --- closed forms ------------------------------------------------------------------------------


def linear(classes: int, noise: float = 0.5) -> tuple[NoisyLinear, Tensor, Tensor]:
    """Return a linear classifier, 20 images and their labels."""
    classifier = NoisyLinear(
        torch.randn(classes, 6).double(), torch.randn(classes).double(), noise=noise
    )
    return classifier, torch.randn(20, 6).double(), torch.arange(20) % classes


def test_a_linear_classifier_needs_one_step_in_linf() -> None:
    """Two steps of the strength reach the corner from any random point."""
    classifier, x, y = linear(2)
    attack = APGD(norm="linf", strength=0.3, steps=1)
    result = attack(classifier, x, y, attack_set(classifier, x))
    towards = classifier.weight[1 - y] - classifier.weight[y]
    assert torch.equal(result.perturbation, 0.3 * towards.sign())


def test_targets_find_the_worst_corner_of_a_linear_classifier(path: Path) -> None:
    """Toward each class from the likeliest on V, and of the corners the worst one stays."""
    classifier, x, y = linear(5)
    common: dict[str, Any] = {"norm": "linf", "strength": 0.3, "steps": 1, "loss": "margin"}
    attack = APGD(**common, targets=9, selection_samples=7)
    result = attack(classifier, x, y, attack_set(classifier, x))
    V = draw_sample_set(classifier, x, 7, seed=0, stream="selection")
    f = predict(classifier, x, V).values
    ordered = f.scatter(1, y.unsqueeze(1), -torch.inf).argsort(1, descending=True)[:, :4]
    corners = 0.3 * (classifier.weight[ordered] - classifier.weight[y].unsqueeze(1)).sign()
    assert torch.equal(torch.stack(path.points[4:], dim=1), corners)  # after the starts
    margins = [predict(classifier, x + corners[:, c], V).margin(y) for c in range(4)]
    worst = torch.stack(margins, dim=1).argmin(1)
    assert len(worst.unique()) > 1
    assert torch.equal(result.perturbation, corners[torch.arange(20), worst])
    assert result.num_gradients == 4 * 3
    assert result.num_queries == 7 + 4 * 2 * 7


# --- a network without noise -------------------------------------------------------------------


@pytest.fixture(scope="module")
def network(digits: Dataset) -> torch.nn.Module:
    """A small network in float64, trained for a moment."""
    torch.manual_seed(1)
    made = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 24), torch.nn.ReLU(), torch.nn.Linear(24, 10)
    ).double()
    optimiser = torch.optim.Adam(made.parameters(), lr=0.01)
    x, y = digits.x_train.double(), digits.y_train
    for _ in range(100):
        optimiser.zero_grad()
        functional.cross_entropy(made(x), y).backward()
        optimiser.step()
    return made.requires_grad_(False)


@pytest.fixture
def images(digits: Dataset) -> tuple[Tensor, Tensor]:
    x, y = digits.test_images(40)
    return x.double(), y


def ratio(z: Tensor, y: Tensor) -> Tensor:
    """The DLR loss, as its paper writes it."""
    own = z.gather(1, y.unsqueeze(1)).squeeze(1)
    other = z.scatter(1, y.unsqueeze(1), -torch.inf).amax(1)
    ordered = z.sort(1, descending=True).values
    return -(own - other) / (ordered[:, 0] - ordered[:, 2])


LOSS: dict[str, Any] = {
    "cross-entropy": lambda z, y: functional.cross_entropy(z, y, reduction="none"),
    "dlr": ratio,
}


THEIR_NORM = {"l2": "L2", "linf": "Linf"}
THEIR_LOSS = {"cross-entropy": "ce", "dlr": "dlr"}
RAISED = 1e3


def textbook(
    network: torch.nn.Module, x: Tensor, y: Tensor, start: Tensor, *, norm: str, loss: str, n: int
) -> Iterator[tuple[Tensor, float]]:
    """APGD of one image, as its paper has it, with x + δ in [0, 1]; yields points and losses.

    As in its authors' code, a step from the best point rises if it is above the point before.
    """
    eta = STRENGTHS[norm]

    def inside(v: Tensor) -> Tensor:
        v = v.clamp(-eta, eta) if norm == "linf" else v * min(1.0, eta / float(v.norm()))
        return (x + v).clamp(0, 1) - x

    def at(delta: Tensor) -> tuple[float, Tensor]:
        point = delta.clone().requires_grad_()
        value = LOSS[loss](network(x + point), y)
        (g,) = torch.autograd.grad(value.sum(), point)
        return float(value.detach()), g.sign() if norm == "linf" else g / g.norm()

    p, before = [0.0, 0.22], 0
    while p[-1] < 1:
        p.append(p[-1] + max(p[-1] - p[-2] - 0.03, 0.06))
    ends = [int(share * n + 1e-9) for share in p]
    delta, previous, size = start, start, 2 * eta
    value, g = at(delta)
    values, best, sizes, highs = [value], (value, delta), [size], [value]
    yield delta, value
    for k in range(1, n + 1):
        z = inside(delta + size * g)
        moved = z if k == 1 else inside(delta + 0.75 * (z - delta) + 0.25 * (delta - previous))
        previous, delta = delta, moved
        value, g = at(delta)
        yield delta, value
        values.append(value)
        best = max(best, (value, delta), key=lambda pair: pair[0])
        if k in ends[1:]:
            rises = sum(values[i + 1] > values[i] for i in range(before, k))
            same = len(sizes) > 1 and sizes[-1] == sizes[-2] and best[0] == highs[-1]
            before, halve = k, rises < 0.75 * (k - before) + 1e-9 or same
            sizes, highs = [*sizes, size / 2 if halve else size], [*highs, best[0]]
            if halve:
                size, delta = size / 2, best[1]
                g = at(delta)[1]


@every_norm
@pytest.mark.parametrize("loss", list(LOSS))
def test_without_noise_it_is_the_textbook_s(
    norm: str,
    loss: str,
    network: torch.nn.Module,
    images: tuple[Tensor, Tensor],
    path: Path,
) -> None:
    """Every point and every loss, to rounding; 100 steps have the checkpoints of the paper."""
    x, y = images[0][:2], images[1][:2]
    classifier = Deterministic(network, (1, 8, 8), 10)
    attack = APGD(
        norm=norm, strength=STRENGTHS[norm], clip=(0.0, 1.0), loss=loss, selection_samples=1
    )
    result = attack(classifier, x, y, attack_set(classifier, x))
    points, losses = torch.stack(path.points), torch.stack(path.losses)
    common: dict[str, Any] = {"norm": norm, "loss": loss, "n": 100}
    for i in range(2):
        own = slice(i, i + 1)
        theirs = list(textbook(network, x[own], y[own], points[0, own], **common))
        torch.testing.assert_close(
            points[:, own], torch.stack([point for point, _ in theirs]), rtol=0, atol=1e-9
        )
        torch.testing.assert_close(
            losses[:, i],
            torch.tensor([loss for _, loss in theirs], dtype=torch.float64),
            rtol=1e-7,
            atol=1e-9,
        )
    assert (result.num_gradients, result.num_queries) == (100 * 3, 101)


@every_norm
@pytest.mark.parametrize("loss", list(LOSS))
def test_without_noise_it_is_torchattacks_own(
    norm: str,
    loss: str,
    network: torch.nn.Module,
    images: tuple[Tensor, Tensor],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the same points: the same highest losses, and the same images fall.

    torchattacks compares the loss of the first step with an unset one of 0, not with that of the
    start: it is given losses that are all above 0.
    """
    x, y = images
    classifier = Deterministic(network, (1, 8, 8), 10)
    attack = APGD(
        norm=norm,
        strength=STRENGTHS[norm],
        clip=(0.0, 1.0),
        loss=loss,
        selection_samples=1,
        steps=40,
    )
    A = attack_set(classifier, x)
    attack(classifier, x, y, A)
    with Supply(classifier, x, A, 1).random("apgd", 0, 0, 0):
        drawn = NORMS[norm].draw(x, 1.0)
    uniform = (drawn + 1) / 2
    monkeypatch.setattr(torch, "rand", lambda *_: uniform)
    monkeypatch.setattr(torch, "randn", lambda *_: drawn)
    theirs = torchattacks.APGD(
        network, norm=THEIR_NORM[norm], eps=STRENGTHS[norm], steps=40, loss=THEIR_LOSS[loss]
    )
    raised = {name: lambda z, y, loss=loss: loss(z, y) + RAISED for name, loss in LOSS.items()}
    monkeypatch.setattr(theirs, "dlr_loss", raised["dlr"])
    monkeypatch.setattr(torch.nn, "CrossEntropyLoss", lambda **_: raised["cross-entropy"])
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # theirs keeps losses and sizes in it
    try:
        _, held, highest, _ = theirs.attack_single_run(x, y)
    finally:
        torch.set_default_dtype(before)
    ours = torch.stack(path.losses).amax(0)
    assert 0 < int(held.sum()) < len(x)
    assert torch.equal(path.margin > 0, held)
    torch.testing.assert_close(ours, highest - RAISED, rtol=1e-6, atol=1e-8)


# --- noise -------------------------------------------------------------------------------------


class Ascents:
    """The ascents of each window, and the step sizes after it, of all runs of APGD."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.rises: list[Tensor] = []
        self.sizes: list[Tensor] = []
        halve = Ascent._halve

        def spied(ascent: Ascent) -> Tensor:
            self.rises.append(ascent.ascents)
            halved = halve(ascent)
            self.sizes.append(ascent.step)
            return halved

        monkeypatch.setattr(Ascent, "_halve", spied)


def noisy_run(noise: float, ascents: Ascents) -> tuple[Tensor, Tensor, Tensor]:
    """Attack a linear classifier with noise in its logits.

    Returns:
        δ, the ascents of each window, and the step sizes after it.
    """
    torch.manual_seed(3)
    classifier, x, y = linear(2, noise)
    ascents.rises.clear()
    ascents.sizes.clear()
    result = APGD(strength=0.3, steps=13)(classifier, x, y, attack_set(classifier, x))
    return result.perturbation, torch.stack(ascents.rises), torch.stack(ascents.sizes)


def test_noise_in_the_logits_halves_no_step_size_on_v(monkeypatch: pytest.MonkeyPatch) -> None:
    """On V the losses rise where those without noise do; on fresh samples the noise decides."""
    ascents = Ascents(monkeypatch)
    silent, noisy = noisy_run(0.0, ascents), noisy_run(5.0, ascents)
    torch.testing.assert_close(noisy[0], silent[0])
    assert torch.equal(noisy[1], silent[1])
    assert torch.equal(noisy[2], silent[2])
    assert (silent[1][0] == 2).all()  # both steps of the first window: no size is halved
    streams = iter(range(100))

    def on_fresh_samples(problem: Problem, delta: Tensor) -> Tensor:
        stream = f"fresh-{next(streams)}"
        V = draw_sample_set(problem.classifier, problem.x, 1, seed=1, stream=stream)
        mean = predict(problem.classifier, problem.x + delta, V)
        return problem.maximised.row.value(mean, problem.labels)

    monkeypatch.setattr(Problem, "decide", on_fresh_samples)
    # of three independent numbers the second and third are above the one before in 1 of 6 cases
    halved = noisy_run(5.0, ascents)[2][0] < 0.6
    assert int(halved.sum()) > 10


# --- guarantees and settings -------------------------------------------------------------------


@settings(max_examples=12)
@given(
    strength=st.floats(1e-3, 3.0),
    norm=st.sampled_from(list(NORMS)),
    bounds=st.sampled_from([None, (-0.5, 0.5)]),
    loss=st.sampled_from(["margin", "cross-entropy"]),
    targets=st.sampled_from([0, 2]),
    fixed=st.booleans(),
)
def test_delta_is_within_the_strength_and_the_worst_that_was_decided(
    strength: float,
    norm: str,
    bounds: tuple[float, float] | None,
    loss: str,
    targets: int,
    fixed: bool,
) -> None:
    classifier = LinearClassifier(5, 3)
    x, y = torch.rand(6, 5).double() - 0.5, torch.arange(6) % 3
    attack = APGD(
        norm=norm,
        strength=strength,
        clip=bounds,
        loss=loss,
        targets=targets,
        fixed_samples=fixed,
        restarts=1,
        steps=3,
        selection_samples=3,
    )
    with pytest.MonkeyPatch.context() as patch:
        path = Path(patch)
        delta = attack(classifier, x, y, attack_set(classifier, x)).perturbation
    V = draw_sample_set(classifier, x, 3, seed=0, stream="selection")
    assert len(path.points) == max(targets, 1) * 2 * 4
    assert (NORMS[norm].measure(delta) <= strength * (1 + 1e-9)).all()
    if bounds is not None:
        assert float((x + delta).abs().max()) <= 0.5 + 1e-12
    margins = torch.stack([predict(classifier, x + p, V).margin(y) for p in path.points])
    own = predict(classifier, x + delta, V).margin(y)
    torch.testing.assert_close(own, margins.amin(0), rtol=0, atol=1e-12)


def test_more_runs_raise_no_margin(bnn: StochasticClassifier, digits: Dataset, path: Path) -> None:
    """The first run stays the same; each run has its own start, and they share samples."""
    x, y = digits.test_images(20)
    A = draw_sample_set(bnn, x, 2, seed=0, stream="attack")
    once = APGD(strength=0.5, steps=3, selection_samples=4)
    first = once(bnn, x, y, A)
    margin = path.margin
    more = replace(once, restarts=2)(bnn, x, y, A)
    assert (path.margin <= margin).all()
    assert (path.margin < margin).any()
    starts, steps = path.points[4:7], path.points[7:]
    assert torch.equal(path.points[0], starts[0])
    for one, other in zip(path.points[1:4], steps[::3], strict=True):
        torch.testing.assert_close(one, other)
    assert all((a - b).flatten(1).norm(dim=1).min() > 0.1 for a, b in pairwise(starts))
    assert (first.num_gradients, more.num_gradients) == (6, 18)
    assert (first.num_queries, more.num_queries) == (16, 48)
    assert (more.origin.start, more.origin.stop) == (0, 6)


def test_fixed_samples_are_those_of_a(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(5)
    A = draw_sample_set(bnn, x, 2, seed=0, stream="attack")
    result = APGD(strength=0.5, steps=3, fixed_samples=True)(bnn, x, y, A)
    assert (result.origin.stop, result.num_gradients) == (2, 6)


def test_given_samples_decide(bnn: StochasticClassifier, digits: Dataset, path: Path) -> None:
    """V may be given; S_V is then its size."""
    x, y = digits.test_images(8)
    A = draw_sample_set(bnn, x, 2, seed=0, stream="attack")
    V = draw_sample_set(bnn, x, 5, seed=7, stream="selection")
    result = APGD(strength=0.5, steps=3)(bnn, x, y, A, selection=V)
    assert result.num_queries == 4 * 5
    own = predict(bnn, x + result.perturbation, V).margin(y)
    torch.testing.assert_close(own, path.margin)


def test_one_step_is_fgm() -> None:
    attack = APGD(norm="linf", strength=0.1, loss="margin", labels="predicted")
    assert attack.one_step == FGM(norm="linf", strength=0.1, loss="margin", labels="predicted")
    assert attack.iterated


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"restarts": -1}, "restarts must be >= 0, got -1"),
        ({"selection_samples": 0}, "selection_samples must be >= 1, got 0"),
        (
            {"targets": 3, "loss": "cw"},
            "the loss 'cw' leads to no given class; cross-entropy, margin, dlr, log-margin do",
        ),
    ],
)
def test_bad_settings_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        APGD(**wrong)
