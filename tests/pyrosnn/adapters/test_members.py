"""Finite numbers of networks: what holds them, their exact mean, and checks that know of them."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.adapted import CLASSES, SHAPE, network
from torch import Tensor, nn

import pyrosnn
from pyrosnn.adapters import Ensemble, WeightSamples, all_members, disjoint_members
from pyrosnn.attacks import FGM
from pyrosnn.checks.outputs import random_outputs
from pyrosnn.checks.own_samples import own_samples
from pyrosnn.checks.sample_sets import disjoint_samples
from pyrosnn.checks.trial import Trial
from pyrosnn.errors import ArgumentError
from pyrosnn.results import combine_repeats, make_result
from pyrosnn.sampling import Origin, SampleSet, replay_logits
from pyrosnn.testing import check_contract


class InARow(nn.Module):
    """As torch-uncertainty holds a deep ensemble: outputs (member · example, class)."""

    def __init__(self, nets: list[nn.Module]) -> None:
        super().__init__()
        self.core_models = nn.ModuleList(nets)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([net(x) for net in self.core_models])


class Mean(InARow):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([net(x) for net in self.core_models]).mean(0)


class MeanProbability(InARow):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([net(x).softmax(-1) for net in self.core_models]).mean(0)


class Deep(nn.Module):
    """One network: its list holds layers, which happen to fit each other and the images."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


HOLDERS: dict[str, Callable[[list[nn.Module]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": iter,
    "module-list": nn.ModuleList,
    "dict": lambda nets: {str(i): net for i, net in enumerate(nets)},
    "module-dict": lambda nets: nn.ModuleDict({str(i): net for i, net in enumerate(nets)}),
    "in-a-row": InARow,
    "mean": Mean,
    "mean-probability": MeanProbability,
}


@pytest.mark.parametrize("holder", list(HOLDERS))
def test_an_ensemble_is_all_that_holds_networks(holder: str) -> None:
    nets: list[nn.Module] = [network() for _ in range(3)]
    x = torch.rand(4, *SHAPE)
    classifier = Ensemble(HOLDERS[holder](nets), SHAPE)
    logits = replay_logits(classifier, x, all_members(classifier))
    torch.testing.assert_close(logits, torch.stack([net(x) for net in nets]).detach())


@pytest.mark.parametrize(
    ("wrong", "shape", "message"),
    [
        (network, SHAPE, "expected several networks, got a Sequential; give them as a list"),
        (lambda: 3, SHAPE, "expected several networks, got a int"),
        (lambda: [1, 2], SHAPE, r"expected a torch\.nn\.Module, got int"),
        (lambda: iter([network()]), SHAPE, "at least two members, got 1"),
        (Deep, (4,), "the Deep returns neither the outputs of the 3 networks in its list nor"),
    ],
    ids=["network", "number", "numbers", "one", "layers"],
)
@pytest.mark.usefixtures("as_users_call")
def test_what_is_no_ensemble_is_refused(
    wrong: Callable[[], Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        Ensemble(wrong(), shape)


# --- samples of weights ------------------------------------------------------------------------


def arrays(num_chains: int | None = None) -> dict[str, Tensor]:
    first = (6,) if num_chains is None else (num_chains, 6 // num_chains)
    return {"1.weight": torch.randn(*first, 8, 16), "4.bias": torch.randn(*first, CLASSES)}


@pytest.mark.parametrize("prefix", ["", "module.", "net.base.", "net$$$"])
@pytest.mark.parametrize("num_chains", [None, 2])
@pytest.mark.parametrize("as_array", [lambda v: v, lambda v: v.double().numpy()])
def test_a_dict_of_arrays_is_samples_of_weights(
    prefix: str, num_chains: int | None, as_array: Callable[[Tensor], Any]
) -> None:
    net, values, x = network(nn.Tanh()), arrays(num_chains), torch.rand(4, *SHAPE)
    given = {f"{prefix}{name}": as_array(value) for name, value in values.items()}
    classifier = WeightSamples(net, given, SHAPE)
    assert classifier.num_members == 6
    logits = replay_logits(classifier, x, all_members(classifier))
    for member in range(6):
        own = {n: v.reshape(6, *net.state_dict()[n].shape)[member] for n, v in values.items()}
        expected = torch.func.functional_call(net, own, (x,)).detach()
        torch.testing.assert_close(logits[member], expected)


def test_state_dicts_of_a_wrapped_module() -> None:
    net, x = network(), torch.rand(4, *SHAPE)
    nets = [network() for _ in range(3)]
    states = (nn.Sequential(other).state_dict() for other in nets)  # names begin with "0."
    classifier = WeightSamples(net, states, SHAPE)
    logits = replay_logits(classifier, x, all_members(classifier))
    torch.testing.assert_close(logits, torch.stack([other(x) for other in nets]).detach())


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"1.weight": torch.ones(8, 16)}, r"\(8, 16\), expected \(sample, 8, 16\)"),
        (
            {"1.weight": torch.ones(4, 8, 16), "1.bias": torch.ones(5, 8)},
            r"'1.bias' has \(5,\) samples, '1.weight' has \(4,\); expected as many",
        ),
        ({"1.weight_mean": torch.ones(8, 16), "1.weight_sq_mean": torch.ones(8, 16)}, "of SWAG"),
        ([{"1.weight": np.ones((8, 16))}], "at least two members, got 1"),
        ([network(), network()], "expected state dicts, .* got a Sequential"),
        (5, "expected state dicts, or a dict of arrays of samples; got a int"),
        ({}, "the state dicts are empty"),
    ],
    ids=["one", "numbers", "swag", "one-dict", "networks", "number", "empty"],
)
@pytest.mark.usefixtures("as_users_call")
def test_samples_that_do_not_fit_are_refused(samples: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        WeightSamples(network(), samples, SHAPE)


# --- the judge, and the checks -----------------------------------------------------------------


def test_a_deployed_ensemble_is_judged_by_its_exact_mean() -> None:
    nets, x = [network() for _ in range(5)], torch.rand(6, *SHAPE)
    y = torch.stack([net(x).softmax(-1) for net in nets]).mean(0).argmax(-1)
    y[0] = (y[0] + 1) % CLASSES
    classifier = Ensemble(nets, SHAPE)
    A, _ = disjoint_members(classifier, attack=2, inference=3, seed=0)
    everyone = all_members(classifier)
    result = pyrosnn.evaluate(
        classifier, x, y, attack=FGM(strength=0.3), attack_samples=A, inference_samples=everyone
    )
    assert result["clean_correct"].values.squeeze().tolist() == [False, *[True] * 5]
    white_box = all_members(classifier, stream="attack")
    attack = FGM(strength=0.3, loss="cross-entropy")
    delta = attack(classifier, x, y, white_box).perturbation
    point = x.clone().requires_grad_()
    mean = torch.stack([net(point).softmax(-1) for net in nets]).mean(0)
    (gradient,) = torch.autograd.grad(nn.functional.nll_loss(mean.log(), y), point)
    cosine = torch.cosine_similarity(delta.flatten(1), gradient.flatten(1))
    assert float(cosine.min()) > 0.999


def few(sizes: tuple[int, int]) -> dict[str, Any]:
    """Two members, images with the labels that they predict, and an attack."""
    x = torch.rand(12, *SHAPE)
    classifier = Ensemble([network() for _ in range(2)], SHAPE)
    y = replay_logits(classifier, x, all_members(classifier)).mean(0).argmax(-1)
    attack_samples, inference_samples = sizes
    return {
        "classifier": classifier,
        "x": x,
        "y": y,
        "attack": FGM(strength=0.1),
        "attack_samples": attack_samples,
        "inference_samples": inference_samples,
    }


@pytest.mark.parametrize("sizes", [(10, 30), (1, 1), (2, 2)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_few_members_are_drawn_with_replacement(sizes: tuple[int, int], seed: int) -> None:
    trial = Trial(**few(sizes), seed=seed)
    shared = disjoint_samples(trial)
    assert shared.status == "pass"
    assert shared.value is not None
    assert ("few, drawn with replacement" in shared.message) == (shared.value > 0)
    assert random_outputs(trial).status == "pass"


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(10, 30), (1, 1)])
def test_few_members_fail_no_check(sizes: tuple[int, int]) -> None:
    found = pyrosnn.check_model(**few(sizes))
    by_name = {finding.name: finding for finding in found}
    assert by_name["disjoint-samples"].status == "pass"
    assert by_name["own-samples"].status != "fail"


@pytest.mark.parametrize(
    ("same", "status"), [((0, 1, 2), "fail"), ((0, 1), "warn"), ((), "skipped")]
)
def test_sets_that_are_the_same_by_chance_are_no_failure(
    same: tuple[int, ...], status: str
) -> None:
    """Few members may all be in A as often as in I: then cosines are 1, in such a repeat alone."""
    setting = few((2, 2))
    parts = []
    for repeat in range(3):
        members = (torch.tensor([0, 1]), torch.tensor([0, 1] if repeat in same else [1, 1]))
        A, other = (
            SampleSet(
                origin=Origin(seed=0, stream=stream, repeat=repeat, stop=2),
                stored={"member": chosen.unsqueeze(1)},
            )
            for stream, chosen in zip(("attack", "inference"), members, strict=True)
        )
        values = pyrosnn.evaluate(
            *(setting[name] for name in ("classifier", "x", "y")),
            attack=FGM(strength=0.1, loss="margin"),
            attack_samples=A,
            inference_samples=other,
        )
        parts.append(values)
    spec = {"attack": "fgm", "norm": "l2", "loss": "margin", "gradient": "mean_prediction"}
    result = make_result(combine_repeats(parts), study="mine", spec=spec, provenance={})
    found = own_samples(result)
    assert found.status == status
    assert ("not in every repeat" in found.message) == (status == "warn")


@pytest.mark.slow
def test_few_members_keep_the_contract() -> None:
    nets = [network() for _ in range(2)]
    check_contract(Ensemble([*nets, copy.deepcopy(nets[0])], SHAPE))
