"""Training for certificates and proofs: closed forms on linear models, and plain training."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pyrosnn.attacks import PGD
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, NoBoundsError, resolve
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set
from pyrosnn.testing.toy_models import NoisyLinear
from pyrosnn.training import TrainingSpec, TrainingState, preset, train
from pyrosnn.training.images.interval import Interval
from pyrosnn.training.images.noisy import add_noise
from pyrosnn.training.images.smooth_adversarial import SmoothAdversarial
from pyrosnn.training.loss import make_loss
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.options import training_options
from pyrosnn.training.step import Setting, Step
from pyrosnn.verification import verify

MODELS = ("bnn", "im", "sin")
SMALL: dict[str, Any] = {"hidden": (8,)}
NOISY = {"smoothing_variance": 0.1, "noisy_copies": 3}
SMOOTH: dict[str, Any] = {
    "images": "smooth-adversarial",
    **NOISY,
    "image_options": {
        "strength": 0.5,
        "clip": False,
        "attack_options": {"steps": 2, "relative_step": 1.0},
    },
}
INTERVAL: dict[str, Any] = {"images": "ibp", "image_options": {"strength": 0.1, "ramp": 1}}
CONSISTENT: dict[str, Any] = {"regularisers": {"consistency": {"weight": 4.0}}}


def spec_of(model: str, **changes: Any) -> TrainingSpec:
    settings = {"epochs": 1, "options": SMALL, "num_particles": 2, **changes}
    return preset(model, **settings)


def made(spec: TrainingSpec) -> StochasticClassifier:
    torch.manual_seed(0)
    return build_model(
        spec.model, image_shape=(1, 8, 8), num_classes=10, options=spec.options
    ).train()


def step_of(spec: TrainingSpec, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> Step:
    objective = resolve(OBJECTIVES, classifier.objective, "objective")
    setting = Setting(
        classifier=classifier,
        objective=objective(spec.num_particles),
        spec=spec,
        num_images=len(x),
        bounds=(0.0, 1.0),
    )
    torch.manual_seed(7)
    return Step.draw(setting, x, y, epoch=1, batch=0)


def weights(spec: TrainingSpec, digits: Dataset) -> dict[str, Tensor]:
    few = replace(digits, x_train=digits.x_train[:100], y_train=digits.y_train[:100])
    return train(spec, few).state_dict()


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def with_options(settings: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {**settings, "image_options": {**settings["image_options"], **options}}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("plain", "off", "on"),
    [
        ({}, {"regularisers": {"consistency": {"weight": 0.0}}}, CONSISTENT),
        ({}, with_options(INTERVAL, kappa=1.0), INTERVAL),
        (NOISY, with_options(SMOOTH, strength=0.0), SMOOTH),
    ],
    ids=["consistency", "kappa", "strength"],
)
def test_what_is_switched_off_is_the_plain_training(
    model: str, plain: dict[str, Any], off: dict[str, Any], on: dict[str, Any], digits: Dataset
) -> None:
    """Bit for bit: the same random numbers, the same operations."""
    expected = weights(spec_of(model, **plain), digits)
    assert same(weights(spec_of(model, **off), digits), expected)
    assert not same(weights(spec_of(model, **on), digits), expected)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("plain", "late"), [({}, INTERVAL), (NOISY, SMOOTH)], ids=["ibp", "smooth"]
)
def test_a_warm_up_is_the_plain_training(
    model: str, plain: dict[str, Any], late: dict[str, Any], digits: Dataset
) -> None:
    """Its first epoch bit for bit; in the second the images are used."""
    kept: list[list[Mapping[str, Tensor]]] = []
    few = replace(digits, x_train=digits.x_train[:100], y_train=digits.y_train[:100])
    for changes in (plain, with_options(late, warm_up=1)):
        states: list[TrainingState] = []
        train(spec_of(model, epochs=2, **changes), few, keep=states.append)
        kept.append([state.tensors for state in states])
    assert [same(one, other) for one, other in zip(*kept, strict=True)] == [True, False]


# Consistency


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("noisy", [{}, NOISY], ids=["particles", "copies"])
def test_consistency_is_its_formula(model: str, noisy: dict[str, Any], digits: Dataset) -> None:
    """Over all particles and copies of an image, each evaluated on its own."""
    terms = {"consistency": {"weight": 4.0, "entropy": 0.3}}
    spec = spec_of(model, options={"hidden": ()}, regularisers=terms, **noisy)
    classifier = made(spec)
    copies = noisy.get("noisy_copies", 1)
    x, y = add_noise(
        digits.x_train[:5],
        digits.y_train[:5],
        variance=noisy.get("smoothing_variance", 0.0),
        copies=copies,
    )
    step = step_of(spec, classifier, x, y)
    (term,) = spec.make_regularisers()
    p = classifier.logits(x, step.particles).double().softmax(-1).detach().numpy()
    expected = []
    for image in range(5):
        draws = [p[s, image * copies + c] for s in range(2) for c in range(copies)]
        mean = np.mean(draws, axis=0)
        divergence = np.mean([(mean * np.log(mean / draw)).sum() for draw in draws])
        expected.append(divergence - 0.3 / 4.0 * (mean * np.log(mean)).sum())
    found = term.penalty(step).detach()
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    # the term is λ KL + η H: the weight of the entropy is its own
    added = term.term(step)
    assert added is not None
    assert float(added.detach()) == pytest.approx(4.0 * np.mean(expected), rel=1e-4)


def test_the_evaluation_is_that_of_the_loss(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    evaluate = Step.evaluate

    def counted(self: Step, x: Tensor, weight: float = 1.0) -> Any:
        calls.append(len(x))
        return evaluate(self, x, weight)

    monkeypatch.setattr(Step, "evaluate", counted)
    spec = spec_of("sin", **CONSISTENT)
    make_loss(made(spec), spec, num_images=20)(digits.x_train[:20], digits.y_train[:20])
    assert calls == [20]


@pytest.mark.usefixtures("as_users_call")
def test_bounds_of_noisy_images_are_refused() -> None:
    """Clipped to the data's bounds, a ball would not hold its own centre."""
    noisy: dict[str, Any] = {"images": "ibp", "smoothing_variance": 0.1}
    with pytest.raises(ArgumentError, match="noisy images leave the data's bounds"):
        spec_of("bnn", **noisy, image_options={"strength": 0.1})
    spec_of("bnn", **noisy, image_options={"strength": 0.1, "clip": False})


def test_one_draw_is_refused() -> None:
    with pytest.raises(ArgumentError, match="compares draws of an image, got one"):
        spec_of("sin", num_particles=1, **CONSISTENT)
    spec = spec_of("bnn", num_particles=1, **CONSISTENT, **NOISY)
    assert TrainingSpec(**spec.to_json()) == spec


@pytest.mark.slow
def test_consistent_draws_vote_alike(digits: Dataset) -> None:
    """More images have nearly all votes, which large radii need, if not more on average."""
    shares = []
    x, y = digits.test_images(200)
    for weight in (0.0, 10.0):
        terms = {"consistency": {"weight": weight}}
        spec = spec_of("sin", epochs=8, options={"hidden": (32,)}, regularisers=terms)
        sin = train(spec, digits)
        draws = draw_sample_set(sin, x, 100, seed=0, stream="test").tensors
        votes = sin.logits(x, draws).argmax(-1) == y
        shares.append(float((votes.float().mean(0) > 0.95).float().mean()))
    assert shares[1] > shares[0] + 0.05, shares


# Interval training


def test_the_schedule_rises_after_the_warm_up() -> None:
    images = Interval(strength=0.2, kappa=0.4, warm_up=2, ramp=4)
    found = [images.at(epoch) for epoch in (1, 2, 3, 6, 9)]
    expected = [(0, 1), (0, 1), (0.05, 0.85), (0.2, 0.4), (0.2, 0.4)]
    np.testing.assert_allclose(found, expected)
    assert Interval(strength=0.2, ramp=0).at(1) == (0.2, 0.5)


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
@pytest.mark.parametrize("model", MODELS)
def test_the_worst_logits_of_a_linear_model_are_exact(
    model: str, norm: str, dual: int, digits: Dataset
) -> None:
    r"""$z_y - z_j - \varepsilon \|w_y - w_j\|_*$ of each particle, with its own weights."""
    options = {"strength": 0.1, "norm": norm, "clip": False, "kappa": 0.25, "ramp": 0}
    spec = spec_of(model, options={"hidden": ()}, images="ibp", image_options=options)
    classifier = made(spec).double()
    x, y = digits.x_train[:5].double(), digits.y_train[:5]
    step = step_of(spec, classifier, x, y)
    images = spec.make_images()
    assert isinstance(images, Interval)
    z = classifier.logits(x, step.particles)
    rows = []
    for s in range(2):
        one = {name: value[s : s + 1] for name, value in step.particles.items()}
        slopes = torch.func.jacrev(lambda v, one=one: classifier.logits(v, one)[0].sum(0))(x)
        w = slopes.flatten(2)  # (class, example, pixel)
        reach = (w.gather(0, y.reshape(1, -1, 1).expand(1, -1, 64)) - w).norm(p=dual, dim=-1).T
        margin = z[s].gather(-1, y.unsqueeze(-1)) - z[s]
        rows.append(-(margin - 0.1 * reach))
    worst = torch.stack(rows)
    torch.testing.assert_close(images.worst_logits(step, 0.1), worst, rtol=1e-6, atol=1e-8)
    pool = step.setting.objective.pool
    at_worst = pool(torch.distributions.Categorical(logits=worst), y).mean()
    expected = step.loss(step.evaluate(x, 0.25)) - 0.75 * at_worst
    torch.testing.assert_close(images.loss(step), expected)


def test_no_attack_on_a_particle_is_worse_than_the_bound(digits: Dataset) -> None:
    spec = spec_of("bnn", images="ibp", image_options={"strength": 0.05})
    classifier, x, y = made(spec), digits.x_train[:20], digits.y_train[:20]
    step = step_of(spec, classifier, x, y)
    images = spec.make_images()
    assert isinstance(images, Interval)
    worst = images.worst_logits(step, 0.05).detach()
    bound = worst.logsumexp(-1)  # the loss of each particle: the label's worst logit is 0
    attack = PGD(norm="linf", strength=0.05, steps=5, relative_step=0.4, fixed_samples=True)
    for s in range(2):
        delta = attack(classifier.eval(), x, y, step.samples[s : s + 1]).perturbation
        one = {name: value[s : s + 1] for name, value in step.particles.items()}
        z = classifier.logits((x + delta).clamp(0, 1), one)[0].detach()
        loss = torch.nn.functional.cross_entropy(z, y, reduction="none")
        assert bool((loss <= bound[s] + 1e-5).all())


def test_layers_without_bounds_are_refused(digits: Dataset) -> None:
    toy = NoisyLinear(torch.zeros(10, 1, 8, 8), torch.zeros(10))
    toy.objective = "elbo"
    spec = spec_of("bnn", **INTERVAL)
    step = step_of(spec, toy, digits.x_train[:2], digits.y_train[:2])
    with pytest.raises(NoBoundsError, match=r"images 'ibp' need .*: a NoisyLinear has no bounds"):
        spec.make_images().loss(step)


@pytest.mark.parametrize(
    ("model", "words"),
    [("bart-lite", "a function that only torch knows"), ("se-snn", "noise whose size depends on")],
)
def test_a_model_without_bounds_is_told_in_words(model: str, words: str, digits: Dataset) -> None:
    """Of what it is made, and which models to take: no name of a class within pyrosnn."""
    spec = preset(model, epochs=1, num_particles=2, **INTERVAL)
    step = step_of(spec, made(spec), digits.x_train[:2], digits.y_train[:2])
    with pytest.raises(NoBoundsError) as refused:
        spec.make_images().loss(step)
    text = str(refused.value)
    assert text.startswith(f"images 'ibp' need a network with bounds: the network has {words}")
    assert "take a model whose noise is added to values or multiplies them, such as bnn" in text


@pytest.mark.parametrize("model", ["bnn", "sin", "rse", "resnet"])
def test_the_models_that_are_named_have_bounds(model: str, digits: Dataset) -> None:
    spec = preset(model, epochs=1, num_particles=1, **INTERVAL)
    step = step_of(spec, made(spec), digits.x_train[:2], digits.y_train[:2])
    assert torch.isfinite(spec.make_images().loss(step))


@pytest.mark.slow
def test_samples_of_an_interval_training_are_verified(digits: Dataset) -> None:
    x, y = digits.test_images(50)
    shares = []
    options = {"strength": 0.05, "ramp": 4}
    for changes in ({}, {"images": "ibp", "image_options": options}):
        bnn = train(spec_of("bnn", epochs=8, options={"hidden": (32,)}, **changes), digits)
        samples = draw_sample_set(bnn, x, 10, seed=0, stream="inference")
        found = verify(bnn, x, y, samples=samples, strengths=[0.03], method="ibp")
        shares.append(float(found["verified"].mean()))
    assert shares[1] > shares[0] + 0.2, shares


# SmoothAdv


def test_all_copies_share_the_best_direction_of_a_linear_model() -> None:
    """Two classes: δ = -η (w_y - w_c) / ‖w_y - w_c‖, whatever the noise."""
    spec = spec_of("sin", options={"hidden": ()}, **SMOOTH)
    torch.manual_seed(0)
    sin = build_model("sin", image_shape=(1, 8, 8), num_classes=2, options=spec.options)
    y = torch.tensor([0, 1, 1])
    x, labels = add_noise(torch.rand(3, 1, 8, 8), y, variance=0.1, copies=3)
    step = step_of(spec, sin, x, labels)
    images = spec.make_images()
    assert isinstance(images, SmoothAdversarial)
    delta = (images.attacked(step) - x).flatten(1)
    matrix = sin.state_dict()["weights.0"][:-1]
    away = matrix[:, 1] - matrix[:, 0]
    sign = torch.tensor([1.0, -1.0, -1.0]).repeat_interleave(3).unsqueeze(1)
    torch.testing.assert_close(delta, 0.5 * sign * away / away.norm(), rtol=1e-4, atol=1e-5)


def test_the_attack_ascends_the_loss_of_the_mean_over_copies(digits: Dataset) -> None:
    spec = spec_of("bnn", options={"hidden": (16,)}, **SMOOTH)
    classifier = made(spec)
    x, y = add_noise(digits.x_train[:20], digits.y_train[:20], variance=0.1, copies=3)
    step = step_of(spec, classifier, x, y)
    images = spec.make_images()
    assert isinstance(images, SmoothAdversarial)
    moved = images.attacked(step)
    delta = (moved - x).unflatten(0, (20, 3))
    torch.testing.assert_close(delta, delta[:, :1].expand_as(delta), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(delta[:, 0].flatten(1).norm(dim=1), torch.full((20,), 0.5))
    sites = {n: v.detach() for n, v in step.particles.items()}

    def loss(at: Tensor) -> float:
        p = classifier.logits(at, sites).softmax(-1).unflatten(1, (20, 3)).mean((0, 2))
        return float(-p.gather(-1, y[::3].unsqueeze(-1)).log().mean())

    assert loss(moved) > loss(x) + 0.1


def test_one_step_follows_the_gradient_over_the_copies_of_the_step(digits: Dataset) -> None:
    """Of -log of the mean over these copies; laplace has no noise before it is fitted."""
    spec = spec_of("laplace", **with_options(SMOOTH, attack="fgm", attack_options={}))
    classifier = made(spec)
    x, y = add_noise(digits.x_train[:6], digits.y_train[:6], variance=0.1, copies=3)
    step = step_of(spec, classifier, x, y)
    images = spec.make_images()
    assert isinstance(images, SmoothAdversarial)
    found = (images.attacked(step) - x)[::3].flatten(1)
    shift = torch.zeros(6, 1, 8, 8, requires_grad=True)
    one = {name: value[:1] for name, value in step.particles.items()}
    p = classifier.logits(x + shift.repeat_interleave(3, 0), one)[0].softmax(-1)
    loss = -p.unflatten(0, (6, 3)).mean(1).gather(-1, y[::3].unsqueeze(-1)).log().sum()
    (gradient,) = torch.autograd.grad(loss, shift)
    uphill = gradient.flatten(1)
    expected = 0.5 * uphill / uphill.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"smoothing_variance": 0.0}, "attacks noisy copies of an image; set smoothing_variance"),
        (with_options(SMOOTH, noise="fresh"), "noise is 'fixed', got 'fresh'"),
        (with_options(SMOOTH, clip=True), "noisy images leave the data's bounds"),
    ],
    ids=["noise", "fresh", "clip"],
)
def test_what_smooth_adversarial_training_needs(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        spec_of("bnn", **{**SMOOTH, **changes})


def test_what_images_do_not_use_is_no_option() -> None:
    """All steps of SmoothAdv see the same copies; it has the field of its base, for files."""
    names = {
        images: [option.name for option in training_options("bnn", {"images": images})]
        for images in ("adversarial", "smooth-adversarial")
    }
    assert "noise" in names["adversarial"]
    assert "noise" not in names["smooth-adversarial"]
    assert {"strength", "num_samples", "warm_up"} <= set(names["smooth-adversarial"])
    kept = spec_of("bnn", **SMOOTH).to_json()
    assert kept["image_options"]["noise"] == "fixed"
    assert TrainingSpec(**kept) == spec_of("bnn", **SMOOTH)
