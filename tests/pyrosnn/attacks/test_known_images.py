"""Rows of a batch get the noise of the image that they came from, or are refused."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import NORMS, ExternalAttack, SampledModule, to_module
from pyrosnn.attacks.known_images import KnownImages, UnknownRowError
from pyrosnn.attacks.measured_norms import MEASURED_NORMS
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, PyrosnnError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, disjoint_sample_sets

IMAGES = 12
STRENGTH = 0.3
SHAPE = (1, 8, 8)


def dropout() -> MCDropout:
    """A network whose dropout masks are drawn for each image."""
    torch.manual_seed(0)
    layers = torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Dropout(0.5)
    return MCDropout(
        torch.nn.Sequential(torch.nn.Flatten(), *layers, torch.nn.Linear(32, 10)), SHAPE
    )


@pytest.fixture(scope="module", params=["sin", "dropout"])
def noisy(
    request: pytest.FixtureRequest, classifiers: dict[str, StochasticClassifier]
) -> StochasticClassifier:
    return classifiers["sin"] if request.param == "sin" else dropout()


@pytest.fixture(scope="module")
def x(digits: Dataset) -> Tensor:
    return digits.x_test[:IMAGES]


def attack_set(classifier: StochasticClassifier, x: Tensor, size: int = 4) -> SampleSet:
    return disjoint_sample_sets(classifier, x, attack=size, inference=1, seed=0)[0]


def moved(x: Tensor, strength: float = STRENGTH, norm: str = "l2") -> Tensor:
    """Images at the strength, each in a direction of its own."""
    return x + strength * NORMS[norm].steepest(torch.randn_like(x))


REGROUPED: dict[str, list[int]] = {
    "in order": list(range(IMAGES)),
    "reversed": list(reversed(range(IMAGES)))[1:],
    "one": [7],
    "some": [1, 2, 5, 11],
    "points of one image": [3, 3, 3, 3, 3],
    "repeated": 3 * list(range(IMAGES)) + [4],
}


@pytest.mark.parametrize("chosen", REGROUPED.values(), ids=list(REGROUPED))
def test_each_row_gets_the_noise_of_its_image(
    chosen: list[int], noisy: StochasticClassifier, x: Tensor
) -> None:
    """Values and gradients are those of the module for exactly these images."""
    a, rows = attack_set(noisy, x), torch.tensor(chosen)
    module = to_module(noisy, a, images=x, strength=STRENGTH)
    here = moved(x[rows])
    inputs, others = here.clone().requires_grad_(), here.clone().requires_grad_()
    found, expected = module(inputs), to_module(noisy, a).for_examples(rows)(others)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(module(here), expected.detach())
    cotangents = torch.randn(len(rows), 10)
    gradients = [
        torch.autograd.grad(value, at, cotangents)[0]
        for value, at in ((found, inputs), (expected, others))
    ]
    torch.testing.assert_close(*gradients)
    shifted = to_module(noisy, a).for_examples((rows + 1) % IMAGES)(here)
    assert ((shifted - found).abs().amax(1) > 1e-3).all()  # another image's noise shows


def test_the_memory_budget_does_not_matter(noisy: StochasticClassifier, x: Tensor) -> None:
    """Samples that are drawn again when they are used belong to the same rows."""
    rows = torch.tensor([5, 0, 5])
    found = []
    for budget in (1, 2**30):
        a, _ = disjoint_sample_sets(noisy, x, attack=4, inference=1, seed=0, memory_budget=budget)
        found.append(to_module(noisy, a, images=x, strength=STRENGTH)(x[rows]))
    torch.testing.assert_close(*found)


def measured(norm: str, first: Tensor, second: Tensor) -> float:
    return float(MEASURED_NORMS[norm].measure((first - second).unsqueeze(0)))


@pytest.mark.parametrize("norm", list(MEASURED_NORMS))
@pytest.mark.parametrize("share", [0.2, 0.9, 1.5])
def test_a_row_is_known_or_refused_and_never_mistaken(norm: str, share: float, x: Tensor) -> None:
    """Strengths are shares of half the distance of the nearest images: 1.5 balls overlap."""
    pairs = [(i, j) for i in range(IMAGES) for j in range(i)]
    near, other = min(pairs, key=lambda pair: measured(norm, x[pair[0]], x[pair[1]]))
    half = measured(norm, x[near], x[other]) / 2
    known = KnownImages(x, norm, share * half)
    for image in range(IMAGES):
        assert known.rows_of(x[[image, image]]).tolist() == [image, image]
    if norm == "l0":  # as many pixels of another image as the strength allows
        differ = (x[other] != x[near]).flatten().nonzero().flatten()[: int(share * half)]
        point = x[near].flatten().clone()
        point[differ] = x[other].flatten()[differ]
        point = point.reshape(1, *SHAPE)
    else:
        point = (x[near] + share / 2 * (x[other] - x[near])).unsqueeze(0)
    if share < 1:
        assert known.rows_of(point).tolist() == [near]
    else:
        with pytest.raises(UnknownRowError, match=r"row 0 of a batch of 1 cannot be attributed"):
            known.rows_of(point)
        assert known.refused


def test_what_no_strength_explains_is_refused(x: Tensor) -> None:
    known = KnownImages(x, "l2", STRENGTH)
    shuffled = x[torch.arange(IMAGES).roll(1)]
    with pytest.raises(UnknownRowError, match="as many rows as there are images, in another ord"):
        known.rows_of(shuffled)
    with pytest.raises(UnknownRowError, match="another is hardly further"):
        known.rows_of((x[:1] + x[1:2]) / 2)
    assert KnownImages(x[:1], "l2", STRENGTH).rows_of(100 * shuffled).tolist() == [0] * IMAGES
    twice = KnownImages(torch.cat([x, x]), "l2", STRENGTH)
    assert twice.rows_of(torch.cat([x, x])).tolist() == list(range(2 * IMAGES))
    with pytest.raises(UnknownRowError, match=r"2 images are within the strength 0\.3 of it"):
        twice.rows_of(x[:1])


def test_groups_are_apart(x: Tensor) -> None:
    pair = torch.cat([x, moved(x[:3], 0.1)])
    whole, groups, alone = KnownImages(pair, "l2", 0.1).groupings()
    assert whole == [slice(None)]
    assert [torch.arange(len(pair))[group].tolist() for group in groups] == [
        list(range(IMAGES)),
        [12, 13, 14],
    ]
    assert [torch.arange(len(pair))[image].tolist() for image in alone] == [
        [i] for i in range(len(pair))
    ]
    assert len(list(KnownImages(x, "l2", 0.1).groupings())) == 2  # nothing to keep apart
    assert len(list(KnownImages(x[:1], "l2", 0.1).groupings())) == 1


def ascend(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
    inputs = x.clone().requires_grad_()
    loss = functional.cross_entropy(module(inputs), y, reduction="sum")
    gradient = torch.autograd.grad(loss, inputs)[0]
    return x + strength * functional.normalize(gradient.flatten(1)).reshape(x.shape)


def by_one(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
    """Goes one image at a time, without telling the module which."""
    return torch.cat([ascend(module, x[i : i + 1], y[i : i + 1], strength) for i in range(len(x))])


def swallowing(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
    try:
        return by_one(module, x, y, strength)
    except PyrosnnError:
        return x


def wrapping(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
    try:
        return by_one(module, x, y, strength)
    except PyrosnnError as error:
        raise RuntimeError("the model failed") from error


@pytest.mark.parametrize("function", [by_one, swallowing, wrapping])
@pytest.mark.parametrize("strength", [STRENGTH, 2.5])
def test_a_function_that_regroups_gives_what_one_that_does_not_gives(
    function: Callable[..., Tensor],
    strength: float,
    noisy: StochasticClassifier,
    digits: Dataset,
) -> None:
    """Even where every image is within the strength of another one: it is called for each."""
    x, y = digits.test_images(IMAGES)
    if strength > 1:
        assert float(torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(9).amin(1).max()) < 5
    a = attack_set(noisy, x)
    settings: Any = {"strength": strength}
    found, expected = (
        ExternalAttack(function=f, **settings)(noisy, x, y, a) for f in (function, ascend)
    )
    torch.testing.assert_close(found.perturbation, expected.perturbation)
    assert found.num_gradients == expected.num_gradients == len(a)
    assert torch.equal(found.zero_gradient, expected.zero_gradient)


def test_other_errors_of_a_function_are_its_own(
    noisy: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(IMAGES)

    def fails(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        ExternalAttack(function=fails)(noisy, x, y, attack_set(noisy, x))


def test_images_need_a_strength(noisy: StochasticClassifier, x: Tensor) -> None:
    a = attack_set(noisy, x)
    for strength in (None, 0.0, -1.0):
        with pytest.raises(ArgumentError, match=r"recognises images needs the attack's strength >"):
            to_module(noisy, a, images=x, strength=strength)
    with pytest.raises(ArgumentError, match="was drawn for 12 images, got 3"):
        to_module(noisy, a, images=x[:3], strength=1.0)
    with pytest.raises(ArgumentError, match="unknown norm 'l3'"):
        to_module(noisy, a, images=x, strength=1.0, norm="l3")
