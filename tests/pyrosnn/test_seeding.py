"""Seeds: independent streams, with all the entropy of their sequence."""

import numpy as np
import pytest
import torch

from pyrosnn.seeding import forked_rng, repeatable, seed_sequence


def draw(*key: int) -> torch.Tensor:
    with forked_rng(seed_sequence(0, "attack", *key)):
        return torch.rand(4)


def test_torch_keeps_its_generator_where_we_write_it() -> None:
    """The layout of the serialised state: numpy's MT19937 has the same words for a legacy seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        words = torch.get_rng_state().numpy()[24 : 24 + 8 * 624].view(np.uint64)
    assert words.tolist() == np.random.RandomState(5).get_state()[1].tolist()  # type: ignore[index]


def test_the_whole_sequence_decides_the_draws() -> None:
    """torch.manual_seed keeps 32 bits; two of our states must differ in all their words."""
    states = []
    for block in (0, 1):
        with forked_rng(seed_sequence(0, "attack", block)):
            states.append(torch.get_rng_state()[24 : 24 + 8 * 624].view(torch.int64))
    assert (states[0] != states[1]).float().mean() > 0.99
    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_every_bit_of_a_seed_counts() -> None:
    """Seeds that agree in their last 32 or 64 bits are different seeds."""
    seeds = [5, 5 + 2**32, 5 + 2**63, 5 + 2**64, 5 + 2**100]
    assert len({tuple(seed_sequence(s, "attack").generate_state(4)) for s in seeds}) == len(seeds)
    drawn = []
    for seed in seeds:
        with forked_rng(seed_sequence(seed, "attack")):
            drawn.append(torch.rand(4))
    assert len(torch.unique(torch.stack(drawn), dim=0)) == len(seeds)


@pytest.mark.statistical
def test_draws_are_uniform() -> None:
    # 2,000 streams, one value each: the mean has a standard error of 0.006
    values = torch.stack([draw(i)[0] for i in range(2_000)])
    assert abs(float(values.mean()) - 0.5) < 5 * 0.289 / 2_000**0.5
    assert len(torch.unique(values)) > 1_997  # float32 has 2^24 values: one in ten runs has a pair


def test_the_global_state_is_put_back_even_after_an_error() -> None:
    state = torch.get_rng_state()
    try:
        with forked_rng(seed_sequence(0, "attack")):
            torch.rand(3)
            raise RuntimeError
    except RuntimeError:
        pass
    assert torch.equal(torch.get_rng_state(), state)


def flags() -> tuple[bool, bool, bool]:
    cudnn = torch.backends.cudnn
    return cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32


def test_what_must_repeat_sets_the_flags_of_convolutions_and_puts_them_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    before = flags()
    assert before == (False, True, True)
    with repeatable():
        assert flags() == (True, False, True)
        with repeatable(exact=True):
            assert flags() == (True, False, False)
        assert flags() == (True, False, True)
    with pytest.raises(ZeroDivisionError), repeatable(exact=True):
        _ = 1 / 0
    assert flags() == before
