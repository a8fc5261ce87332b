"""Ensembles that are trained jointly, and the terms that compare their members."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyrosnn
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import predict
from pyrosnn.training import preset, train
from pyrosnn.training.objectives.elbo import MeanELBO
from pyrosnn.training.regularisers.drt import DRT, joint_slope
from pyrosnn.training.regularisers.gal import GAL
from pyrosnn.training.regularisers.pairs import pair_cosines
from pyrosnn.training.regularisers.regulariser import Regulariser
from pyrosnn.training.regularisers.trs import TRS
from pyrosnn.training.step import Setting, Step

SHAPE = (1, 4, 4)
TERMS: dict[str, Regulariser] = {
    "drt": DRT(weight=1.0, margin_weight=0.5),
    "gal": GAL(weight=1.0),
    "trs": TRS(weight=1.0, smoothness=0.2, radius=0.05),
}
every_term = pytest.mark.parametrize("term", list(TERMS))


def step_of(x: Tensor, y: Tensor, classifier: StochasticClassifier, number: int = 3) -> Step:
    spec = preset("ensemble", num_particles=number, options={"hidden": (6,), "members": number})
    setting = Setting(
        classifier=classifier.train(),
        objective=MeanELBO(number),
        spec=spec,
        num_images=100,
        bounds=(0.0, 1.0),
    )
    return Step.draw(setting, x, y, 1, 0)


def ensemble(members: int = 3) -> StochasticClassifier:
    options = {"hidden": (6,), "activation": "tanh", "members": members}
    return build_model("ensemble", image_shape=SHAPE, num_classes=3, options=options).double()


def batch(number: int = 8) -> tuple[Tensor, Tensor]:
    return torch.rand(number, *SHAPE, dtype=torch.float64), torch.arange(number) % 3


def test_a_step_trains_each_member_once() -> None:
    x, y = batch()
    for _ in range(5):
        drawn = step_of(x, y, ensemble(4), 4).particles["member"]
        assert drawn.flatten().sort().values.tolist() == [0, 1, 2, 3]


def test_two_linear_members_have_the_square_of_the_sum() -> None:
    """|w₁ + w₂|² = |w₁|² + |w₂|² + 2 w₁·w₂: for margins w_i·x, whatever the image is."""
    w = torch.randn(2, 16, dtype=torch.float64)
    gradients = w[:, None].expand(2, 5, 16).reshape(2, 5, *SHAPE)
    correct = torch.ones(2, 5, dtype=torch.bool)
    expected = w[0] @ w[0] + w[1] @ w[1] + 2 * w[0] @ w[1]
    torch.testing.assert_close(joint_slope(gradients, correct), expected.expand(5))
    opposite = torch.stack([gradients[0], -gradients[0]])
    assert float(joint_slope(opposite, correct).abs().max()) == 0
    correct[0, 2] = False  # of an image that one of them gets wrong there is nothing
    assert joint_slope(gradients, correct)[2] == 0


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        (torch.eye(3, 4), math.log(3)),
        (torch.tensor([[1.0, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]]), math.log(3) - 0.5),
        (torch.ones(3, 4), math.log(3) + 1),
    ],
    ids=["orthogonal", "as far apart as can be", "alike"],
)
@pytest.mark.parametrize("length", [1.0, 1e-6])
def test_the_alignment_of_three_gradients(vectors: Tensor, expected: float, length: float) -> None:
    value = pair_cosines(length * vectors.double().unsqueeze(1)).logsumexp(0)
    torch.testing.assert_close(value, torch.tensor([expected], dtype=torch.float64))


def by_hand(classifier: StochasticClassifier, x: Tensor, y: Tensor, of: Any) -> Tensor:
    """Gradients of a function of the logits, one member and one image at a time."""
    rows = []
    for member in range(3):
        sites = {"member": torch.tensor([[member]])}
        one = []
        for i in range(len(x)):
            point = x[i : i + 1].clone().requires_grad_()
            value = of(classifier.logits(point, sites)[0, 0], y[i])
            one.append(torch.autograd.grad(value, point)[0].flatten())
        rows.append(torch.stack(one))
    return torch.stack(rows)


def loss(z: Tensor, label: Tensor) -> Tensor:
    return -z.log_softmax(-1)[label]


def margin(z: Tensor, label: Tensor) -> Tensor:
    largest = z.softmax(-1).sort().values
    return largest[-1] - largest[-2]


def test_penalties_are_those_of_a_loop() -> None:
    classifier, (x, y) = ensemble(), batch()
    step = step_of(x, y, classifier)
    g = by_hand(classifier.eval(), x, y, loss)
    unit = g / g.norm(dim=-1, keepdim=True)
    cosines = torch.stack([(unit[i] * unit[j]).sum(-1) for i, j in ((0, 1), (0, 2), (1, 2))])
    torch.testing.assert_close(TERMS["gal"].penalty(step), cosines.exp().sum(0).log())
    still = TRS(weight=1.0, smoothness=0.2, steps=0)
    expected = cosines.abs().mean(0) + 0.2 * g.square().sum(-1).mean(0)
    torch.testing.assert_close(still.penalty(step), expected)
    m = by_hand(classifier, x, y, margin)
    logits = classifier.logits(x, {"member": torch.arange(3).unsqueeze(1)})
    correct = (logits.argmax(-1) == y).double()
    pairs = [
        (m[i] + m[j]).square().sum(-1) * correct[i] * correct[j]
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    top = logits.softmax(-1).sort().values
    margins = (correct * (top[..., -1] - top[..., -2])).mean(0)
    torch.testing.assert_close(
        TERMS["drt"].penalty(step), torch.stack(pairs).mean(0) - 0.5 * margins
    )


@every_term
def test_a_penalty_does_not_depend_on_the_batch(term: str) -> None:
    """No division by the number of images, as gradients of a mean loss would have."""
    classifier, (x, y) = ensemble(), batch()
    whole = TERMS[term].penalty(step_of(x, y, classifier))
    alone = [TERMS[term].penalty(step_of(x[i : i + 1], y[i : i + 1], classifier)) for i in range(8)]
    torch.testing.assert_close(whole, torch.cat(alone))


@every_term
def test_a_penalty_is_differentiated_to_all_members(term: str) -> None:
    classifier, (x, y) = ensemble(), batch()
    TERMS[term].penalty(step_of(x, y, classifier)).mean().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in classifier.parameters())


def test_the_steepest_image_stays_near() -> None:
    classifier, (x, y) = ensemble(), batch()
    step, term = step_of(x, y, classifier), TRS(weight=1.0, radius=0.05)
    near = term.steepest(step)
    assert float((near - x).abs().max()) <= 0.05 + 1e-12
    assert float(near.min()) >= 0
    assert float(near.max()) <= 1
    before, after = (term.steepness(step, at).sum(0) for at in (x, near))
    assert bool((after > before).all())
    assert torch.equal(TRS(weight=1.0, radius=0.0).steepest(step), x)


def test_near_a_noisy_image_the_ball_comes_before_the_bounds() -> None:
    """Noise takes images out of the bounds, and to clip them would leave the ball."""
    x, y = batch()
    step, term = step_of(2 * x - 0.5, y, ensemble()), TRS(weight=1.0, radius=0.05)
    assert float((term.steepest(step) - step.x).abs().max()) <= 0.05 + 1e-12


def test_vanishing_gradients_have_the_cosine_0() -> None:
    """In float32 the squares of such entries underflow, and so does the length."""
    gradients = torch.full((3, 2, 5), 1e-23)
    gradients[:, 1] = 1e-3
    assert pair_cosines(gradients).tolist() == [[0.0, pytest.approx(1.0)]] * 3


def test_noise_without_a_mean_has_no_prediction_without_noise(digits: Dataset) -> None:
    spec = preset("ensemble", epochs=1, regularisers={"noise-matching": {"weight": 0.1}})
    message = "noise-matching needs noise whose law has a mean, which ensemble does not have; leave"
    with pytest.raises(ArgumentError, match=message):
        train(spec, digits)


@every_term
def test_a_term_without_its_weight_names_the_option(term: str) -> None:
    with pytest.raises(ArgumentError, match=f"{term} needs its weight: --{term}-weight on the"):
        preset("ensemble", regularisers={term: {}})


@every_term
def test_what_has_no_pairs_is_refused(term: str) -> None:
    weight = {term: {"weight": 1.0}}
    with pytest.raises(ArgumentError, match=r"num_particles must be >= 2, got 1"):
        preset("bnn", num_particles=1, regularisers=weight)
    with pytest.raises(ArgumentError, match=r"num_particles must be <= 2, the number of members"):
        preset("ensemble", options={"members": 2}, regularisers=weight)
    preset("ensemble", regularisers=weight)
    preset("bnn", num_particles=5, regularisers=weight)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.trend
def test_members_withstand_more_if_gradients_are_short_not_if_they_only_differ(
    digits: Dataset, trend_seed: int, measured: Callable[..., None]
) -> None:
    """DRT and TRS raise the accuracy of the exact mean by far more than GAL does."""
    x, y = digits.test_images(200)

    def adversarial_accuracy(regularisers: dict[str, Any]) -> float:
        options = {"hidden": (32,)}
        spec = preset(
            "ensemble", seed=trend_seed, epochs=6, options=options, regularisers=regularisers
        )
        trained = train(spec, digits)
        judge, attacker = (pyrosnn.enumerated(trained, stream=s) for s in ("inference", "attack"))
        attack = pyrosnn.APGD(strength=0.1, norm="linf", steps=50, loss="dlr")
        delta = attack(trained, x, y, attacker).perturbation
        return float((predict(trained, x + delta, judge).predicted == y).double().mean())

    terms = ("drt", "trs", "gal")
    found = {"none": adversarial_accuracy({})}
    found |= {term: adversarial_accuracy({term: {"weight": 1.0}}) for term in terms}
    drt, trs, gal = (found[term] - found["none"] for term in terms)
    measured(drt=drt, trs=trs, gal=gal)
    assert min(drt, trs) > 0.1, found
    assert gal < min(drt, trs) - 0.05, found
