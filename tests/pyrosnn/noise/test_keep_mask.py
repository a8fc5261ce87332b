"""Keep-masks are independent Bernoulli bits, drawn in another way."""

import math

import pytest
import torch
from pyro.distributions import Bernoulli
from torch.distributions.kl import kl_divergence

from pyrosnn.noise.keep_mask import KeepMask

SHAPE = (3, 5, 7)  # 105 units: not a whole number of words


@pytest.mark.statistical
@pytest.mark.parametrize("keep", [0.4, 0.7])
def test_units_are_kept_at_the_rate_each_on_its_own(keep: float) -> None:
    """420,000 bits, a fixed seed: all within five standard errors."""
    masks = KeepMask(keep, SHAPE).expand((4,)).sample((1000,))
    assert masks.shape == (1000, 4, *SHAPE)
    assert masks.dtype == torch.bool
    bits = masks.flatten(0, 1).flatten(1).double() - keep
    variance = keep * (1 - keep)
    assert abs(float(bits.mean())) < 5 * math.sqrt(variance / bits.numel())
    assert float(bits.mean(0).abs().max()) < 5 * math.sqrt(variance / len(bits))  # each unit
    # neighbours come from one word; masks follow each other in the generator
    for products in (bits[:, :-1] * bits[:, 1:], bits[:, :-4] * bits[:, 4:], bits[:-1] * bits[1:]):
        assert abs(float(products.mean())) < 5 * variance / math.sqrt(products.numel())


def test_densities_and_divergences_are_those_of_bernoulli_bits() -> None:
    p, q = KeepMask(0.7, SHAPE, (4,)), KeepMask(0.4, SHAPE, (4,))
    masks = p.sample((6,))
    for mine in (p, q):
        bits = Bernoulli(torch.tensor(mine.keep)).expand((4, *SHAPE)).to_event(3)
        torch.testing.assert_close(mine.log_prob(masks), bits.log_prob(masks.float()))
    expected = kl_divergence(
        Bernoulli(torch.tensor(p.keep)).expand((4, *SHAPE)).to_event(3),
        Bernoulli(torch.tensor(q.keep)).expand((4, *SHAPE)).to_event(3),
    )
    torch.testing.assert_close(kl_divergence(p, q), expected)
    assert torch.equal(kl_divergence(p, p), torch.zeros(4))


def test_rates_are_rounded_to_sixteen_bits_and_never_certain() -> None:
    assert abs(KeepMask(0.7, SHAPE).keep - 0.7) <= 2.0**-17
    assert KeepMask(1e-9, SHAPE).keep == 2.0**-16
    assert KeepMask(1 - 1e-9, SHAPE).keep == 1 - 2.0**-16
