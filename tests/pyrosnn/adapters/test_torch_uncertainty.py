"""Networks of torch-uncertainty, with no code of ours but the adapter; without it, its pattern."""

from collections.abc import Callable

import pytest
import torch
from support.adapted import SHAPE, network
from torch import Tensor, nn

from pyrosnn.adapters import Ensemble, Stochastic, all_members
from pyrosnn.errors import ArgumentError
from pyrosnn.sampling import draw_sample_set, replay_logits

IMAGES = (1, 8, 8)


class Divided(nn.Module):
    """As its BatchEnsemble: a batch of training is divided among members, others are repeated."""

    def __init__(self, nets: list[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, x: Tensor) -> Tensor:
        parts = x.unflatten(0, (3, -1)) if self.training else [x] * 3
        return torch.cat([net(part) for net, part in zip(self.nets, parts, strict=True)])


def test_members_that_share_a_batch_of_training_are_taken_in_evaluation_mode() -> None:
    nets: list[nn.Module] = [network() for _ in range(3)]
    classifier = Stochastic(Divided(nets), SHAPE)
    x = torch.rand(4, *SHAPE)
    assert (classifier.replay, classifier.num_members) == ("members", 3)
    logits = replay_logits(classifier, x, all_members(classifier))
    torch.testing.assert_close(logits, torch.stack([net.eval()(x) for net in nets]).detach())


def bayes() -> nn.Module:
    layers = pytest.importorskip("torch_uncertainty.layers")
    return nn.Sequential(
        layers.BayesConv2d(1, 4, 3, sigma_init=-3.0), nn.ReLU(), nn.Flatten(),
        layers.BayesLinear(144, 10, sigma_init=-3.0),
    )  # fmt: skip


def dropout() -> nn.Module:
    methods = pytest.importorskip("torch_uncertainty.methods")
    core = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Dropout(0.3), nn.Linear(16, 10))
    net: nn.Module = methods.mc_dropout(core, num_estimators=4, on_batch=False)
    return net


@pytest.mark.slow
@pytest.mark.parametrize("make", [bayes, dropout])
def test_its_draws_are_replayed(make: Callable[[], nn.Module]) -> None:
    classifier = Stochastic(make(), IMAGES)
    assert classifier.replay == "vmap"
    x = torch.rand(3, *IMAGES)
    samples = draw_sample_set(classifier, x, 20, seed=0, stream="attack")
    logits = replay_logits(classifier, x, samples)
    assert float(logits.std(0).min()) > 0
    torch.testing.assert_close(replay_logits(classifier, x, samples[5:6])[0], logits[5])


def packed() -> nn.Module:
    packs = pytest.importorskip("torch_uncertainty.layers").PackedLinear
    first = packs(64, 16, alpha=2, num_estimators=4, first=True)
    last = packs(16, 10, alpha=2, num_estimators=4, last=True)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), last)


def batched() -> nn.Module:
    methods = pytest.importorskip("torch_uncertainty.methods")
    core = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
    net: nn.Module = methods.batch_ensemble(core, 4, convert_layers=True)
    return net


@pytest.mark.slow
@pytest.mark.parametrize("make", [packed, batched])
def test_its_members_are_members(make: Callable[[], nn.Module]) -> None:
    net, x = make(), torch.rand(3, *IMAGES)
    classifier = Stochastic(net, IMAGES)
    assert (classifier.replay, classifier.num_members) == ("members", 4)
    rows = net.eval()(x).detach()
    logits = replay_logits(classifier, x, all_members(classifier))
    together = [rows.unflatten(0, (4, 3)), rows.unflatten(0, (3, 4)).transpose(0, 1)]
    assert any(torch.allclose(logits, members, atol=1e-6) for members in together)


@pytest.mark.slow
def test_its_deep_ensembles_are_an_ensemble() -> None:
    methods = pytest.importorskip("torch_uncertainty.methods")
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) for _ in range(3)]
    assert Ensemble(methods.deep_ensembles(nets), IMAGES).num_members == 3


@pytest.mark.slow
def test_a_wrapper_that_samples_itself_names_the_module_within() -> None:
    methods = pytest.importorskip("torch_uncertainty.methods")
    with pytest.raises(ArgumentError, match="if it draws several samples itself, wrap the module"):
        Stochastic(methods.StochasticModel(bayes(), 4), IMAGES)
