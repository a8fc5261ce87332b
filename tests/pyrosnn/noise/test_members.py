"""Members of an ensemble in one classifier: their weights, their law, and their mean."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import pyrosnn
from pyrosnn.errors import NoNoiseFreeError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.networks.cnn import cnn
from pyrosnn.networks.dense import dense
from pyrosnn.noise.members import InTurn, MemberWeights
from pyrosnn.sampling import predict, replay_logits
from pyrosnn.testing import check_contract

SHAPE = (1, 4, 4)


def ensemble(members: int = 3) -> Composed:
    made = build_model(
        "ensemble", image_shape=SHAPE, num_classes=3, options={"hidden": (6,), "members": members}
    )
    assert isinstance(made, Composed)
    return made.eval().requires_grad_(False)


def test_a_member_is_a_network_with_weights_of_its_own() -> None:
    classifier, x = ensemble(4), torch.rand(5, *SHAPE)
    logits = replay_logits(classifier, x, pyrosnn.enumerated(classifier))
    assert logits.shape == (4, 5, 3)
    torch.testing.assert_close(logits[0], classifier.network(x))
    (noise,) = classifier.noise
    assert isinstance(noise, MemberWeights)
    for member in (1, 2, 3):
        other = dense(SHAPE, 3, (6,))
        for place, weights in zip(("layer_0", "last"), noise.others, strict=True):
            other.layers[place].weight = nn.Parameter(weights[member - 1])
        torch.testing.assert_close(logits[member], other(x))


@pytest.mark.parametrize("network", ["dense", "cnn", "module"])
def test_members_begin_with_weights_of_the_same_law(network: str) -> None:
    """The same numbers in another order, and biases among themselves."""
    makes: dict[str, Callable[[], nn.Module]] = {
        "dense": lambda: dense(SHAPE, 3, (6,)),
        "cnn": lambda: cnn(SHAPE, 3, (2,), 5),
        "module": lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False)),
    }
    made = makes[network]()
    noise = MemberWeights()
    classifier = Composed(made, [noise], image_shape=SHAPE)
    for place, others in zip(noise.weighted, noise.others, strict=True):
        own = classifier.network.matrix(place)
        rows = len(own) - classifier.network.place(place).bias
        assert others.shape == (2, *own.shape)
        for other in others:
            assert not torch.equal(other, own)
            for part in (slice(None, rows), slice(rows, None)):
                assert torch.equal(
                    other[part].flatten().sort().values, own[part].flatten().sort().values
                )
    check_contract(classifier.eval().requires_grad_(False))


def test_the_mean_over_members_is_what_sampling_comes_to() -> None:
    classifier, x = ensemble(), torch.rand(20, *SHAPE)
    exact = predict(classifier, x, pyrosnn.enumerated(classifier)).values
    drawn = pyrosnn.draw_sample_set(classifier, x, 3000, seed=0, stream="inference")
    counts = drawn.tensors["member"].flatten().bincount()
    assert float((counts / 3000 - 1 / 3).abs().max()) < 4 * (2 / 9 / 3000) ** 0.5
    torch.testing.assert_close(predict(classifier, x, drawn).values, exact, atol=0.02, rtol=0)


def test_draws_in_turn_are_all_members_and_each_is_uniform() -> None:
    law: Any = InTurn(logits=torch.zeros(4))
    firsts = []
    for _ in range(400):
        drawn = law.expand([4, 1]).sample()
        assert drawn.shape == (4, 1)
        assert drawn.flatten().sort().values.tolist() == [0, 1, 2, 3]
        firsts.append(int(drawn[0, 0]))
    counts = torch.tensor(firsts).bincount(minlength=4)
    assert float((counts - 100).abs().max()) < 4 * (400 * 3 / 16) ** 0.5
    assert law.expand([6, 1]).sample().flatten().bincount().sort().values.tolist() == [1, 1, 2, 2]


def test_there_is_no_member_without_noise() -> None:
    with pytest.raises(NoNoiseFreeError, match="the law of site 'member'"):
        pyrosnn.noise_free(ensemble())
