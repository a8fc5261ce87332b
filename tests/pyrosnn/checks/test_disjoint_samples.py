"""`disjoint-samples` where noise has few values: chance passes, shared samples fail."""

import pyro
import pytest
import torch
from torch import nn

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import FGM
from pyrosnn.checks.equal_draws import chance_of_equality, fingerprints
from pyrosnn.checks.sample_sets import disjoint_samples
from pyrosnn.checks.trial import Trial
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
    """Wrap values, shape (sample, entry), as a sample set."""
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
    assert len(fingerprints(draws(masks)).unique(dim=0)) == 2**12


def test_the_chance_is_that_of_independent_entries() -> None:
    bits = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    assert chance_of_equality(draws(bits)) == pytest.approx(1 / 3)  # the second copies the first
    assert chance_of_equality(draws(torch.randn(4, 3))) == 0
    assert chance_of_equality(draws(bits[:1])) == 0
    assert chance_of_equality(draws(torch.zeros(4, 0))) == 1
