"""Any stochastic module: its draws are found, and replayed with the module's own distribution."""

import copy
import pickle
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.adapted import SHAPE, Bayesian, network
from support.modules import (
    REPLAYED,
    Apply,
    Branches,
    ComputedAgain,
    Members,
    Noise,
    NoiseInBuffer,
    RandomWeights,
    Remembers,
    flat,
)
from torch import Tensor, nn

import pyrosnn
from pyrosnn.adapters import MCDropout, SeededModule, Stochastic, all_members, disjoint_members
from pyrosnn.errors import ArgumentError, NotStochasticError, PyrosnnWarning
from pyrosnn.sampling import draw_sample_set, predict, replay_logits
from pyrosnn.testing import check_contract

# Standard deviations of a mean of NUM_SAMPLES that another may be off: one of 10,000 seeds would
# fail for each of a module's nine logits. The seed is fixed.
LEVEL = 4.5
NUM_SAMPLES = 1000


def made(name: str) -> tuple[nn.Module, Stochastic]:
    torch.manual_seed(0)
    module = REPLAYED[name][0]()
    if name == "remembers":
        module(torch.rand(2, *SHAPE))
    return module, Stochastic(module, SHAPE)


def own_draws(module: nn.Module, x: Tensor, number: int, *, training: bool) -> Tensor:
    """Call a module again and again, in the mode that has its noise."""
    module = module.train(training)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checkpoints without gradients
        return torch.stack([module(x.clone()) for _ in range(number)])


@pytest.mark.statistical
@pytest.mark.parametrize("name", list(REPLAYED))
def test_samples_have_the_modules_own_distribution(name: str) -> None:
    module, classifier = made(name)
    assert classifier.replay == (REPLAYED[name][1] or classifier.replay)
    x = torch.rand(3, *SHAPE)
    mine = replay_logits(
        classifier, x, draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="mine")
    )
    theirs = own_draws(module, x, NUM_SAMPLES, training=name != "evaluation-noise")
    error = ((mine.var(0) + theirs.var(0)) / NUM_SAMPLES).sqrt() + 1e-6
    assert float(((mine.mean(0) - theirs.mean(0)).abs() / error).max()) < LEVEL
    # the error of a standard deviation, for the heavier tails of products
    assert torch.allclose(mine.std(0), theirs.std(0), rtol=0.25, atol=1e-3)


@pytest.mark.parametrize("name", list(REPLAYED))
def test_all_samples_at_once_are_the_samples_one_by_one(name: str) -> None:
    _, classifier = made(name)
    x = torch.rand(3, *SHAPE)
    samples = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    whole = classifier.logits(x, samples.tensors)
    for s in range(4):
        one = classifier.logits(x, samples[s : s + 1].tensors)
        assert torch.allclose(one[0], whole[s], atol=1e-5)
    own = x.expand(4, *x.shape)
    assert torch.allclose(classifier.logits(own, samples.tensors), whole, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(REPLAYED))
def test_the_contract_is_kept(name: str) -> None:
    check_contract(made(name)[1])


@pytest.mark.parametrize("name", ["rounded", "recurrent", "attention", "gamma"])
def test_what_has_no_forward_mode_is_evaluated(name: str) -> None:
    _, classifier = made(name)
    x, y = torch.rand(4, *SHAPE), torch.tensor([0, 1, 2, 0])
    a, i = pyrosnn.disjoint_sample_sets(classifier, x, attack=2, inference=3, seed=0)
    result = pyrosnn.evaluate(
        classifier, x, y, attack=pyrosnn.FGM(strength=0.3), attack_samples=a, inference_samples=i
    )
    assert bool(result["cosine"].notnull().all())


def test_a_training_mode_only_noise_is_taken_by_mc_dropout_too() -> None:
    module = network(nn.Dropout(0.05), Noise(1.0, only=True))
    assert [draw.place for draw in MCDropout(module, SHAPE).draws.values()] == ["3", "4"]


class WithNorm(nn.Module):
    """Batch norm beside noise that training mode alone has."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.noise, self.rest = nn.BatchNorm2d(1), Noise(0.3, only=True), network()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.rest(self.noise(self.norm(x)))
        return logits


def test_parts_that_draw_nothing_are_in_evaluation_mode() -> None:
    module = WithNorm()
    classifier = Stochastic(module, SHAPE)
    x = torch.rand(5, *SHAPE)
    samples = draw_sample_set(classifier, x, 2, seed=0, stream="attack")
    first = replay_logits(classifier, x, samples)
    assert torch.allclose(
        replay_logits(classifier, x[:1], samples.for_examples(torch.tensor([0]))), first[:, :1],
        atol=1e-6,
    )  # fmt: skip
    assert module.training
    assert float(module.norm.running_mean.abs().sum()) == 0  # type: ignore[union-attr]


def test_noise_of_both_modes_must_be_chosen() -> None:
    module = network(nn.Dropout(0.3), Noise())
    with pytest.raises(ArgumentError, match=r"randn_like in 4.*bernoulli in 3.*mode='evaluation'"):
        Stochastic(module, SHAPE)
    for mode, places in (("evaluation", ["4"]), ("training", ["3", "4"])):
        draws = Stochastic(module, SHAPE, mode=mode).draws
        assert [draw.place for draw in draws.values()] == places


def test_a_modules_own_modes_are_kept_and_what_they_leave_out_is_named() -> None:
    module = network(nn.Dropout(0.3), Noise(0.3, only=True)).eval()
    module[3].train()
    with pytest.warns(PyrosnnWarning, match="randn_like in 4; mode='training' takes it"):
        classifier = Stochastic(module, SHAPE)
    assert list(classifier.draws) == ["bernoulli_0"]


@pytest.mark.slow
def test_what_draws_by_chance_is_replayed_by_seeds_and_says_so() -> None:
    with pytest.warns(PyrosnnWarning, match=r"seeds, one image and sample .* ms each"):
        classifier = Stochastic(Branches(), SHAPE)
    assert classifier.replay == "seeds"
    check_contract(classifier)


def test_images_that_share_their_noise_are_seeded_as_a_batch() -> None:
    with pytest.warns(PyrosnnWarning, match="seeds, one sample at a time"):
        classifier = Stochastic(Apply(lambda x: x * np.random.rand()), SHAPE)
    x = torch.rand(3, *SHAPE)
    samples = draw_sample_set(classifier, x, 2, seed=0, stream="attack")
    assert samples.tensors["seed"].shape[:2] == (2, 1)


def gamma(x: Tensor) -> Tensor:
    drawn: Tensor = torch.distributions.Gamma(x + 1, 1.0).sample()
    return drawn


@pytest.mark.parametrize("draw", [lambda x: torch.poisson(x + 1), gamma])
def test_laws_that_depend_on_the_image_are_replayed_by_seeds(draw: Callable[[Tensor], Any]) -> None:
    with pytest.warns(PyrosnnWarning, match="depends on the image"):
        classifier = Stochastic(Apply(lambda x: x + draw(x)), SHAPE)
    assert classifier.replay == "seeds"


def test_a_path_that_is_not_right_is_refused_with_the_reason() -> None:
    with pytest.raises(ArgumentError, match=r"replay='batch'.*shared by all images"):
        Stochastic(flat(RandomWeights(16, 3)), SHAPE, replay="batch")
    with pytest.raises(ArgumentError, match="unknown replay 'vamp'; did you mean 'vmap'"):
        Stochastic(network(nn.Dropout(0.3)), SHAPE, replay="vamp")
    with pytest.raises(ArgumentError, match="unknown mode"):
        Stochastic(network(nn.Dropout(0.3)), SHAPE, mode="eval")


def test_masks_may_be_shared_by_all_images() -> None:
    classifier = Stochastic(network(nn.Dropout(0.4)), SHAPE, per_example=False)
    x = torch.rand(1, *SHAPE).expand(5, *SHAPE)
    samples = draw_sample_set(classifier, x, 6, seed=0, stream="attack")
    assert samples.tensors["bernoulli_0"].shape[:2] == (6, 1)
    logits = replay_logits(classifier, x, samples)
    assert torch.allclose(logits, logits[:, :1].expand_as(logits), atol=1e-6)


@pytest.mark.parametrize("members_first", [True, False])
def test_members_along_the_axis_of_images(members_first: bool) -> None:
    module = Members(members_first)
    classifier = Stochastic(module, SHAPE)
    x = torch.rand(3, *SHAPE)
    with torch.no_grad():
        every = module.out(x.flatten(1) * module.factors)
    mean = predict(classifier, x, all_members(classifier)).log_probs.exp()
    assert torch.allclose(mean, every.softmax(-1).mean(0).double(), atol=1e-6)
    a, i = disjoint_members(classifier, attack=1, inference=3, seed=0)
    assert torch.allclose(
        replay_logits(classifier, x, a)[0], every[int(a.tensors["member"])], atol=1e-6
    )
    assert len(i) == 3
    check_contract(classifier)


def votes(logits: Tensor) -> Tensor:
    return nn.functional.one_hot(logits.argmax(-1), 3).float()


class Parts(nn.Module):
    """Returns what it is told to make of the logits."""

    def __init__(self, of: Callable[[Tensor], Any], classes: int = 3):
        super().__init__()
        self.of = of
        self.rest = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(16, classes))

    def forward(self, x: Tensor) -> Any:
        return self.of(self.rest(x))


@pytest.mark.parametrize(
    ("of", "options"),
    [
        (lambda z: {"logits": z, "hidden": z.sum(1)}, {}),
        (lambda z: (z, z.sum()), {}),
        (lambda z: (z, 2 * z), {"part": 0}),
        (lambda z: {"a": 2 * z, "b": z}, {"part": "b"}),
        (lambda z: z.log_softmax(-1), {}),
        (lambda z: z.softmax(-1), {"returns": "probs"}),
        (lambda z: z.softmax(-1).clamp(1e-6, 1 - 1e-6), {"returns": "probs"}),
    ],
)  # fmt: skip
def test_logits_are_found_in_what_a_module_returns(
    of: Callable[[Tensor], Any], options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    plain = Parts(lambda z: z)
    other = copy.deepcopy(plain)
    other.of = of
    x = torch.rand(4, *SHAPE)
    means = []
    for module, more in ((plain, {}), (other, options)):
        classifier = Stochastic(module, SHAPE, **more)
        samples = draw_sample_set(classifier, x, 5, seed=0, stream="mine")
        means.append(replay_logits(classifier, x, samples).softmax(-1))
    assert torch.allclose(means[0], means[1], atol=1e-5)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_logit_is_that_of_the_second_of_two_classes(shape: tuple[int, ...]) -> None:
    module = Parts(lambda z: z.reshape(shape), classes=1)
    classifier = Stochastic(module, SHAPE)
    x = torch.rand(4, *SHAPE)
    logits = replay_logits(classifier, x, draw_sample_set(classifier, x, 3, seed=0, stream="mine"))
    assert classifier.num_classes == 2
    assert float(logits[..., 0].abs().max()) == 0
    assert float(logits[..., 1].std()) > 0


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (lambda z: (z, 2 * z), r"tuple \(0: \(2, 3\), 1: \(2, 3\)\).*part=…"),
        (lambda z: z.sigmoid(), "lie in .0, 1., as scores of a sigmoid"),
        (lambda z: z.softmax(-1), "returns probabilities, expected logits"),
        (votes, "probabilities.*returns='probs'"),
        (lambda z: "a text", "returned a str, expected a tensor"),
        (lambda z: z[:, :, None], "expected logits of shape"),
        (lambda z: z[:1], "expected logits of shape"),
        (lambda z: z.argmax(-1), "returned torch.int64, expected logits in floating point"),
        (lambda z: z.repeat(4, 1), "draws several samples itself, wrap the module within"),
    ],
)  # fmt: skip
def test_what_is_no_logits_is_refused(of: Callable[[Tensor], Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as error:
        Stochastic(Parts(of), SHAPE)
    assert len(str(error.value).splitlines()) == 1


def test_small_logits_are_no_scores() -> None:
    classifier = Stochastic(Parts(lambda z: 0.3 + 0.01 * z), SHAPE)
    assert classifier.num_classes == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (network, NotStochasticError, "draws no random numbers, in evaluation mode and in train"),
        (lambda: network(nn.Dropout(0.0)), NotStochasticError, "draws no random numbers"),
        (Bayesian, ArgumentError, r"pyro.sample.*PyroClassifier\(model, guide"),
        (lambda: Apply(lambda x: x[torch.randperm(len(x))]), ArgumentError, "permutes the images"),
        (lambda: Apply(lambda x: torch.rand(1) * x - x.mean()), ArgumentError, "other images"),
        (lambda: Apply(ComputedAgain.apply), ArgumentError, "draws anew while gradients go back"),
        (lambda: nn.LazyLinear(3), ArgumentError, "call the module on images first"),
        (lambda: lambda x: x, ArgumentError, "expected a torch.nn.Module, got function"),
        (lambda: nn.Linear, ArgumentError, "got the class Linear"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("as_users_call")
def test_what_is_no_stochastic_classifier_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Stochastic(make(), SHAPE)


class Locked(nn.Module):
    """Holds a lock, which cannot be copied, and counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.passes, self.seen = threading.Lock(), 0, list[Tensor]()
        self.layers = nn.Sequential(flat(NoiseInBuffer(16, 8)), nn.Dropout(0.3), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        self.seen.append(x)
        logits: Tensor = self.layers(x) + self.passes
        return logits


def test_a_module_that_cannot_be_copied_is_run_and_put_back() -> None:
    module = Locked()
    state = copy.deepcopy(module.state_dict())
    modes = [part.training for part in module.modules()]
    with pytest.warns(PyrosnnWarning, match="cannot be copied"):
        classifier = Stochastic(module, SHAPE, mode="training")
    assert classifier.module is module
    assert all(parameter.requires_grad for parameter in module.parameters())
    check_contract(classifier)
    assert (module.passes, len(module.seen)) == (0, 0)
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert not torch.is_autocast_enabled("cpu")


class Hooked(nn.Module):
    """Writes noise into its weights in a hook that refers to them."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(16, 3)
        weight = self.last.weight.detach().clone()

        def disturb(part: nn.Module, inputs: Any) -> None:
            self.last.weight.data = weight + 0.5 * torch.randn_like(weight)

        self.last.register_forward_pre_hook(disturb)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(x.flatten(1))
        return logits


def test_hooks_that_refer_to_the_module_leave_it_as_it_is() -> None:
    module = Hooked()
    before = module.last.weight.detach().clone()
    with pytest.warns(PyrosnnWarning, match="hooks refer to its own parts"):
        classifier = Stochastic(module, SHAPE)
    x = torch.rand(2, *SHAPE)
    samples = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
    assert float(replay_logits(classifier, x, samples).std(0).min()) > 0
    assert torch.equal(module.last.weight, before)


# What no two passes of pyrosnn would tell: the module's own draws are the measure.
@pytest.mark.statistical
@pytest.mark.filterwarnings("ignore::pyrosnn.errors.PyrosnnWarning")
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * int(torch.randint(0, int(torch.randint(1, 9, (1,))), (1,))),
        lambda x: x * torch.poisson(10 * torch.rand(x.shape)),
        lambda x: (0 * x if np.random.rand() < 0.2 else x) + 0.1 * torch.randn_like(x),
        lambda x: x + 0.1 * torch.randn(1) + torch.randn(16, generator=SEEDED()).reshape(SHAPE),
        lambda x: (torch.fft.fft2(x) + torch.randn(x.shape, dtype=torch.cfloat)).real,
    ],
    ids=["bounds-drawn", "law-drawn", "numpy-too", "seeded-constant", "complex"],
)
def test_noise_beside_what_is_seen_is_not_lost(function: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    module, x = Apply(function), torch.rand(2, *SHAPE)
    classifier = Stochastic(module, SHAPE)
    mine = replay_logits(classifier, x, draw_sample_set(classifier, x, 600, seed=0, stream="mine"))
    theirs = own_draws(module, x, 600, training=True)
    error = ((mine.var(0) + theirs.var(0)) / 600).sqrt()
    assert float(((mine.mean(0) - theirs.mean(0)).abs() / error).max()) < LEVEL
    assert float((mine.std(0) / theirs.std(0)).log().abs().max()) < 0.25


def SEEDED() -> torch.Generator:
    """A generator that is the same in every pass."""
    return torch.Generator().manual_seed(0)


def straight_through(x: Tensor) -> Tensor:
    with torch.no_grad():
        rest = (4 * x).round() / 4 - x
    return x + rest


def test_derivatives_are_those_of_the_gradient_where_forward_mode_differs() -> None:
    classifier = Stochastic(Apply(straight_through, network(nn.Dropout(0.4))), SHAPE)
    check_contract(classifier)


class Keeps(nn.Module):
    """Draws an embedding in its first pass."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = network(Noise())

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "embedding"):
            self.embedding = torch.randn(1)
        logits: Tensor = self.rest(x + self.embedding)
        return logits


def test_numbers_that_are_drawn_once_are_no_noise() -> None:
    module = Keeps()
    with pytest.raises(ArgumentError, match="call it on a batch of images before it is wrapped"):
        Stochastic(module, SHAPE)
    module(torch.rand(2, *SHAPE))
    assert list(Stochastic(module, SHAPE).draws) == ["normal_0"]


def flipped(x: Tensor) -> Tensor:
    return x.flatten(1)[:, torch.randperm(16)]


@pytest.mark.parametrize("make", [lambda: network(nn.Dropout(0.4)), lambda: Apply(flipped)])
def test_a_classifier_travels_to_other_processes(make: Callable[[], nn.Module]) -> None:
    classifier, x = Stochastic(make(), SHAPE), torch.rand(2, *SHAPE)
    again = pickle.loads(pickle.dumps(classifier))
    logits = [
        replay_logits(c, x, draw_sample_set(c, x, 3, seed=0, stream="mine"))
        for c in (classifier, again)
    ]
    assert torch.equal(*logits)


def test_a_probability_is_that_of_the_second_class() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(Noise(), nn.Flatten(), nn.Linear(16, 1), nn.Sigmoid())
    classifier, x = Stochastic(module, SHAPE, returns="probs"), torch.rand(2, *SHAPE)
    samples = draw_sample_set(classifier, x, 2000, seed=0, stream="mine")
    mine = replay_logits(classifier, x, samples).softmax(-1)[..., 1]
    theirs = own_draws(module, x, 2000, training=True)[..., 0]
    assert torch.allclose(mine.mean(0), theirs.mean(0), atol=4.5 * float(theirs.std()) / 30)


def test_two_samples_in_one_graph_keep_their_draws() -> None:
    """A buffer that is drawn into must not overwrite what an earlier graph remembers."""
    classifier = Stochastic(flat(NoiseInBuffer(16, 3)), SHAPE, replay="loop")
    x = torch.rand(2, *SHAPE).requires_grad_()
    samples = draw_sample_set(classifier, x, 2, seed=0, stream="attack")
    together = torch.autograd.grad(classifier.logits(x, samples.tensors).square().sum(), x)[0]
    apart = sum(
        torch.autograd.grad(classifier.logits(x, samples[s : s + 1].tensors).square().sum(), x)[0]
        for s in range(2)
    )
    assert torch.allclose(together, torch.as_tensor(apart), atol=1e-5)


def test_bfloat16_is_evaluated() -> None:
    classifier = Stochastic(network(nn.Dropout(0.4)).bfloat16(), SHAPE)
    x, y = torch.rand(4, *SHAPE).bfloat16(), torch.tensor([0, 1, 2, 0])
    a, i = pyrosnn.disjoint_sample_sets(classifier, x, attack=2, inference=3, seed=0)
    result = pyrosnn.evaluate(
        classifier, x, y, attack=pyrosnn.FGM(strength=0.3), attack_samples=a, inference_samples=i
    )
    assert result["perturbation_norm"].dtype == "float32"


def test_the_callers_autocast_changes_nothing() -> None:
    classifier = Stochastic(network(nn.Dropout(0.4)), SHAPE)
    x = torch.rand(4, *SHAPE)
    samples = draw_sample_set(classifier, x, 2, seed=0, stream="attack")
    plain = replay_logits(classifier, x, samples)
    with torch.autocast("cpu"):
        assert torch.equal(replay_logits(classifier, x, samples), plain)


def test_a_generator_of_the_modules_own_gives_way_to_the_sample() -> None:
    own = torch.Generator().manual_seed(1)
    module = Apply(lambda x: x + torch.randn(x.shape, generator=own))
    state = own.get_state()
    classifier = Stochastic(module, SHAPE)
    x = torch.rand(2, *SHAPE)
    samples = draw_sample_set(classifier, x, 2, seed=0, stream="attack")
    first = replay_logits(classifier, x, samples)
    own.set_state(state)
    assert torch.equal(replay_logits(classifier, x, samples), first)


@pytest.mark.slow
def test_seeds_and_sites_agree() -> None:
    """The two ways have one distribution: means of 1,000 samples, at 4.5 standard deviations."""
    torch.manual_seed(0)
    module, x = network(nn.Dropout(0.4), Noise()).train(), torch.rand(1, *SHAPE)
    logits = [
        replay_logits(c, x, draw_sample_set(c, x, 1000, seed=0, stream="mine"))[:, 0]
        for c in (Stochastic(module, SHAPE, mode="training"), SeededModule(module, SHAPE))
    ]
    error = ((logits[0].var(0) + logits[1].var(0)) / 1000).sqrt()
    assert float(((logits[0].mean(0) - logits[1].mean(0)).abs() / error).max()) < LEVEL


def test_remembered_tensors_are_copied_by_value() -> None:
    module = flat(Remembers(16, 3))
    module(torch.rand(2, *SHAPE))
    assert Stochastic(module, SHAPE).module is not module
