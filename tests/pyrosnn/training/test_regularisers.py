"""Regularisers on the gradients at the images, held to closed forms and finite differences."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from support.small import SMALL, TRAINED
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set
from pyrosnn.training import TrainingSpec, TrainingState, preset, train
from pyrosnn.training import step as step_module
from pyrosnn.training.images import IMAGES
from pyrosnn.training.loss import make_loss
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.regularisers import REGULARISERS
from pyrosnn.training.regularisers.gradients import input_gradients
from pyrosnn.training.regularisers.input_gradient import AVERAGES

every_model = pytest.mark.parametrize("model", TRAINED)


def spec_of(model: str, **options: Any) -> TrainingSpec:
    regularisers = {"input-gradient": options} if options else {}
    return preset(model, epochs=1, options=SMALL[model], regularisers=regularisers, images="clean")


def untrained(spec: TrainingSpec) -> StochasticClassifier:
    torch.manual_seed(0)
    return build_model(
        spec.model, image_shape=(1, 8, 8), num_classes=10, options=spec.options
    ).train()


def sites_of(classifier: StochasticClassifier, x: Tensor, number: int) -> dict[str, Tensor]:
    return dict(draw_sample_set(classifier, x, number, seed=0, stream="test").tensors)


def test_gradients_of_a_linear_softmax_are_closed_forms(digits: Dataset) -> None:
    """g = W (p - e_y), for each sample's own p."""
    x, y = digits.x_train[:30], digits.y_train[:30]
    sin = build_model("sin", image_shape=(1, 8, 8), num_classes=10, options={"hidden": ()})
    sites = sites_of(sin, x, 4)
    matrix = sin.state_dict()["weights.0"]
    p = sin.logits(x, sites).softmax(-1)
    expected = (p - torch.nn.functional.one_hot(y, 10)) @ matrix[:-1].T
    found = input_gradients(sin, x, y, sites)
    torch.testing.assert_close(found.flatten(2), expected, rtol=1e-4, atol=1e-6)
    squares = expected.square().sum(-1).mean(0)
    torch.testing.assert_close(AVERAGES["squares"](found), squares, rtol=1e-4, atol=1e-6)
    mean = expected.mean(0).square().sum(-1)
    torch.testing.assert_close(AVERAGES["gradients"](found), mean, rtol=1e-4, atol=1e-6)
    assert bool((mean < squares).all())  # Jensen


@every_model
def test_the_penalty_of_a_batch_is_that_of_its_images(model: str, digits: Dataset) -> None:
    """In training, too, where batch norm would join them: it has its running statistics."""
    x, y = digits.x_train[:6], digits.y_train[:6]
    spec = spec_of(model, weight=1.0)
    classifier = untrained(spec)
    torch.manual_seed(7)
    make_loss(classifier, spec, num_images=6)(x, y).backward()
    assert classifier.training
    sites = sites_of(classifier.eval(), x, 3)
    together = input_gradients(classifier, x, y, sites)
    assert together.shape == (3, 6, 1, 8, 8)
    for row in range(6):
        own = {name: v[:, [row]] if v.shape[1] == 6 else v for name, v in sites.items()}
        alone = input_gradients(classifier, x[[row]], y[[row]], own)
        torch.testing.assert_close(together[:, [row]], alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("average", list(AVERAGES))
@pytest.mark.parametrize("model", ["bnn", "sin", "laplace"])
def test_the_gradient_of_the_penalised_loss_is_its_slope(
    model: str, average: str, digits: Dataset
) -> None:
    """Central differences in float64, along a random direction of all parameters."""
    x, y = digits.x_train[:12].double(), digits.y_train[:12]
    options = {"hidden": (8,), "activation": "tanh"}
    penalised = {"input-gradient": {"weight": 3.0, "average": average}}
    spec = preset(model, options=options, num_particles=3, regularisers=penalised)
    classifier = untrained(spec).double()
    plain = replace(spec, regularisers={})

    def value(chosen: TrainingSpec) -> Tensor:
        torch.manual_seed(7)
        return make_loss(classifier, chosen, num_images=50)(x, y)

    parameters = list(classifier.parameters())
    gradients = torch.autograd.grad(value(spec), parameters)
    others = torch.autograd.grad(value(plain), parameters)
    directions = [torch.randn_like(p) for p in parameters]
    slope, its = (
        sum(float((g * d).sum()) for g, d in zip(found, directions, strict=True))
        for found in (gradients, others)
    )
    h, ends = 1e-5, []
    for sign in (1, -2):
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p.add_(sign * h * d)
        ends.append(float(value(spec).detach()))
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5)
    assert abs(slope - its) > 1e-2 * abs(slope)  # the penalty has its part in it


@every_model
def test_no_weight_and_no_epoch_of_it_are_the_plain_training(model: str, digits: Dataset) -> None:
    few = replace(digits, x_train=digits.x_train[:100], y_train=digits.y_train[:100])

    def after_each_epoch(**options: Any) -> list[Mapping[str, Tensor]]:
        states: list[TrainingState] = []
        train(replace(spec_of(model, **options), epochs=2), few, keep=states.append)
        return [state.tensors for state in states]

    plain = after_each_epoch()
    for options, alike in (
        ({"weight": 0.0}, [True, True]),
        ({"weight": 0.5, "start": 1}, [True, False]),
        ({"weight": 0.5}, [False, False]),
    ):
        found = zip(after_each_epoch(**options), plain, strict=True)
        equal = [all(torch.equal(one[name], other[name]) for name in other) for one, other in found]
        assert equal == alike


@pytest.mark.slow
@every_model
def test_a_penalty_makes_gradients_smaller(model: str, digits: Dataset) -> None:
    sizes = []
    x, y = digits.x_test[:200], digits.y_test[:200]
    for options in ({}, {"weight": 1.0}):
        trained = train(replace(spec_of(model, **options), epochs=4), digits)
        gradients = input_gradients(trained, x, y, sites_of(trained, x, 5))
        sizes.append(float(AVERAGES["squares"](gradients.detach()).mean()))
    assert sizes[1] < 0.7 * sizes[0], sizes


def test_terms_are_added_and_share_the_gradients(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGULARISERS, "largest", "support.training_rows:LargestGradient")
    monkeypatch.setitem(REGULARISERS, "small", "support.training_rows:SmallWeights")
    calls: list[int] = []

    def counted(*arguments: Any) -> Tensor:
        calls.append(1)
        return input_gradients(*arguments)

    monkeypatch.setattr(step_module, "input_gradients", counted)
    x, y = digits.x_train[:10], digits.y_train[:10]
    chosen = {"input-gradient": {"weight": 2.0}, "largest": {"weight": 0.5}}
    chosen["small"] = {"weight": 0.001}
    spec = preset("bnn", options={"hidden": (8,)}, regularisers=chosen)
    classifier = untrained(spec)
    losses = {}
    for name, part in {"all": chosen, "none": {}, **{n: {n: chosen[n]} for n in chosen}}.items():
        torch.manual_seed(7)
        calls.clear()
        made = make_loss(classifier, replace(spec, regularisers=part), num_images=50)
        losses[name] = float(made(x, y).detach())
        assert len(calls) == (name in ("all", "input-gradient", "largest"))
    added = sum(losses[name] - losses["none"] for name in chosen)
    assert losses["all"] == pytest.approx(losses["none"] + added, rel=1e-5)
    assert all(losses[name] > losses["none"] for name in chosen)


def test_rows_of_ones_own_are_trained_with(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(IMAGES, "brighter", "support.training_rows:Brighter")
    monkeypatch.setitem(OBJECTIVES, "focal", "support.training_rows:Focal")
    monkeypatch.setitem(REGULARISERS, "small", "support.training_rows:SmallWeights")
    changes: dict[str, Any] = {
        "images": "brighter",
        "image_options": {"shift": 0.2},
        "objective": "focal",
        "regularisers": {"small": {"weight": 0.001}},
    }
    spec = preset("sin", epochs=1, options={"hidden": (8,)}, **changes)
    assert TrainingSpec(**spec.to_json()) == spec
    found = train(spec, digits).state_dict()
    for name in changes:
        other: dict[str, Any] = {**changes}
        del other[name]
        if name == "images":
            del other["image_options"]
        without = train(preset("sin", epochs=1, options={"hidden": (8,)}, **other), digits)
        assert not torch.equal(found["weights.0"], without.state_dict()["weights.0"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"average": "squares"},
            ArgumentError,
            "input-gradient needs its weight: --input-gradient-weight",
        ),
        ({"weight": -1.0}, ArgumentError, "weight must be >= 0 and finite, got -1.0"),
        ({"weight": 1.0, "start": -1}, ArgumentError, "start must be >= 0, got -1"),
        ({"weight": 1.0, "average": "square"}, UnknownNameError, "did you mean 'squares'"),
        ({"wieght": 1.0}, UnknownNameError, "option of input-gradient 'wieght'; did you mean 'we"),
        (3, ArgumentError, "options of input-gradient must be values by name, got 3"),
    ],
)
@pytest.mark.usefixtures("as_users_call")
def test_bad_regularisers_are_refused(
    options: Any, error: type[ArgumentError], message: str
) -> None:
    with pytest.raises(error, match=message):
        preset("bnn", regularisers={"input-gradient": options})


@pytest.mark.usefixtures("as_users_call")
def test_names_alone_are_no_regularisers() -> None:
    names: Any = ["input-gradient"]
    with pytest.raises(ArgumentError, match="regularisers must be options by name, such as"):
        preset("bnn", regularisers=names)
