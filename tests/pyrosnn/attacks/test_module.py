"""to_module(): the naive mean's values and gradients, one node of the graph, nothing to move."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.autograd.forward_ad as fwAD
from support.toy import LinearClassifier, LinearProbabilities, sample_set
from torch import Tensor
from torch.nn import functional

from pyrosnn.attacks import MODULE_OUTPUTS, SampledModule, loss_gradient, to_module
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, OverlapError, UnknownNameError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, disjoint_sample_sets

INPUTS = 6

every_output = pytest.mark.parametrize("output", list(MODULE_OUTPUTS))
every_model = pytest.mark.parametrize("model", ["bnn", "im", "sin"])


def attack_set(
    classifier: StochasticClassifier, x: Tensor, number: int, memory_budget: int = 2**30
) -> SampleSet:
    return disjoint_sample_sets(
        classifier, x, attack=number, inference=1, seed=0, memory_budget=memory_budget
    )[0]


def naive(classifier: StochasticClassifier, x: Tensor, samples: SampleSet, output: str) -> Tensor:
    """The mean over one graph of all samples, as one writes it by hand."""
    logits = classifier.logits(x, samples.tensors)
    if output == "logits":
        return logits.mean(0)
    if classifier.output == "logits":
        return logits.mean(0).log_softmax(-1)
    return logits.softmax(-1).mean(0).log()


def gradient(module: torch.nn.Module, x: Tensor, cotangents: Tensor) -> Tensor:
    inputs = x.clone().requires_grad_()
    return torch.autograd.grad(module(inputs), inputs, cotangents)[0]


@pytest.mark.slow
@every_output
@every_model
@pytest.mark.parametrize("memory_budget", [1, 2**30])
def test_values_and_gradients_are_those_of_the_naive_mean(
    model: str,
    output: str,
    memory_budget: int,
    classifiers: dict[str, StochasticClassifier],
    digits: Dataset,
) -> None:
    """With the graphs kept, and with samples that are drawn again for every pass."""
    classifier = classifiers[model]
    x, _ = digits.test_images(20)
    a = attack_set(classifier, x, 7, memory_budget)
    assert (a.stored is None) == (memory_budget == 1)
    module = to_module(classifier, a, output=output)
    inputs = x.clone().requires_grad_()
    expected = naive(classifier, inputs, a, output)
    torch.testing.assert_close(module(x), expected.detach(), atol=1e-4, rtol=1e-4)
    cotangents = torch.randn(20, 10)
    by_hand = torch.autograd.grad(expected, inputs, cotangents)[0]
    largest = float(by_hand.abs().max())
    torch.testing.assert_close(
        gradient(module, x, cotangents), by_hand, atol=1e-5 * largest, rtol=1e-3
    )
    assert module(inputs).requires_grad
    assert not module(x).requires_grad


def test_the_default_is_what_f_is(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    x, _ = digits.test_images(20)
    for model, output in (("bnn", "log-probs"), ("sin", "logits")):
        a = attack_set(classifiers[model], x, 3)
        module = to_module(classifiers[model], a)
        assert module.output == output
        f = classifiers[model].discriminants(x, a.tensors).mean(0)
        found = module(x).exp() if output == "log-probs" else module(x)
        torch.testing.assert_close(found, f, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [LinearClassifier, LinearProbabilities])
def test_log_probabilities_are_normalised_and_gradients_pass_finite_differences(
    kind: type[LinearClassifier],
) -> None:
    classifier = kind(INPUTS, 4)
    x = torch.randn(5, INPUTS).double()
    a = sample_set(torch.randn(7, INPUTS + 1, 4).double())
    for output in MODULE_OUTPUTS:
        module = to_module(classifier, a, output=output)
        assert torch.autograd.gradcheck(module, x.clone().requires_grad_())
    total = to_module(classifier, a, output="log-probs")(x).logsumexp(-1)
    torch.testing.assert_close(total, torch.zeros(5).double(), atol=1e-14, rtol=0)


@every_model
def test_the_cross_entropy_of_the_module_has_the_direction_of_the_attacks(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier = classifiers[model]
    x, y = digits.test_images(100)
    a = attack_set(classifier, x, 10)
    inputs = x.clone().requires_grad_()
    loss = functional.cross_entropy(to_module(classifier, a)(inputs), y, reduction="sum")
    found = torch.autograd.grad(loss, inputs)[0].double()
    ours = loss_gradient(
        classifier, x, y, a, loss="cross-entropy", gradient="mean_prediction"
    ).direction.double()
    cosine = functional.cosine_similarity(found.flatten(1), ours.flatten(1))
    # float32 logits saturate in the library's softmax: images of a sin with p_y near 1
    scaled = found.flatten(1).norm(dim=1) > 1e-3
    assert scaled.float().mean() > 0.5
    assert (cosine[scaled] > 0.99999).all()
    if model != "sin":  # log-probabilities do not
        assert (cosine > 0.99999).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("gap", [30.0, 80.0])
def test_a_saturated_softmax_still_gives_the_direction(gap: float, loss: str) -> None:
    """1 - p_y is 0 from a gap of 17 on in float32, from 37 on in float64."""
    classifier = LinearProbabilities(INPUTS, 3).float()
    weight = torch.zeros(2, INPUTS + 1, 3)
    weight[:, :-1] = torch.randn(INPUTS, 3)
    weight[:, -1] = torch.tensor([gap, 0.0, -1.0])
    x = torch.zeros(4, INPUTS).requires_grad_()
    y = torch.zeros(4, dtype=torch.long)
    value = getattr(functional, loss)(to_module(classifier, sample_set(weight))(x), y)
    found = torch.autograd.grad(value, x)[0].double()
    p = torch.tensor([gap, 0.0, -1.0]).double().softmax(0)
    w = weight[0, :-1].double()
    expected = p[1] * (w[:, 1] - w[:, 0]) + p[2] * (w[:, 2] - w[:, 0])
    torch.testing.assert_close(
        found / found.norm(dim=1, keepdim=True),
        (expected / expected.norm()).expand(4, -1),
        atol=1e-5,
        rtol=0,
    )


def test_shared_samples_take_any_images_in_any_order(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, _ = digits.test_images(30)
    module = to_module(bnn, attack_set(bnn, x, 5))
    whole, slope = module(x), gradient(module, x, torch.ones(30, 10).tril())
    rows = torch.tensor([7, 3, 3, 29, 0])
    torch.testing.assert_close(module(x[rows]), whole[rows])
    torch.testing.assert_close(
        gradient(module, x[rows], torch.ones(30, 10).tril()[rows]), slope[rows]
    )
    assert module(torch.cat([x, x])).shape == (60, 10)


@pytest.mark.parametrize("memory_budget", [1, 2**30])
def test_noise_belongs_to_its_images(
    memory_budget: int, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    sin = classifiers["sin"]
    x, _ = digits.test_images(30)
    module = to_module(sin, attack_set(sin, x, 5, memory_budget))
    for images in (x[:29], x[:1], torch.cat([x, x])):
        with pytest.raises(
            ArgumentError, match=rf"'noise' was drawn for 30 images, got a batch of {len(images)}"
        ):
            module(images)
    rows = torch.tensor([7, 3, 29])
    some = module.for_examples(rows)
    assert some.samples.stored is None or memory_budget > 1
    torch.testing.assert_close(some(x[rows]), module(x)[rows])
    with pytest.raises(ArgumentError, match="'noise' was drawn for 3 images, got a batch of 30"):
        some(x)


def test_one_node_stands_for_all_samples(bnn: StochasticClassifier, digits: Dataset) -> None:
    """And of several evaluations that wait for their gradients only the latest keeps graphs."""
    x, _ = digits.test_images(20)
    module = to_module(bnn, attack_set(bnn, x, 50))
    inputs = [x.clone().requires_grad_() for _ in range(3)]
    values = [module(images) for images in inputs]
    cotangents = torch.randn(20, 10)
    expected = gradient(to_module(bnn, module.samples), x, cotangents)
    for value, images in zip(values, inputs, strict=True):
        node = value.grad_fn
        assert node is not None
        leaves = [parent for parent, _ in node.next_functions if parent is not None]
        assert [type(leaf).__name__ for leaf in leaves] == ["AccumulateGrad"]
        kept = node.evaluated._replay is not None
        assert kept == (value is values[-1])
        for _ in range(2):
            found = torch.autograd.grad(value, images, cotangents, retain_graph=True)[0]
            torch.testing.assert_close(found, expected)
    assert module.num_gradients == 3 * 2 * 20 * 50


def test_there_is_no_second_derivative(bnn: StochasticClassifier, digits: Dataset) -> None:
    x = digits.x_test[:3].clone().requires_grad_()
    module = to_module(bnn, attack_set(bnn, x.detach(), 2))
    first = torch.autograd.grad(module(x).sum(), x, create_graph=True)[0]
    assert torch.equal(first, gradient(module, x.detach(), torch.ones(3, 10)))
    with pytest.raises(ArgumentError, match="no second derivatives"):
        first.square().sum().backward()


def test_images_changed_in_place_are_refused(bnn: StochasticClassifier, digits: Dataset) -> None:
    x = digits.x_test[:3].clone().requires_grad_()
    value = to_module(bnn, attack_set(bnn, x.detach(), 2))(x)
    with torch.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.sum().backward()


def test_nothing_changes_module_or_classifier(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(20)
    before = {name: value.clone() for name, value in bnn.state_dict().items()}
    mode, grads = bnn.training, [parameter.grad for parameter in bnn.parameters()]
    module = to_module(bnn, attack_set(bnn, x, 5))
    whole = module(x)
    assert not module.training
    assert not module.train().training
    assert bnn.training == mode
    assert list(module.children()) == []
    (place,) = module.parameters()
    assert place.device == bnn.device
    assert not place.requires_grad
    assert module.to("cpu") is module
    for move in (
        lambda: module.to("meta"),
        module.double,
        lambda: torch.nn.Sequential(module).half(),
    ):
        with pytest.raises(ArgumentError, match=r"stays on cpu in torch\.float32.*device='cpu'"):
            move()
    twin = copy.deepcopy(torch.nn.Sequential(module))[0]
    assert isinstance(twin, SampledModule)
    assert twin.samples is module.samples
    module.requires_grad_(True).zero_grad()
    functional.cross_entropy(module(x.clone().requires_grad_()), y).backward()
    assert torch.equal(module(x), whole)
    assert all(torch.equal(value, before[name]) for name, value in bnn.state_dict().items())
    after = [parameter.grad for parameter in bnn.parameters()]
    assert all(one is other for one, other in zip(grads, after, strict=True))


def test_preprocessing_before_the_module_is_differentiated(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, _ = digits.test_images(5)
    module = to_module(bnn, attack_set(bnn, x, 5))
    raw = (2 * x + 1).requires_grad_()
    module((raw - 1) / 2)[:, 3].sum().backward()
    cotangents = torch.zeros(5, 10)
    cotangents[:, 3] = 1
    torch.testing.assert_close(raw.grad, gradient(module, x, cotangents) / 2)


def test_what_a_module_cannot_be_made_of_is_refused(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    x, _ = digits.test_images(10)
    bnn = classifiers["bnn"]
    a, i = disjoint_sample_sets(bnn, x, attack=3, inference=3, seed=0)
    with pytest.raises(OverlapError, match="must not see samples of the stream 'inference'"):
        to_module(bnn, i)
    with pytest.raises(ArgumentError, match="were drawn from another classifier"):
        to_module(classifiers["im"], a)
    with pytest.raises(UnknownNameError, match="unknown output 'log-prob'; did you mean 'log-p"):
        to_module(bnn, a, output="log-prob")
    with pytest.raises(UnknownNameError, match="unknown precision 'bf32'"):
        to_module(bnn, a, precision="bf32")
    module = to_module(bnn, a)
    for images in (x[:, :, 1:], x[0, 0], x[:0], (255 * x).to(torch.uint8)):
        with pytest.raises(ArgumentError, match=r"takes images of shape \(example, 1, 8, 8\)"):
            module(images)


@pytest.mark.parametrize("precision", ["full", "bf16"])
def test_precision_is_the_networks_and_not_the_images(
    precision: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, _ = digits.test_images(50)
    a = attack_set(bnn, x, 5)
    full, module = to_module(bnn, a), to_module(bnn, a, precision=precision)
    assert module(x).dtype == x.dtype
    difference = float((module(x).exp() - full(x).exp()).abs().max())
    assert difference == 0 if precision == "full" else 1e-5 < difference < 0.1
    assert bnn.dtype == torch.float32


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")  # torch's own
def test_transforms_and_forward_mode_are_refused(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Not with a raw error of functorch, and not with a derivative of zero."""
    x = digits.x_test[:3]
    module = to_module(bnn, attack_set(bnn, x, 2))

    def total(images: Tensor) -> Tensor:
        summed: Tensor = module(images).sum()
        return summed

    transforms: list[Callable[[], object]] = [
        lambda: torch.func.grad(total)(x),
        lambda: torch.func.jacrev(module)(x),
        lambda: torch.func.vmap(module)(x.unsqueeze(1)),
        lambda: torch.func.jvp(module, (x,), (x,)),
    ]
    refusal = r"in reverse mode alone.*torch\.autograd\.grad"
    for transform in transforms:
        with pytest.raises(ArgumentError, match=refusal):
            transform()
    with fwAD.dual_level(), pytest.raises(ArgumentError, match=refusal):
        module(fwAD.make_dual(x, torch.ones_like(x)))


def test_images_that_are_not_finite_are_the_attacks(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x = digits.x_test[:5].clone()
    module = to_module(bnn, attack_set(bnn, x, 2))
    x[2, 0, 3, 3], x[4] = torch.nan, torch.inf
    with pytest.raises(
        ArgumentError,
        match=r"asked the module for 2 of 5 images that are not finite \(first in row 2",
    ):
        module(x)
