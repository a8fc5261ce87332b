"""The networks that are timed, and their images: real digits, enlarged, so nothing is fetched."""

import copy
from dataclasses import dataclass, replace

import pyro
import torch
from benchmarks.by_hand import SampleLogits, dense_logits
from pyro.distributions import Bernoulli
from torch import Tensor
from torch.nn import functional

from pyrosnn.data import load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.networks.activation import Activation
from pyrosnn.networks.convolution import Convolution
from pyrosnn.networks.layer import Flatten
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.networks.linear import Linear
from pyrosnn.noise.dropout import Dropout
from pyrosnn.sampling import SampleSet, disjoint_sample_sets
from pyrosnn.shapes import Sites
from pyrosnn.training import preset, train

SIDE = 28
STRENGTHS = tuple(0.25 * step for step in range(9))


class ConvDropout(StochasticClassifier):
    """Two convolutions with channel dropout, drawn for each image, and a linear layer.

    It is what a user writes: the sites and ``logits``, nothing for speed.
    """

    output = "probs"
    objective = "elbo"
    per_example = True
    channels = (16, 32)
    keep = 0.7

    def __init__(self) -> None:
        super().__init__((1, SIDE, SIDE), 10)
        self.first = torch.nn.Conv2d(1, self.channels[0], 3, stride=2, padding=1)
        self.second = torch.nn.Conv2d(*self.channels, 3, stride=2, padding=1)
        self.last = torch.nn.Linear(self.channels[1] * (SIDE // 4) ** 2, 10)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        with images:
            return {
                f"mask_{layer}": pyro.sample(
                    f"mask_{layer}",
                    Bernoulli(x.new_tensor(self.keep)).expand((channels,)).to_event(1),
                )
                for layer, channels in enumerate(self.channels)
            }

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Masks have shape (sample, example, channel); samples go into the batch axis."""
        first, second = (mask[..., None, None] / self.keep for mask in sites.values())
        hidden = torch.relu(self.first(x)) * first
        lead = hidden.shape[:-3]
        hidden = torch.relu(self.second(hidden.flatten(0, -4)))
        hidden = hidden.reshape(*lead, *hidden.shape[1:]) * second
        logits: Tensor = self.last(hidden.flatten(-3))
        return logits


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is evaluated: a trained network, images, A and I.

    Attributes:
        name: as the tables name it.
        classifier: the network.
        x, y: images and labels.
        attack: A; smaller sets are its first samples.
        inference: I.
        attack_sizes: S_A.
    """

    name: str
    classifier: StochasticClassifier
    x: Tensor
    y: Tensor
    attack: SampleSet
    inference: SampleSet
    attack_sizes: tuple[int, ...]


def _case(name: str, network: StochasticClassifier, data: Dataset, images: int, size: int) -> Case:
    x, y = data.test_images(images)
    attack, inference = disjoint_sample_sets(network, x, attack=size, inference=size, seed=0)
    return Case(
        name=name,
        classifier=network,
        x=x,
        y=y,
        attack=attack,
        inference=inference,
        attack_sizes=(1, 5, 10, size),
    )


def in_float64(case: Case) -> Case:
    """Return the same case, samples included, in float64."""

    def exact(samples: SampleSet) -> SampleSet:
        return replace(samples, stored={n: v.double() for n, v in samples.tensors.items()})

    return replace(
        case,
        classifier=copy.deepcopy(case.classifier).double(),
        x=case.x.double(),
        attack=exact(case.attack),
        inference=exact(case.inference),
    )


def sample_logits(classifier: StochasticClassifier, samples: SampleSet) -> SampleLogits:
    """Return the logits of single samples as they are written by hand."""
    stored = samples.tensors
    if isinstance(classifier, Composed):
        return dense_logits([stored[name].squeeze(1) for name in classifier.site_names])
    return lambda x, s: classifier.logits(x, {name: v[s] for name, v in stored.items()})


def weight_shapes(classifier: StochasticClassifier) -> list[tuple[int, int]]:
    """Return the shapes of a network's weights with their biases, first layer first."""
    assert isinstance(classifier, Composed)
    return [place.matrix for place in classifier.network.places.values() if place.matrix]


def enlarged_digits() -> Dataset:
    """Return scikit-learn's 8 × 8 digits as 28 × 28 images, 1,000 of them for the attack."""
    digits = load_dataset("digits")
    x = torch.cat([digits.x_test, digits.x_train])
    y = torch.cat([digits.y_test, digits.y_train])
    x = functional.interpolate(x, (SIDE, SIDE), mode="bilinear").clamp(0, 1)
    return Dataset(
        name="digits-28",
        x_train=x[1000:],
        y_train=y[1000:],
        x_test=x[:1000],
        y_test=y[:1000],
        num_classes=10,
    )


def dense_case(images: int = 1000, size: int = 100) -> Case:
    """Return the paper's FashionMNIST network: 784-128-128-10 with matrix normal weights."""
    digits = enlarged_digits()
    bnn = train(preset("bnn", "paper", epochs=30), digits)
    assert weight_shapes(bnn) == [(785, 128), (129, 128), (129, 10)]
    return _case("FashionMNIST network", bnn, digits, images, size)


def composed_conv(source: ConvDropout) -> Composed:
    """Return the same network of layers that know their derivatives, with the same weights."""
    network = LayeredNetwork(source.image_shape, 10)
    network.add("first", Convolution(1, source.channels[0], 3, stride=2))
    network.add("active_0", Activation())
    network.add("second", Convolution(*source.channels, 3, stride=2))
    network.add("active_1", Activation())
    network.add("flat", Flatten())
    network.add("last", Linear(source.last.in_features, 10))
    for name in ("first", "second", "last"):
        network.layers[name].load_state_dict(getattr(source, name).state_dict())
    network.to(memory_format=torch.channels_last)
    masks = Dropout(1 - source.keep, channels=True, places=["active_0", "active_1"])
    return Composed(network, [masks]).requires_grad_(False).eval()


def conv_case(images: int = 200, size: int = 50, *, composed: bool = False) -> Case:
    """Return the small convolutional network with dropout, trained with plain torch.

    Args:
        images: how many are evaluated.
        size: of A and I.
        composed: of the library's layers, not as a user writes it.
    """
    digits = enlarged_digits()
    torch.manual_seed(0)
    network = ConvDropout()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(15):
        for batch in torch.randperm(len(digits.x_train)).split(50):
            masks = {
                f"mask_{layer}": torch.bernoulli(torch.full((1, len(batch), c), network.keep))
                for layer, c in enumerate(network.channels)
            }
            logits = network.logits(digits.x_train[batch], masks)[0]
            loss = functional.cross_entropy(logits, digits.y_train[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.requires_grad_(False).eval()
    if composed:
        return _case("the same, composed", composed_conv(network), digits, images, size)
    return _case("small convolutional network", network, digits, images, size)
