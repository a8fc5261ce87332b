"""Training on attacked images, held to closed forms and to the training on clean images."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from support import small
from torch import Tensor
from torch.nn.functional import softplus

from pyrosnn.attacks import ATTACKS, NORMS, PGD, Problem
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError, resolve
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import (
    Origin,
    SampleSet,
    disjoint_sample_sets,
    draw_sample_set,
    predict,
    require_disjoint,
)
from pyrosnn.training import (
    TrainingSpec,
    TrainingState,
    load_checkpoint,
    preset,
    save_checkpoint,
    train,
)
from pyrosnn.training.images.attack_samples import ATTACK_SAMPLES
from pyrosnn.training.images.attacked import AttackedImages
from pyrosnn.training.images.trades import prediction_divergence
from pyrosnn.training.loss import make_loss
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.objectives.pooled import label_logits
from pyrosnn.training.step import Setting, Step

SMALL: dict[str, Any] = {"hidden": (8,)}
STEPS = {"norm": "linf", "steps": 3, "relative_step": 0.5}
every_model = pytest.mark.parametrize("model", small.TRAINED)


def spec_of(model: str, images: str = "adversarial", **options: Any) -> TrainingSpec:
    """Return settings without the images that a row's preset has."""
    plain = preset(model, epochs=1, options=small.SMALL[model], images="clean")
    return replace(plain, images=images, image_options=options)


def fewer(digits: Dataset, number: int = 200) -> Dataset:
    return replace(digits, x_train=digits.x_train[:number], y_train=digits.y_train[:number])


def weights(spec: TrainingSpec, digits: Dataset) -> dict[str, Tensor]:
    return train(spec, fewer(digits)).state_dict()


def states(spec: TrainingSpec, digits: Dataset) -> list[Mapping[str, Tensor]]:
    """Return the state of a training after each epoch."""
    kept: list[TrainingState] = []
    train(spec, fewer(digits), keep=kept.append)
    return [state.tensors for state in kept]


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def step_of(
    spec: TrainingSpec, classifier: StochasticClassifier, x: Tensor, y: Tensor, batch: int = 0
) -> Step:
    """The step that ``make_loss`` takes after ``manual_seed(7)``."""
    objective = resolve(OBJECTIVES, spec.objective or classifier.objective, "objective")
    setting = Setting(
        classifier=classifier,
        objective=objective(spec.num_particles),
        spec=spec,
        num_images=1000,
        bounds=(0.0, 1.0),
    )
    torch.manual_seed(7)
    return Step.draw(setting, x, y, epoch=1, batch=batch)


def untrained(spec: TrainingSpec, classes: int = 10) -> StochasticClassifier:
    return build_model(
        spec.model, image_shape=(1, 8, 8), num_classes=classes, options=spec.options
    ).train()


def attacked(spec: TrainingSpec, step: Step) -> Tensor:
    images = spec.make_images()
    assert isinstance(images, AttackedImages)
    return images.attacked(step)


# Strength 0 is the training on clean images


@pytest.mark.slow
@every_model
@pytest.mark.parametrize(
    "options",
    [
        {"attack": "fgm", "num_samples": 3},
        {"attack": "pgd", "attack_options": STEPS},
        {"attack": "pgd", "attack_options": STEPS, "noise": "fixed", "labels": "predicted"},
        {"attack": "pgd", "attack_options": STEPS, "noise": "reused"},
    ],
    ids=lambda options: f"{options['attack']}-{options.get('noise', 'fresh')}",
)
def test_strength_0_is_the_training_on_clean_images(
    model: str, options: dict[str, Any], digits: Dataset
) -> None:
    """Bit for bit: the same random numbers, the same operations."""
    attacked = weights(spec_of(model, strength=0.0, **options), digits)
    assert same(attacked, weights(spec_of(model, "clean"), digits))
    moved = weights(spec_of(model, strength=0.1, **options), digits)
    assert not same(attacked, moved)


def test_strength_0_changes_neither_noise_nor_augmentation(digits: Dataset) -> None:
    changes: dict[str, Any] = {"smoothing_variance": 0.1, "augmentation": "crop-flip"}
    options = {"strength": 0.0, "clip": False}
    clean = replace(spec_of("sin", "clean"), **changes)
    attacked = replace(clean, images="adversarial", image_options=options)
    assert same(weights(attacked, digits), weights(clean, digits))


def test_a_warm_up_is_the_training_on_clean_images(digits: Dataset) -> None:
    plain = replace(spec_of("bnn", "clean"), epochs=2)
    clean = states(plain, digits)
    for images in ("adversarial", "trades"):
        options = {"strength": 0.3, "warm_up": 1, "attack_options": STEPS}
        spec = replace(plain, images=images, image_options=options)
        alike = [same(one, other) for one, other in zip(states(spec, digits), clean, strict=True)]
        assert alike == [True, False]


# Closed forms: a linear network of two classes, whose gradient is along w whatever the noise


def linear(digits: Dataset, **options: Any) -> tuple[TrainingSpec, Step, Tensor, Tensor]:
    """Return a step of a linear network, w of each image's margin, and its margins at x + noise."""
    spec = preset("sin", options={"hidden": ()}, num_particles=1, images="adversarial",
                  image_options={"clip": False, **options})  # fmt: skip
    classifier = untrained(spec, classes=2)
    x, y = digits.x_train[:40], digits.y_train[:40] % 2
    step = step_of(spec, classifier, x, y)
    matrix = classifier.state_dict()["weights.0"]
    sign = (2 * y - 1).float().unsqueeze(1)
    w = sign * (matrix[:-1, 1] - matrix[:-1, 0])
    noisy = (x + step.particles["noise"][0]).flatten(1)
    margin = (noisy * w).sum(1) + sign.squeeze(1) * (matrix[-1, 1] - matrix[-1, 0])
    return spec, step, w, margin


def test_a_step_of_a_linear_network_is_along_its_weights(digits: Dataset) -> None:
    spec, step, w, _ = linear(digits, attack="fgm", strength=0.7)
    moved = (attacked(spec, step) - step.x).flatten(1)
    torch.testing.assert_close(moved, -0.7 * w / w.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("attack", ["fgm", "pgd"])
@pytest.mark.parametrize("noise", list(ATTACK_SAMPLES))
def test_linf_training_of_a_linear_network_lowers_margins_by_the_l1_norm(
    attack: str, noise: str, digits: Dataset
) -> None:
    """x' = x - ε sign(w): the log-loss at margin - ε ‖w‖₁."""
    more = STEPS if attack == "pgd" else {"norm": "linf"}
    spec, step, w, margin = linear(
        digits, attack=attack, strength=0.05, noise=noise, attack_options=more
    )
    moved = (attacked(spec, step) - step.x).flatten(1)
    torch.testing.assert_close(moved, -0.05 * w.sign(), rtol=1e-4, atol=1e-6)
    expected = softplus(-(margin - 0.05 * w.abs().sum(1))).mean()
    loss_of = make_loss(step.setting.classifier, spec, num_images=1000)
    torch.manual_seed(7)
    torch.testing.assert_close(loss_of(step.x, step.y), expected, rtol=1e-4, atol=1e-6)


def test_predicted_labels_move_wrong_images_back(digits: Dataset) -> None:
    spec, step, w, margin = linear(
        digits, attack="fgm", strength=0.7, noise="reused", labels="predicted"
    )
    moved = (attacked(spec, step) - step.x).flatten(1)
    wrong = (margin < 0).float().unsqueeze(1)
    assert 0 < wrong.sum() < len(wrong)
    unit = w / w.norm(dim=1, keepdim=True)
    torch.testing.assert_close(moved, 0.7 * (2 * wrong - 1) * unit, rtol=1e-4, atol=1e-6)


# What the attack is given, and what it leaves


@dataclass(frozen=True, kw_only=True)
class Spy(PGD):
    """PGD that tells what it was given and what it found; it leaves gradients if it can."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        classifier, samples = problem.attacker, problem.samples
        assert not classifier.training
        point = problem.x.clone().requires_grad_()
        classifier.logits(point, samples.tensors).sum().backward()  # no parameter gets a gradient
        delta = super().run(problem, strength)
        number = problem.per_image(problem.num_gradients)
        SEEN.append(Seen(samples, number, problem.origin, delta))
        return delta


class Seen(NamedTuple):
    samples: SampleSet
    num_gradients: int
    origin: Origin
    perturbation: Tensor


SEEN: list[Seen] = []


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setitem(ATTACKS, "spy", Spy)
    SEEN.clear()
    return SEEN


@pytest.mark.slow
@every_model
@pytest.mark.parametrize("num_particles", [1, 3])
def test_reused_particles_are_those_of_the_loss(
    model: str, num_particles: int, digits: Dataset, seen: list[Any]
) -> None:
    spec = replace(spec_of(model, attack="spy", strength=0.1, noise="reused"),
                   num_particles=num_particles)  # fmt: skip
    classifier = untrained(spec)
    step = step_of(spec, classifier, digits.x_train[:10], digits.y_train[:10])
    evaluated = step.evaluate(attacked(spec, step))
    (samples,) = (each.samples for each in seen)
    nodes: dict[str, Any] = dict(evaluated.nodes)
    assert len(samples) == num_particles
    for name, value in samples.tensors.items():
        assert torch.equal(value.flatten(), nodes[name]["value"].flatten())
        images = 10 if classifier.per_example else 1
        assert value.shape[:2] == (num_particles, images)
        assert (name in samples.per_image) == classifier.per_example
    # these samples give the model's logits, but for the statistics of batch norm
    if model != "resnet":
        torch.testing.assert_close(
            classifier.logits(step.x, samples.tensors).log_softmax(-1),
            label_logits(step.evaluate(step.x)).reshape(num_particles, 10, 10),
        )
    learned = [p for p in classifier.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(step.loss(evaluated), learned)
    moved = [bool((gradient != 0).any()) for gradient in gradients]
    # one particle of an ensemble is one of its members
    assert all(moved) if (model, num_particles) != ("ensemble", 1) else any(moved)


@pytest.mark.parametrize("noise", ["fresh", "fixed"])
def test_the_attacks_samples_are_a_stream_of_their_own(
    noise: str, digits: Dataset, seen: list[Any]
) -> None:
    spec = spec_of(
        "sin", attack="spy", strength=0.1, noise=noise, num_samples=2, attack_options=STEPS
    )
    train(replace(spec, epochs=2), fewer(digits))
    origins = [each.samples.origin for each in seen]
    places = [(o.stream, o.seed, o.repeat, o.block, o.start, o.stop) for o in origins]
    assert places == [("training", 0, e, b, 0, 2) for e in (1, 2) for b in (0, 1)]
    assert {each.num_gradients for each in seen} == {6}
    assert {each.origin.stop for each in seen} == {6 if noise == "fresh" else 2}


def test_an_attack_leaves_the_classifier_as_it_was(digits: Dataset, seen: list[Any]) -> None:
    spec = spec_of("resnet", attack="spy", strength=0.1, attack_options=STEPS)
    classifier = untrained(spec)
    classifier.get_parameter("network.layers.last.bias").requires_grad_(False)
    learned = [p.requires_grad for p in classifier.parameters()]
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    step = step_of(spec, classifier, digits.x_train[:10], digits.y_train[:10])
    state = torch.get_rng_state()
    attacked(spec, step)
    assert classifier.training
    assert [p.requires_grad for p in classifier.parameters()] == learned
    assert all(p.grad is None for p in classifier.parameters())
    assert same(before, classifier.state_dict())  # running statistics, too
    assert torch.equal(state, torch.get_rng_state())


def test_an_attack_is_in_full_precision(digits: Dataset) -> None:
    spec = spec_of("resnet", attack="fgm", strength=0.1)
    step = step_of(spec, untrained(spec), digits.x_train[:10], digits.y_train[:10])
    with torch.autocast("cpu", torch.bfloat16):
        rounded = attacked(spec, step)
    assert torch.equal(rounded, attacked(spec, step))


@pytest.mark.parametrize("model", ["bnn", "sin", "resnet"])
def test_mixed_precision_rounds_attacked_and_penalised_training(
    model: str, digits: Dataset
) -> None:
    """The same loss to two digits, and the same direction of its gradient."""
    x, y = digits.x_train[:50], digits.y_train[:50]
    spec = replace(
        spec_of(model, "trades", attack="fgm", strength=0.05),
        regularisers={"input-gradient": {"weight": 0.1}},
    )
    torch.manual_seed(0)
    classifier = untrained(spec)
    losses, gradients = [], []
    for precision in ("full", "bf16"):
        torch.manual_seed(7)
        loss = make_loss(classifier, replace(spec, precision=precision), num_images=50)(x, y)
        found = torch.autograd.grad(loss, list(classifier.parameters()))
        losses.append(float(loss.detach()))
        gradients.append(torch.cat([g.flatten() for g in found]))
    assert losses[0] == pytest.approx(losses[1], rel=0.03)
    assert losses[0] != losses[1]
    assert float(torch.cosine_similarity(gradients[0], gradients[1], dim=0)) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("norm", list(NORMS))
@pytest.mark.parametrize("clip", [True, False])
def test_every_perturbation_is_within_strength_and_bounds(
    norm: str, clip: bool, digits: Dataset, seen: list[Any]
) -> None:
    options = {**STEPS, "norm": norm}
    spec = spec_of("bnn", attack="spy", strength=0.3, attack_options=options, clip=clip)
    train(spec, digits)
    assert len(seen) == 13
    for result in seen:
        largest = NORMS[norm].measure(result.perturbation).max()
        assert 0 < float(largest) <= 0.3 * (1 + 1e-5)
    x, y = digits.x_train[:50], digits.y_train[:50]
    moved = attacked(spec, step_of(spec, untrained(spec), x, y))
    within = float(moved.min()) >= -1e-6 and float(moved.max()) <= 1 + 1e-6
    assert within == clip


def test_samples_drawn_later_do_not_depend_on_the_trainings(digits: Dataset) -> None:
    """The same parameters, so the same A and I, whatever T was; and T shares nothing with them."""
    x = digits.x_test[:10]
    found = []
    for options in ({"num_samples": 1}, {"num_samples": 4, "noise": "fixed"}):
        for attack in ("fgm", "pgd"):
            spec = spec_of("sin", attack=attack, strength=0.0, **options)
            trained = train(spec, fewer(digits))
            found.append(disjoint_sample_sets(trained, x, attack=3, inference=4, seed=0))
    plain = train(spec_of("sin", "clean"), fewer(digits))
    expected = disjoint_sample_sets(plain, x, attack=3, inference=4, seed=0)
    for pair in found:
        for one, other in zip(pair, expected, strict=True):
            assert one.origin == other.origin
            assert same(dict(one.tensors), dict(other.tensors))
    training = draw_sample_set(plain, x, 3, seed=0, stream="training", repeat=1)
    for stream in ("attack", "inference", "selection"):
        evaluated = draw_sample_set(plain, x, 3, seed=0, stream=stream, repeat=1)
        require_disjoint(training.origin, evaluated.origin)
        assert not torch.equal(training.tensors["noise"], evaluated.tensors["noise"])


# The outer loss


def test_weights_of_clean_and_adversarial_images(digits: Dataset) -> None:
    """½ L(x) + ½ L(x') + KL: the KL counts once, and both sides have the same particles."""
    x, y = digits.x_train[:20], digits.y_train[:20]
    losses = []
    for clean, adversarial in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.2, 3.0)):
        spec = spec_of(
            "bnn",
            attack="fgm",
            strength=0.5,
            clean_weight=clean,
            adversarial_weight=adversarial,
        )
        torch.manual_seed(0)
        classifier = untrained(spec)
        torch.manual_seed(7)
        losses.append(make_loss(classifier, spec, num_images=1000)(x, y).detach())
    kl = step_of(spec, classifier, x, y)
    evaluated = kl.evaluate(x)
    divergence = (kl.loss(evaluated) - kl.setting.objective.label_loss(evaluated)).detach()
    clean_term, attacked_term = losses[0] - divergence, losses[1] - divergence
    assert float(attacked_term) > float(clean_term) + 0.1
    torch.testing.assert_close(losses[2], 0.5 * clean_term + 0.5 * attacked_term + divergence)
    torch.testing.assert_close(losses[3], 0.2 * clean_term + 3.0 * attacked_term + divergence)


@every_model
def test_trades_has_no_divergence_where_nothing_moved(model: str, digits: Dataset) -> None:
    """Exactly 0 on the same particles; not on particles of their own."""
    x, y = digits.x_train[:20], digits.y_train[:20]
    spec = spec_of(model, "trades", strength=0.0)
    classifier = untrained(spec)
    torch.manual_seed(7)
    trades = make_loss(classifier, spec, num_images=1000)(x, y)
    clean = replace(spec, images="clean", image_options={})
    torch.manual_seed(7)
    assert torch.equal(trades, make_loss(classifier, clean, num_images=1000)(x, y))
    step = step_of(spec, classifier, x, y)
    first, again = (label_logits(step.evaluate(x)).detach() for _ in range(2))
    assert float(prediction_divergence(first, again).abs().max()) == 0
    torch.manual_seed(9)
    other = Step.draw(step.setting, x, y, epoch=1, batch=0)
    independent = prediction_divergence(first, label_logits(other.evaluate(x)))
    # laplace has no noise before it is fitted
    assert (float(independent.detach().mean()) > 1e-4) == (model != "laplace")


def test_trades_adds_the_mean_divergence(digits: Dataset) -> None:
    x, y = digits.x_train[:20], digits.y_train[:20]
    spec = spec_of("bnn", "trades", attack="fgm", strength=0.5, beta=2.5)
    classifier = untrained(spec)
    step = step_of(spec, classifier, x, y)
    p, q = (label_logits(step.evaluate(images)) for images in (x, attacked(spec, step)))
    divergence = torch.nn.functional.kl_div(q, p, log_target=True, reduction="none").sum(-1)
    torch.manual_seed(7)
    loss = make_loss(classifier, spec, num_images=1000)(x, y)
    torch.testing.assert_close(loss, step.loss(step.evaluate(x)) + 2.5 * divergence.mean())


def test_both_parts_train_batch_norm_and_the_attack_does_not(digits: Dataset) -> None:
    x, y = digits.x_train[:20], digits.y_train[:20]
    for weight in (0.0, 0.5):
        spec = spec_of("resnet", attack="fgm", strength=0.5, clean_weight=weight)
        torch.manual_seed(0)
        trained, by_hand = untrained(spec), untrained(spec)
        by_hand.load_state_dict(trained.state_dict())
        torch.manual_seed(7)
        make_loss(trained, spec, num_images=1000)(x, y)
        step = step_of(spec, by_hand, x, y)
        if weight > 0:
            step.evaluate(x)
        step.evaluate(attacked(spec, step))
        statistics = dict(by_hand.named_buffers())
        assert same(statistics, dict(trained.named_buffers()))
        assert float(statistics["network.layers.norm.running_mean"].abs().max()) > 0


# Training as a whole


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize(("model", "attacked"), [("bnn", "adversarial"), ("sin", "trades")])
def test_adversarial_training_raises_the_accuracy_under_attack(
    model: str, attacked: str, digits: Dataset
) -> None:
    """By more than four standard errors of a difference of shares of 500 images."""
    options = {"strength": 0.15, "noise": "fixed", "attack_options": STEPS}
    clean = preset(model, epochs=6, learning_rate=0.01, options={"hidden": (16,)})
    x, y = digits.x_test, digits.y_test
    share = {}
    for images in ("clean", attacked):
        made = {} if images == "clean" else options
        trained = train(replace(clean, images=images, image_options=made), digits)
        a, i = disjoint_sample_sets(trained, x, attack=5, inference=20, seed=0)
        attack = PGD(norm="linf", strength=0.2, steps=10, relative_step=0.2, clip=digits.bounds)
        moved = x + attack(trained, x, y, a).perturbation
        share[images] = float((predict(trained, moved, i).predicted == y).float().mean())
    variance = {images: p * (1 - p) / len(y) for images, p in share.items()}
    error = (variance[attacked] + variance["clean"]) ** 0.5
    assert share[attacked] > share["clean"] + 4 * error, share


def test_a_training_that_explodes_says_so(digits: Dataset) -> None:
    spec = replace(spec_of("bnn", attack="fgm", strength=0.1), learning_rate=1e30, epochs=3)
    with pytest.raises(ArgumentError, match="the loss or the parameters became NaN or infinite"):
        train(spec, digits)


# Settings


def test_settings_survive_json_and_checkpoints(digits: Dataset, tmp_path: Path) -> None:
    spec = preset(
        "bnn",
        epochs=2,
        options={"hidden": (8,)},
        objective="mixture",
        images="trades",
        image_options={"strength": 0.1, "attack_options": STEPS, "noise": "fixed"},
        regularisers={"input-gradient": {"weight": 0.1, "start": 1}},
    )
    assert TrainingSpec(**json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.image_options["attack_options"]["loss"] == "cross-entropy"
    save_checkpoint(tmp_path / "a.safetensors", train(spec, fewer(digits)), spec, digits)
    assert load_checkpoint(tmp_path / "a.safetensors").spec == spec


def test_settings_of_before_are_written_as_before() -> None:
    """So that results, checkpoints and states keep their digests."""
    plain = preset("sin", "paper")
    assert {"augmentation", "precision"} <= set(plain.to_json())
    later = {"objective", "images", "image_options", "regularisers"}
    assert not later & set(plain.to_json())
    other = replace(plain, objective="elbo")
    assert later & set(other.to_json()) == {"objective"}


def test_an_objective_of_the_spec_takes_the_place_of_the_models(digits: Dataset) -> None:
    """``im`` is a ``bnn`` with another objective; ``average`` of ``sin`` names one, too."""
    bnn = weights(replace(spec_of("bnn", "clean"), objective="mixture"), digits)
    assert same(bnn, weights(spec_of("im", "clean"), digits))
    sin = weights(replace(spec_of("sin", "clean"), objective="elbo"), digits)
    average = replace(spec_of("sin", "clean"), options={**SMALL, "average": "loss"})
    assert same(sin, weights(average, digits))


def refused(changes: dict[str, Any], error: type[ArgumentError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        preset("bnn", **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "elob"}, "unknown objective 'elob'; did you mean 'elbo'"),
        ({"images": "adversrial"}, "unknown images 'adversrial'; did you mean 'adversarial'"),
        ({"regularisers": {"input-grad": {}}}, "regulariser 'input-grad'; did you mean 'input-g"),
    ],
)
def test_unknown_rows_are_refused(changes: dict[str, Any], message: str) -> None:
    refused(changes, UnknownNameError, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strengh": 0.1}, "unknown option of adversarial 'strengh'; did you mean 'strength'"),
        ({"strength": 0.1, "attack": "pdg"}, "unknown attack 'pdg'; did you mean 'pgd'"),
        ({"strength": 0.1, "noise": "frsh"}, "unknown noise 'frsh'; did you mean 'fresh'"),
        ({"strength": 0.1, "labels": "tru"}, "unknown labels 'tru'; did you mean 'true'"),
        (
            {"strength": 0.1, "attack_options": {"stpes": 3}},
            "unknown option of pgd 'stpes'; did you mean 'steps'",
        ),
        ({"strength": 0.1, "attack_options": {"strength": 3}}, "unknown option of pgd 'strength'"),
        ({"strength": 0.1, "attack_options": {"norm": "l3"}}, "unknown norm 'l3'"),
    ],
)
def test_unknown_names_of_an_attack_are_refused(options: dict[str, Any], message: str) -> None:
    changes = {"images": "adversarial", "image_options": options}
    refused(changes, UnknownNameError, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "adversarial needs the option 'strength'"),
        ({"strength": -0.1}, "strength must be >= 0 and finite, got -0.1"),
        ({"strength": "0.1"}, "strength must be a number, got '0.1'"),
        ({"strength": 0.1, "num_samples": 0}, "num_samples must be >= 1, got 0"),
        ({"strength": 0.1, "num_samples": 2.0}, "num_samples must be an integer, got 2.0"),
        ({"strength": 0.1, "warm_up": -1}, "warm_up must be >= 0, got -1"),
        ({"strength": 0.1, "clean_weight": -1.0}, "clean_weight must be >= 0 and finite, got -1.0"),
        ({"strength": 0.1, "adversarial_weight": 0.0}, "are both 0; give one of them a weight"),
        ({"strength": 0.1, "attack_options": {"steps": 3}}, "3 steps of 0.02 η reach 0.06 η"),
        ({"strength": 0.1, "noise": "reused", "num_samples": 3}, "has 5 samples, got num_samples"),
        ({"strength": 0.1, "attack_options": 3}, "options of pgd must be values by name, got 3"),
    ],
)
@pytest.mark.usefixtures("as_users_call")
def test_bad_attacks_are_refused(options: dict[str, Any], message: str) -> None:
    refused({"images": "adversarial", "image_options": options}, ArgumentError, message)


def test_settings_that_do_not_go_together_are_refused() -> None:
    options = {"strength": 0.1}
    changes = {"images": "adversarial", "image_options": options, "smoothing_variance": 0.1}
    refused(changes, ArgumentError, "set clip to False, or smoothing_variance to 0")
    refused({"image_options": options}, ArgumentError, "unknown option of clean 'strength'")
    beta = {"images": "trades", "image_options": {**options, "beta": -1.0}}
    refused(beta, ArgumentError, "beta must be >= 0 and finite, got -1.0")
