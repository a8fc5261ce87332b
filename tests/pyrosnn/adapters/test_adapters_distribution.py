"""Adapters draw from the distribution of what they wrap: two-sample tests, ensembles, guides."""

import itertools

import pyro
import pytest
import torch
from pyro.infer import autoguide
from scipy.stats import ks_2samp
from support.adapted import (
    AUTOGUIDES,
    SHAPE,
    Bayesian,
    network,
    tutorial,
    weight_guide,
    weight_model,
)
from torch import Tensor, nn

from pyrosnn.adapters import Ensemble, MCDropout, PyroClassifier, WeightSamples, disjoint_members
from pyrosnn.errors import ArgumentError, NotStochasticError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.sampling import draw_sample_set, replay_logits

# Kolmogorov–Smirnov at this level: of 10,000 seeds one would fail for each comparison; the seed
# is fixed.
LEVEL = 1e-4


def same_distribution(first: Tensor, second: Tensor) -> bool:
    """Compare each class's logit of one image over samples, at a level shared by the classes.

    Masks of few units give few values, which rounding must not tell apart.
    """
    level = LEVEL / first.shape[-1]
    first, second = first.round(decimals=5), second.round(decimals=5)
    pairs = zip(first.T.tolist(), second.T.tolist(), strict=True)
    return all(ks_2samp(a, b).pvalue > level for a, b in pairs)


@pytest.mark.statistical
@pytest.mark.parametrize("dropout", [nn.Dropout(0.4), nn.AlphaDropout(0.4), nn.Dropout1d(0.4)])
def test_mc_dropout_is_the_module_in_training_mode(dropout: nn.Module) -> None:
    torch.manual_seed(0)
    module, x = network(dropout), torch.rand(1, *SHAPE)
    if isinstance(dropout, nn.Dropout1d):  # drops channels, of which dense layers have none
        module = nn.Sequential(
            nn.Flatten(2), nn.Conv1d(1, 6, 3), nn.ReLU(), dropout, nn.Flatten(), nn.Linear(84, 3)
        )
    adapter = MCDropout(module, SHAPE)
    samples = draw_sample_set(adapter, x, 1500, seed=0, stream="attack")
    ours = replay_logits(adapter, x, samples)[:, 0]
    with torch.no_grad():
        theirs = module.train()(x.expand(1500, *SHAPE))
        other = module(2 - x.expand(1500, *SHAPE))
    assert same_distribution(ours, theirs)
    assert not same_distribution(ours, other)  # the test can tell


class PlainResNet(nn.Module):
    """The network of ``resnet`` as one would write it: with dropout layers."""

    def __init__(self, source: LayeredNetwork, dropout: float):
        super().__init__()
        self.layers, self.dropout = source.layers, nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layers["first"]((x - 0.5) / 0.25)
        for block in range(3):
            norm_1, conv_1, norm_2, conv_2 = (
                self.layers[f"block_{block}_{part}"]
                for part in ("norm_1", "conv_1", "norm_2", "conv_2")
            )
            active = norm_1(hidden).relu()
            shortcut = f"block_{block}_shortcut"
            beside = self.layers[shortcut](active) if shortcut in self.layers else hidden
            hidden = conv_2(norm_2(self.dropout(conv_1(active))).relu()) + beside
        logits: Tensor = self.layers["last"](self.layers["norm"](hidden).relu().mean((-2, -1)))
        return logits


@pytest.mark.slow
@pytest.mark.statistical
def test_mc_dropout_of_a_resnet_is_our_resnet() -> None:
    torch.manual_seed(0)
    options = {"depth": 10, "width": 1, "dropout": 0.3}
    ours = build_model("resnet", image_shape=(1, 8, 8), num_classes=3, options=options)
    assert isinstance(ours, Composed)
    assert isinstance(ours.network, LayeredNetwork)
    plain = PlainResNet(ours.network, 0.3)
    adapter, x = MCDropout(plain, (1, 8, 8)), torch.rand(1, 1, 8, 8)
    first, second, other = (
        replay_logits(c, image, draw_sample_set(c, image, 800, seed=0, stream=name))[:, 0]
        for c, image, name in (
            (ours, x, "ours"), (adapter, x, "adapter"), (adapter, 0.5 * x, "other"),
        )
    )  # fmt: skip
    assert same_distribution(first, second)
    assert not same_distribution(first, other)


@pytest.mark.statistical
@pytest.mark.parametrize("name", AUTOGUIDES)
def test_autoguides_give_the_weights_that_they_draw(name: str) -> None:
    torch.manual_seed(0)
    model = Bayesian()
    guide = getattr(autoguide, name)(model)
    guide(torch.rand(2, *SHAPE), torch.tensor([0, 1]))
    classifier, x = PyroClassifier(model, guide, SHAPE), torch.rand(3, *SHAPE)
    pyro.clear_param_store()  # which the guide's first call filled
    assert set(classifier.site_names) == {"linear.weight", "linear.bias"}
    samples = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    w, b = (samples.tensors[f"linear.{site}"].squeeze(1) for site in ("weight", "bias"))
    expected = torch.einsum("bi,sci->sbc", x.flatten(1), w) + b[:, None]
    found = classifier.logits(x, samples.tensors)
    torch.testing.assert_close(found.log_softmax(-1), expected.log_softmax(-1))


def test_a_point_estimate_is_refused() -> None:
    with pytest.raises(NotStochasticError):
        tutorial("AutoDelta")


def test_an_autoguide_that_was_never_called_is_refused() -> None:
    model = Bayesian()
    with pytest.raises(ArgumentError, match="never been trained, nor called"):
        PyroClassifier(model, autoguide.AutoNormal(model), SHAPE)


def test_parameters_of_the_store_are_copied_out_of_it() -> None:
    x = torch.rand(2, *SHAPE)
    weight_guide(x)
    with torch.no_grad():
        pyro.param("mean").fill_(2.0)
    classifier = PyroClassifier(weight_model, weight_guide, SHAPE)
    with torch.no_grad():
        pyro.param("mean").fill_(-50.0)
    names = set(pyro.get_param_store().keys())
    w = draw_sample_set(classifier, x, 100, seed=0, stream="attack").tensors["w"]
    pyro.clear_param_store()
    assert names == {"mean", "scale"}
    # 4,800 normal values of scale 0.3
    assert abs(float(w.mean()) - 2.0) < 5 * 0.3 / 4800**0.5
    again = draw_sample_set(classifier, x, 100, seed=0, stream="attack").tensors["w"]
    assert torch.equal(w, again)  # without the store


@pytest.mark.statistical
def test_an_ensemble_is_drawn_with_replacement_and_uniformly() -> None:
    torch.manual_seed(0)
    nets, x = [network() for _ in range(3)], torch.rand(2, *SHAPE)
    ensemble = Ensemble(nets, SHAPE)
    samples = draw_sample_set(ensemble, x, 3000, seed=0, stream="attack")
    members = samples.tensors["member"].flatten()
    # binomial with p = 1/3: 5 standard deviations are 129
    assert bool(((members.bincount(minlength=3) - 1000).abs() < 129).all())
    each = torch.stack([net.eval()(x) for net in nets]).detach()
    found = replay_logits(ensemble, x, samples[:40])
    torch.testing.assert_close(found, each[members[:40]])


def test_state_dicts_are_the_networks_that_they_came_from() -> None:
    nets, x = [network() for _ in range(4)], torch.rand(2, *SHAPE)
    states = [net.state_dict() for net in nets]
    by_loop, by_vmap = (WeightSamples(nets[0], states, SHAPE, vectorised=v) for v in (False, True))
    assert WeightSamples(nets[0], states, SHAPE).vectorised
    ensemble = Ensemble(nets, SHAPE)
    samples = draw_sample_set(ensemble, x, 9, seed=0, stream="attack").tensors
    expected = ensemble.logits(x, samples)
    for classifier in (by_loop, by_vmap):
        torch.testing.assert_close(classifier.logits(x, samples), expected)


def test_state_dicts_that_do_not_fit_are_refused() -> None:
    net = network()
    state = net.state_dict()
    for states, message in (
        ([state], "at least two members, got 1"),
        ([state, {}], "state dict 1 has other names"),
        ([{"nothing": torch.zeros(1)}] * 2, "no parameter or buffer 'nothing'"),
        ([{"1.bias": torch.zeros(3)}] * 2, "'1.bias' has shape \\(3,\\) in state dict 0"),
        ([{}, {}], "the state dicts are empty"),
    ):
        with pytest.raises(ArgumentError, match=message):
            WeightSamples(net, states, SHAPE)


def test_members_can_be_dealt_so_that_no_one_is_in_both_sets() -> None:
    ensemble = Ensemble([network() for _ in range(6)], SHAPE)
    dealt = [disjoint_members(ensemble, attack=2, inference=4, seed=seed) for seed in range(5)]
    for a, i in dealt:
        both = torch.cat([a.tensors["member"], i.tensors["member"]]).flatten()
        assert sorted(both.tolist()) == list(range(6))
    firsts = [tuple(a.tensors["member"].flatten().tolist()) for a, _ in dealt]
    assert any(x != y for x, y in itertools.pairwise(firsts))
    with pytest.raises(ArgumentError, match="4 \\+ 3 members were asked for, there are 6"):
        disjoint_members(ensemble, attack=4, inference=3, seed=0)
