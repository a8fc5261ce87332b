"""Pyro as people use it: labels, samples of MCMC, plates, flows, bound methods, live modules."""

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO, autoguide
from pyro.nn import PyroModule, PyroSample
from pyro.optim import PyroOptim
from support.adapted import CLASSES, SHAPE, Bayesian, Noisy, weight_guide, weight_model
from torch import Tensor, nn
from torch.nn import functional as F

import pyrosnn
from pyrosnn.adapters import PyroClassifier, all_members, disjoint_members
from pyrosnn.adapters.pyro_program import draws_with_pyro
from pyrosnn.errors import ArgumentError, resolve
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set, replay_logits
from pyrosnn.testing import GUARANTEES, check_contract

NUM_TRAINING = 20
WEIGHTS = torch.randn(7, 16, CLASSES, generator=torch.Generator().manual_seed(3))


@pytest.fixture(autouse=True)
def empty_store() -> Any:
    """Leave no parameters behind, as every test must."""
    yield
    pyro.clear_param_store()


def prior(*shape: int) -> Any:
    return dist.Normal(torch.zeros(shape), 1.0).to_event(len(shape))


def drawn_weights(*shape: int) -> Callable[..., None]:
    """A guide of trained weights of this shape."""

    def guide(x: Tensor, y: Tensor | None = None) -> None:
        pyro.sample("w", dist.Normal(torch.zeros(shape), 0.3).to_event(len(shape)))

    return guide


def train(model: Any, guide: Any, y: Tensor | None = None) -> None:
    x = torch.rand(NUM_TRAINING, *SHAPE)
    y = torch.arange(NUM_TRAINING) % CLASSES if y is None else y
    svi = SVI(model, guide, PyroOptim(torch.optim.Adam, {"lr": 0.1}), Trace_ELBO())
    for _ in range(3):
        svi.step(x, y)


def logits_of(classifier: StochasticClassifier, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Draw a few samples; return them and their logits."""
    samples = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    return dict(samples.tensors), replay_logits(classifier, x, samples)


# --- labels ------------------------------------------------------------------------------------


def two_classes(law: Callable[[Tensor], Any]) -> Callable[..., None]:
    """A logistic regression."""

    def model(x: Tensor, y: Tensor | None = None) -> None:
        z = x.flatten(1) @ pyro.sample("w", prior(16))
        with pyro.plate("data", len(x)):
            pyro.sample("obs", law(z), obs=y)

    return model


@pytest.mark.parametrize(
    "law",
    [
        lambda z: dist.Bernoulli(logits=z),
        lambda z: dist.Bernoulli(probs=z.sigmoid()),
        lambda z: dist.Bernoulli(logits=z.unsqueeze(1)).to_event(1),
        lambda z: dist.Bernoulli(logits=z).mask(torch.tensor(True)),
        lambda z: dist.Binomial(1, logits=z),
    ],
    ids=["logits", "probs", "event", "masked", "binomial"],
)
def test_a_bernoulli_label_is_two_classes(law: Callable[[Tensor], Any]) -> None:
    x = torch.rand(5, *SHAPE)
    classifier = PyroClassifier(two_classes(law), drawn_weights(16), SHAPE)
    sites, logits = logits_of(classifier, x)
    z = sites["w"].squeeze(1) @ x.flatten(1).T
    assert classifier.num_classes == 2
    torch.testing.assert_close(logits, torch.stack([torch.zeros_like(z), z], -1))


@pytest.mark.slow
def test_the_contract_holds_for_two_classes() -> None:
    model = two_classes(lambda z: dist.Bernoulli(logits=z))
    check_contract(PyroClassifier(model, drawn_weights(16), SHAPE))


def test_several_labels_of_an_image_are_no_classes() -> None:
    def model(x: Tensor, y: Tensor | None = None) -> None:
        logits = x.flatten(1) @ pyro.sample("w", prior(16, CLASSES))
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Bernoulli(logits=logits).to_event(1), obs=y)

    with pytest.raises(ArgumentError, match="one Bernoulli label of each image"):
        PyroClassifier(model, drawn_weights(16, CLASSES), SHAPE, logits="obs")


def test_one_hot_labels() -> None:
    def model(x: Tensor, y: Tensor | None = None) -> None:
        logits = x.flatten(1) @ pyro.sample("w", prior(16, CLASSES))
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.OneHotCategorical(logits=logits), obs=y)

    guide = autoguide.AutoNormal(model)
    train(model, guide, F.one_hot(torch.arange(NUM_TRAINING) % CLASSES, CLASSES).float())
    x = torch.rand(5, *SHAPE)
    sites, logits = logits_of(PyroClassifier(model, guide, SHAPE), x)
    expected = x.flatten(1) @ sites["w"].squeeze(1)
    torch.testing.assert_close(logits.log_softmax(-1), expected.log_softmax(-1))


def test_a_regression_is_no_classifier() -> None:
    model = two_classes(lambda z: dist.Normal(z, 1.0))
    with pytest.raises(ArgumentError, match="does not draw 'obs', which the model does; it draws"):
        PyroClassifier(model, drawn_weights(16), SHAPE)


def test_hidden_labels_leave_the_random_state() -> None:
    """Labels that are hidden from pyrosnn are drawn; no output depends on them."""

    def model(x: Tensor, y: Tensor | None = None) -> Tensor:
        logits = x.flatten(1) @ pyro.sample("w", prior(16, CLASSES))
        pyro.sample("obs", dist.Categorical(logits=logits).to_event(1), obs=y)
        return logits

    hidden = poutine.block(model, hide=["obs"])
    classifier = PyroClassifier(hidden, drawn_weights(16, CLASSES), SHAPE)
    assert classifier.vectorised
    x, state = torch.rand(5, *SHAPE), torch.get_rng_state()
    logits_of(classifier, x)
    assert torch.equal(torch.get_rng_state(), state)


# --- samples of a posterior --------------------------------------------------------------------


class Mcmc:
    """What MCMC of Pyro and of NumPyro have in common."""

    def __init__(self, samples: dict[str, Any]) -> None:
        self._samples = samples

    def get_samples(self) -> dict[str, Any]:
        return self._samples


class FromElsewhere:
    """An array of another library, such as JAX."""

    def __init__(self, values: Tensor) -> None:
        self._values = values.numpy()

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return self._values


class OnADevice:
    """An array that numpy cannot read."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("on a device")

    def __dlpack__(self, **options: Any) -> Any:
        return self._values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._values.__dlpack_device__()


@pytest.mark.parametrize(
    "samples",
    [
        {"w": WEIGHTS},
        {"w": WEIGHTS.double().numpy(), "logits": np.zeros(3)},  # beside a deterministic site
        {"w": FromElsewhere(WEIGHTS)},
        {"w": OnADevice(WEIGHTS)},
        Mcmc({"w": WEIGHTS}),
        {"w": torch.cat([WEIGHTS, WEIGHTS[:1]]).unflatten(0, (2, 4))},  # two chains
    ],
    ids=["tensor", "numpy", "array", "dlpack", "mcmc", "chains"],
)
def test_samples_of_mcmc_are_a_posterior(samples: Any) -> None:
    x = torch.rand(5, *SHAPE)
    classifier = PyroClassifier(weight_model, samples, SHAPE)
    sites, logits = logits_of(classifier, x)
    torch.testing.assert_close(
        logits.log_softmax(-1), (x.flatten(1) @ sites["w"].squeeze(1)).log_softmax(-1)
    )
    for value in sites["w"].squeeze(1):
        assert (value == WEIGHTS).flatten(1).all(1).any()
    everyone = all_members(classifier)
    assert len(everyone) == classifier.num_members
    assert torch.equal(everyone.tensors["w"].squeeze(1)[:7], WEIGHTS)


def test_all_samples_are_drawn_equally_often() -> None:
    classifier = PyroClassifier(weight_model, {"w": WEIGHTS}, SHAPE)
    drawn = draw_sample_set(classifier, torch.rand(2, *SHAPE), 700, seed=0, stream="attack")
    which = (drawn.tensors["w"] == WEIGHTS).flatten(2).all(-1).double().argmax(1)
    counts = torch.bincount(which, minlength=7)
    assert float(((counts - 100) ** 2 / 100).sum()) < 22.5  # χ² of 6 degrees: 0.1 %


def test_the_posterior_is_split_between_attacker_and_judge() -> None:
    classifier = PyroClassifier(weight_model, {"w": WEIGHTS}, SHAPE)
    A, other = disjoint_members(classifier, attack=3, inference=4, seed=0)
    both = torch.cat([A.tensors["w"], other.tensors["w"]]).squeeze(1)
    torch.testing.assert_close(both.sum(0), WEIGHTS.sum(0))


@pytest.mark.slow
def test_the_contract_holds_for_samples() -> None:
    check_contract(PyroClassifier(weight_model, {"w": WEIGHTS}, SHAPE))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"v": WEIGHTS}, "the samples are of v, expected those of the model: w"),
        ({"w": WEIGHTS[:1]}, "at least two samples of the posterior, got 1"),
        ({"w": WEIGHTS[0]}, r"'w' have shape \(16, 3\), expected \(sample, 16, 3\)"),
        ({"w": WEIGHTS / 0}, "NaN or infinite; leave out the draws that diverged"),
        ({"w": "many"}, r"the samples of 'w' are a str .* expected an array"),
        ({}, "the samples are of no site"),
        (3, "a guide or a dict of samples; got function and int"),
    ],
    ids=["name", "one", "shape", "nan", "text", "empty", "number"],
)
@pytest.mark.usefixtures("as_users_call")
def test_samples_that_do_not_fit_are_refused(samples: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        PyroClassifier(weight_model, samples, SHAPE)


def test_a_guide_has_no_members() -> None:
    classifier = PyroClassifier(weight_model, drawn_weights(16, CLASSES), SHAPE)
    with pytest.raises(ArgumentError, match="got a PyroClassifier without"):
        all_members(classifier)


# --- latent sites of images, and minibatches ---------------------------------------------------


def with_latents(size: Callable[[Tensor], dict[str, Any]]) -> Callable[..., None]:
    """A model with a latent value for each image, of a scale that is learned."""

    def model(x: Tensor, y: Tensor | None = None) -> None:
        scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
        with pyro.plate("data", **size(x)):
            e = pyro.sample("e", dist.Normal(torch.zeros(CLASSES), scale).to_event(1))
            logits = x.flatten(1)[:, :CLASSES] + e
            pyro.sample("obs", dist.Categorical(logits=logits), obs=y)

    return model


@pytest.mark.parametrize(
    "size",
    [
        lambda x: {"size": len(x)},
        lambda x: {"size": 100, "subsample": x},
        lambda x: {"size": 100, "subsample_size": len(x)},
    ],
    ids=["whole", "subsample", "subsample-size"],
)
@pytest.mark.parametrize("guide_name", ["AutoNormal", "AutoDiagonalNormal"])
def test_latents_of_images_come_from_their_prior(
    size: Callable[[Tensor], dict[str, Any]], guide_name: str
) -> None:
    model = with_latents(size)
    if guide_name == "AutoDiagonalNormal" and "subsample_size" in size(torch.rand(2)):
        return  # Pyro's guide cannot be trained on minibatches of other images
    guide = getattr(autoguide, guide_name)(model)
    train(model, guide)
    classifier = PyroClassifier(model, guide, SHAPE)
    assert classifier.from_prior == ["e"]
    assert classifier.per_example
    x = torch.rand(300, *SHAPE)
    sites, logits = logits_of(classifier, x)
    torch.testing.assert_close(
        logits.log_softmax(-1), (x.flatten(1)[:, :CLASSES] + sites["e"]).log_softmax(-1)
    )
    standard = sites["e"] / sites["scale"].unsqueeze(-1)
    spread = standard.flatten(1).std(1)
    assert float((spread - 1).abs().max()) < 4 / np.sqrt(2 * 900)
    with pytest.raises(ArgumentError, match="expected a classifier with members"):
        all_members(classifier)


@pytest.mark.slow
def test_samples_hold_latents_of_the_training_images() -> None:
    model = with_latents(lambda x: {"size": len(x)})
    samples = {"scale": torch.rand(9) + 1, "e": torch.zeros(9, NUM_TRAINING, CLASSES)}
    classifier = PyroClassifier(model, samples, SHAPE)
    assert classifier.from_prior == ["e"]
    with pytest.raises(ArgumentError, match="also draws e for each image"):
        all_members(classifier)
    check_contract(classifier)


def test_a_prior_that_depends_on_the_image_is_refused() -> None:
    def model(x: Tensor, y: Tensor | None = None) -> None:
        pixels = x.flatten(1)[:, :CLASSES]
        with pyro.plate("data", len(x)):
            e = pyro.sample("e", dist.Normal(pixels, 1.0).to_event(1))
            pyro.sample("obs", dist.Categorical(logits=e), obs=y)

    guide = autoguide.AutoNormal(model)
    train(model, guide)
    with pytest.raises(ArgumentError, match="the prior of 'e' depends on the image"):
        PyroClassifier(model, guide, SHAPE)


def minibatch(size: Callable[[Tensor], tuple[int, int]]) -> Callable[..., None]:
    """A model that draws its minibatch itself."""

    def model(x: Tensor, y: Tensor | None = None) -> None:
        logits = x.flatten(1) @ pyro.sample("w", prior(16, CLASSES))
        whole, part = size(x)
        with pyro.plate("data", whole, subsample_size=part) as rows:
            labels = None if y is None else y[rows]
            pyro.sample("obs", dist.Categorical(logits=logits[rows]), obs=labels)

    return model


def test_a_minibatch_of_all_images_is_in_order() -> None:
    model = minibatch(lambda x: (len(x), min(8, len(x))))
    guide = autoguide.AutoNormal(model)
    train(model, guide)
    classifier = PyroClassifier(model, guide, SHAPE)
    x = torch.rand(9, *SHAPE)
    sites, logits = logits_of(classifier, x[:8])
    expected = x[:8].flatten(1) @ sites["w"].squeeze(1)
    torch.testing.assert_close(logits.log_softmax(-1), expected.log_softmax(-1))
    with pytest.raises(ArgumentError, match=r"'data' takes a minibatch of 8 of 9 images, .* all"):
        logits_of(classifier, x)


def test_a_minibatch_of_the_training_images_is_refused() -> None:
    model = minibatch(lambda x: (NUM_TRAINING, 5))
    guide = autoguide.AutoNormal(model)
    train(model, guide)
    with pytest.raises(ArgumentError, match=r"a minibatch of 5 of 20 images.*subsample=x"):
        PyroClassifier(model, guide, SHAPE)


# --- guides ------------------------------------------------------------------------------------


def planar(model: Any) -> Any:
    from pyro.distributions.transforms import iterated, planar

    return autoguide.AutoNormalizingFlow(model, functools.partial(iterated, 2, planar))


@pytest.mark.parametrize(
    "make", [lambda model: autoguide.AutoIAFNormal(model, hidden_dim=[50]), planar]
)
def test_flows_are_guides(make: Callable[[Any], Any]) -> None:
    guide = make(weight_model)
    train(weight_model, guide)
    x = torch.rand(5, *SHAPE)
    classifier = PyroClassifier(weight_model, guide, SHAPE)
    sites, logits = logits_of(classifier, x)
    expected = x.flatten(1) @ sites["w"].squeeze(1)
    torch.testing.assert_close(logits.log_softmax(-1), expected.log_softmax(-1))
    assert float(sites["w"].std(0).min()) > 0
    train(weight_model, guide)
    again, _ = logits_of(copy.deepcopy(classifier), x)
    assert torch.equal(again["w"], sites["w"])


def test_a_guide_without_its_parameters_warns() -> None:
    with pytest.warns(UserWarning, match="store has no mean, scale, so the values are those befo"):
        PyroClassifier(weight_model, weight_guide, SHAPE)
    train(weight_model, weight_guide)
    PyroClassifier(weight_model, weight_guide, SHAPE)  # warnings are errors


def registered(net: nn.Module, *, update: bool) -> Callable[..., None]:
    def model(x: Tensor, y: Tensor | None = None) -> None:
        pyro.module("net", net, update_module_params=update)
        logits = net(x) @ pyro.sample("w", prior(8, CLASSES))
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Categorical(logits=logits), obs=y)

    return model


def features() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh())


def test_a_module_that_is_not_the_stores_warns() -> None:
    net, guide = features(), drawn_weights(8, CLASSES)
    train(registered(net, update=False), guide)
    PyroClassifier(registered(net, update=False), guide, SHAPE)
    with pytest.warns(UserWarning, match=r"other values of net\$\$\$1.weight, .* update_module"):
        PyroClassifier(registered(features(), update=False), guide, SHAPE)
    fresh, x = features(), torch.rand(5, *SHAPE)
    loaded = PyroClassifier(registered(fresh, update=True), guide, SHAPE)
    sites, logits = logits_of(loaded, x)
    expected = net(x).detach() @ sites["w"].squeeze(1)
    torch.testing.assert_close(logits.log_softmax(-1), expected.log_softmax(-1))
    train(registered(net, update=False), guide)
    assert torch.equal(logits_of(loaded, x)[1], logits)


def test_a_site_of_the_plates_name_is_refused() -> None:
    def model(x: Tensor, y: Tensor | None = None) -> Tensor:
        return x.flatten(1) @ pyro.sample("images", prior(16, CLASSES))

    with pytest.raises(ArgumentError, match="rename the site"):
        PyroClassifier(model, {"images": WEIGHTS}, SHAPE)


# --- a trunk that all samples share ------------------------------------------------------------


class LastLayer(PyroModule):
    """A network whose last layer is random, as TyXe makes them."""

    def __init__(self, *, after: float = 1.0) -> None:
        super().__init__()
        layer: Any = PyroModule[nn.Linear]
        self.features, self.last, self.after = features(), layer(8, CLASSES), after
        self.last.weight = PyroSample(prior(CLASSES, 8))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        logits: Tensor = self.last(self.features(x)) * self.after
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Categorical(logits=logits), obs=y)
        return logits


def test_the_network_below_random_layers_is_evaluated_once() -> None:
    model = LastLayer()
    guide = autoguide.AutoNormal(model)
    train(model, guide)
    classifier = PyroClassifier(model, guide, SHAPE)
    x = torch.rand(5, *SHAPE)
    trunk = classifier.trunk()
    assert trunk is not None
    torch.testing.assert_close(trunk(x), model.features(x).detach())
    for name in ("parts", "gradients", "replay", "untouched"):
        resolve(GUARANTEES, name, "guarantee")(classifier, x)
    twin = copy.deepcopy(classifier).double().trunk()
    assert twin is not None
    assert twin(x.double()).dtype == torch.float64


def test_a_network_that_does_more_after_its_random_layers_has_no_trunk() -> None:
    samples = {"last.weight": torch.randn(5, CLASSES, 8)}
    assert PyroClassifier(LastLayer(after=2.0), samples, SHAPE).trunk() is None
    assert PyroClassifier(LastLayer(), samples, SHAPE).trunk() is not None


# --- what training changes later ---------------------------------------------------------------


class Methods(PyroModule):
    """A model and a guide that are methods, with batch norm in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8))
        self.loc = nn.Parameter(torch.randn(8, CLASSES))

    def model(self, x: Tensor, y: Tensor | None = None) -> None:
        logits = self.net(x) @ pyro.sample("w", prior(8, CLASSES))
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Categorical(logits=logits), obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        pyro.sample("w", dist.Normal(self.loc, 0.1).to_event(2))


class Plain:
    """The same as methods of an object that is no module, with its networks in a list."""

    def __init__(self) -> None:
        self.nets = [Methods().net]
        self.net = self.nets[0]

    def model(self, x: Tensor, y: Tensor | None = None) -> None:
        pyro.module("net", self.net)
        logits = self.nets[0](x) @ pyro.sample("w", prior(8, CLASSES))
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Categorical(logits=logits), obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        loc = pyro.param("loc", torch.ones(8, CLASSES))
        pyro.sample("w", dist.Normal(loc, 0.1).to_event(2))


def of_methods(owner: Any) -> tuple[Any, Any, nn.Module]:
    return owner.model, owner.guide, owner.net


def of_a_function() -> tuple[Any, Any, nn.Module]:
    """Functions that refer to a module, under one of Pyro's handlers, with an argument bound."""
    owner = Plain()

    def hidden(net: nn.Module, x: Tensor, y: Tensor | None = None) -> None:
        pyro.module("net", owner.net)
        owner.model(x, y)

    return poutine.scale(functools.partial(hidden, owner.net), scale=0.1), owner.guide, owner.net


GLOBAL = Methods().net


def of_the_file(x: Tensor, y: Tensor | None = None) -> None:
    logits = outputs_of_the_file(x) @ pyro.sample("w", prior(8, CLASSES))
    pyro.module("net", GLOBAL)
    with pyro.plate("data", len(x)):
        pyro.sample("obs", dist.Categorical(logits=logits), obs=y)


def outputs_of_the_file(x: Tensor) -> Tensor:
    logits: Tensor = GLOBAL(x)
    return logits


def of_an_autoguide() -> tuple[Any, Any, nn.Module]:
    owner = Methods()
    return owner.model, autoguide.AutoNormal(owner.model), owner.net


@pytest.mark.parametrize(
    "make",
    [
        lambda: of_methods(Methods()),
        lambda: of_methods(Plain()),
        of_a_function,
        lambda: (of_the_file, drawn_weights(8, CLASSES), GLOBAL),
        of_an_autoguide,
    ],
    ids=["methods", "plain-object", "function", "global", "autoguide"],
)
def test_training_on_changes_nothing(make: Callable[[], tuple[Any, Any, nn.Module]]) -> None:
    model, guide, net = make()
    train(model, guide)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    x = torch.rand(5, *SHAPE)
    classifier = PyroClassifier(model, guide, SHAPE)
    samples = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    logits = replay_logits(classifier, x, samples)
    net.eval()
    expected = net(x).detach() @ samples.tensors["w"].squeeze(1)
    net.train()
    torch.testing.assert_close(logits.log_softmax(-1), expected.log_softmax(-1))
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    twin, before = copy.deepcopy(classifier).double(), classifier.fingerprint()
    assert twin.logits(x.double(), {"w": samples.tensors["w"].double()}).dtype == torch.float64
    train(model, guide)
    with torch.no_grad():
        next(net.parameters()).mul_(
            2
        )  # SVI does not train modules that a method of their owner uses
    assert torch.equal(replay_logits(classifier, x, samples), logits)
    assert classifier.fingerprint() == before
    samples.require_fit(classifier, 5)


# --- classifiers without parameters, and modules that draw with Pyro ---------------------------


def test_a_classifier_without_parameters_is_a_module() -> None:
    x = torch.rand(5, *SHAPE)
    classifier = PyroClassifier(weight_model, drawn_weights(16, CLASSES), SHAPE)
    assert not list(classifier.parameters())
    samples = draw_sample_set(classifier, x, 4, seed=0, stream="attack")
    module = pyrosnn.to_module(classifier, samples)
    expected = replay_logits(classifier, x, samples).softmax(-1).mean(0).log()
    torch.testing.assert_close(module(x), expected)
    assert next(module.parameters()).dtype == torch.float32


class Calls(nn.Module):
    """A module whose forward draws with Pyro."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ pyro.sample("w", prior(16, CLASSES))


def test_modules_that_draw_with_pyro_are_found() -> None:
    x = torch.rand(2, *SHAPE)
    assert draws_with_pyro(Bayesian(), x)
    noisy = Noisy()
    state = torch.get_rng_state()
    assert draws_with_pyro(Calls(), x)
    assert not draws_with_pyro(noisy, x)
    assert torch.equal(torch.get_rng_state(), state)
    assert not draws_with_pyro(nn.Linear(3, 3), x)  # its own error comes when it is evaluated
