"""`disjoint-samples` where noise has few values: chance passes, shared samples fail."""

from dataclasses import replace
from typing import Any

import pyro
import pytest
import torch
from torch import nn

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import FGM
from pyrosnn.checks.distinct_samples import distinct_samples
from pyrosnn.checks.equal_draws import chance_of_equality, fingerprints
from pyrosnn.checks.sample_sets import disjoint_samples
from pyrosnn.checks.trial import Trial
from pyrosnn.models import build_model
from pyrosnn.sampling import Origin, SampleSet
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Sites


class SelfSeeded(MCDropout):
    """Its guide seeds its own random numbers: every stream gets the same masks."""

    def sample_sites(self, x: torch.Tensor, images: pyro.plate) -> Sites:
        with forked_rng(seed_sequence(0, "always")):
            return super().sample_sites(x, images)


def trial_of(kind: type[MCDropout], units: int, seed: int = 0, inference: int = 20) -> Trial:
    """Dropout of some inputs, a mask for all images."""
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(units, 3))
    return Trial(
        classifier=kind(net, (units,), per_example=False),
        x=torch.rand(4, units),
        y=torch.zeros(4, dtype=torch.long),
        attack=FGM(strength=0.1),
        attack_samples=10,
        inference_samples=inference,
        seed=seed,
    )


def draws(values: torch.Tensor) -> SampleSet:
    """Wrap values that all images share, shape (sample, entry), as a sample set."""
    return of_images(values.unsqueeze(1))


def of_images(values: torch.Tensor) -> SampleSet:
    """Wrap values, shape (sample, example or 1, entry), as a sample set."""
    return SampleSet(
        stored={"site": values}, origin=Origin(seed=0, stream="attack", stop=len(values))
    )


@pytest.mark.parametrize(("units", "inference"), [(4, 20), (8, 20), (12, 20), (12, 100)])
def test_few_bits_that_are_equal_by_chance_pass(units: int, inference: int) -> None:
    """Each trial fails once in 10,000; of 12 bits 2^-12 of the pairs are equal."""
    found = [disjoint_samples(trial_of(MCDropout, units, seed, inference)) for seed in range(10)]
    assert [finding.status for finding in found] == ["pass"] * 10
    shares = [finding.value for finding in found if finding.value is not None]
    expected = 1 - (1 - 2.0**-units) ** inference
    error = (expected * (1 - expected) / 100) ** 0.5
    assert abs(sum(shares) / 10 - expected) < 4 * error + 0.01
    assert any("few, drawn with replacement" in finding.message for finding in found) == any(shares)


@pytest.mark.parametrize("units", [8, 12, 40])
def test_samples_that_are_shared_fail(units: int) -> None:
    finding = disjoint_samples(trial_of(SelfSeeded, units))
    assert (finding.status, finding.value) == ("fail", 1.0)


def test_masks_that_differ_have_other_fingerprints() -> None:
    masks = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 12)
    (found,) = fingerprints(draws(masks))
    assert len(found.unique(dim=0)) == 2**12


def test_the_chance_is_that_of_independent_entries() -> None:
    bits = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    assert chance_of_equality(draws(bits)) == pytest.approx(1 / 3)  # the second copies the first
    assert chance_of_equality(draws(torch.randn(4, 3))) == 0
    assert chance_of_equality(draws(bits[:1])) == 0
    assert chance_of_equality(draws(torch.zeros(4, 0))) == 1


def test_the_chance_at_an_image_is_the_mean_over_images() -> None:
    bits = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    single = bits.unsqueeze(-1)  # one bit for each of two images
    assert chance_of_equality(of_images(single)) == pytest.approx(1 / 3)
    assert chance_of_equality(of_images(single), together=True) == pytest.approx(1 / 9)
    alike = torch.cat([single, torch.zeros_like(single[:, :1])], 1)
    assert chance_of_equality(of_images(alike)) == pytest.approx((1 / 3 + 1 / 3 + 1) / 3)


def padded(images: int = 30, *, sizes: tuple[int, int] = (10, 50), seed: int = 0) -> Trial:
    """A state of 13 for each image."""
    torch.manual_seed(seed)
    model = build_model("resize-pad", image_shape=(1, 8, 8), num_classes=3, options={"hidden": ()})
    return Trial(
        classifier=model.requires_grad_(False),
        x=torch.rand(images, 1, 8, 8),
        y=torch.zeros(images, dtype=torch.long),
        attack=FGM(strength=0.1),
        attack_samples=sizes[0],
        inference_samples=sizes[1],
        seed=seed,
    )


@pytest.mark.parametrize("sizes", [(10, 50), (3, 1), (1, 1), (2, 2)])
def test_states_of_images_are_shared_by_chance(sizes: tuple[int, int]) -> None:
    """A batch of 30 states is never drawn again; a state of an image is, as often as expected."""
    classifier: Any = padded().classifier
    probabilities = classifier.noise[0].probabilities.double()
    expected = float((probabilities * (1 - (1 - probabilities) ** sizes[1])).sum())
    error = (expected * (1 - expected) / (30 * sizes[0])) ** 0.5
    for seed in range(5):
        trial = padded(sizes=sizes, seed=seed)
        shared, repeated = disjoint_samples(trial), distinct_samples(trial)
        assert (shared.status, repeated.status) == ("pass", "pass")
        assert shared.value == pytest.approx(expected, abs=4 * error + 0.02)
        assert "of A's samples of an image are in I" in shared.message
    if sizes == (10, 50):
        assert repeated.value is not None
        assert repeated.value > 0.5
        assert "of the samples of I repeat another one at an image" in repeated.message


@pytest.mark.parametrize("turned", [False, True])
def test_states_of_images_that_are_shared_fail(turned: bool) -> None:
    """At the same index each image tells; in another order whole batches do."""
    trial = padded()
    attack, judges = trial.sets()
    own = judges.tensors["resize_pad"]
    same = own[:10].flip(0) if turned else own[:10]
    trial._sets[0] = replace(attack, stored={"resize_pad": same}), judges
    finding = disjoint_samples(trial)
    assert (finding.status, finding.value) == ("fail", 1.0)


def test_states_of_images_that_are_drawn_twice_fail() -> None:
    trial = padded()
    attack, judges = trial.sets()
    twice = judges.tensors["resize_pad"][:25].repeat_interleave(2, 0)
    trial._sets[0] = attack, replace(judges, stored={"resize_pad": twice})
    found = distinct_samples(trial)
    assert found.status == "fail"
    assert "I averages fewer samples than it says" in found.message
