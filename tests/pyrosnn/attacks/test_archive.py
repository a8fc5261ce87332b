"""The archive keeps of each image the worst that it was offered, in whatever order."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from pyrosnn.attacks.archive import Archive

IMAGES, OFFERS = 4, 6


@given(order=st.permutations(range(OFFERS)), seed=st.integers(0, 2**16))
def test_the_smallest_margin_stays_in_any_order_of_offers(order: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    deltas = torch.randn(OFFERS, IMAGES, 2, 3, generator=generator)
    margins = torch.randn(OFFERS, IMAGES, generator=generator, dtype=torch.float64)
    archive = Archive(torch.zeros(IMAGES, 2, 3))
    for offer in order:
        archive.offer(deltas[offer], margins[offer])
    assert torch.equal(archive.margin, margins.amin(0))
    assert torch.equal(archive.delta, deltas[margins.argmin(0), torch.arange(IMAGES)])


def test_an_offer_says_what_was_kept_and_leaves_other_rows() -> None:
    archive = Archive(torch.zeros(3, 2))
    assert archive.margin.isinf().all()
    rows = torch.tensor([2, 0])
    first = archive.offer(torch.ones(2, 2), torch.tensor([0.5, -0.5]).double(), rows)
    second = archive.offer(2 * torch.ones(2, 2), torch.tensor([0.5, -0.75]).double(), rows)
    assert (first.tolist(), second.tolist()) == ([True, True], [False, True])  # a tie is not worse
    assert archive.delta.tolist() == [[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]]
    assert archive.margin.tolist() == [-0.75, torch.inf, 0.5]
