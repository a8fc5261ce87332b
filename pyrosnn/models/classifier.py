"""The base class of stochastic classifiers: the draw of Θ, and the logits given Θ."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, ClassVar

import pyro
import torch
from jaxtyping import Float
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.errors import ArgumentError, with_article
from pyrosnn.models.axes import EventDims, one_sample, with_axes
from pyrosnn.models.means import AtMeans
from pyrosnn.models.measured import Footprint, floats_of_an_image
from pyrosnn.networks.function import Differentiated, Function, Identity
from pyrosnn.networks.network import Parts
from pyrosnn.outputs import discriminants_of
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Images, Logits, Sites

# Integers of as many bytes: what a fingerprint takes numbers for.
WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
PART = 2**22  # words that are summed at once


class StochasticClassifier(torch.nn.Module, ABC):
    r"""A random function $f(x, \Theta)$ with $\Theta$ independent of x (definition 3.1).

    A subclass writes two methods: ``sample_sites`` draws $\theta$ with ``pyro.sample``, and
    ``logits``, free of Pyro and differentiable in x, evaluates stored samples. From these come the
    Pyro programs ``guide`` (what samples are drawn from) and ``model`` (what is trained).
    Parameters are ordinary ``torch.nn.Parameter`` objects of the module; nothing is kept in
    Pyro's global parameter store.

    Values of sample sites have shape (sample, example, *event); the example axis has size 1
    where one value is shared by all images (weights).

    Attributes:
        output: name in ``OUTPUTS`` of what the discriminant functions f_c are: softmax
            probabilities (``probs``) or ``logits``.
        objective: name in ``OBJECTIVES`` of the loss that it is trained with.
        per_example: whether some site is drawn separately for each image (input noise, dropout).
        vectorized_guide: whether ``Predictive`` may run the guide once for many samples.
        image_shape: shape of one image.
        num_classes: number of classes.
    """

    how_to_make: ClassVar[str] = (
        "wrap it with an adapter of pyrosnn.adapters (Stochastic, PyroClassifier, …), or put noise "
        "into it: Composed(network, noise=[…])"
    )
    output: str = "probs"
    objective: str = "elbo"
    per_example: bool = False
    vectorized_guide: bool = True

    def __init__(self, image_shape: tuple[int, ...], num_classes: int):
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes
        self._measured: Footprint | None = None

    @abstractmethod
    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw every site with ``pyro.sample``, as at prediction: p(Θ) of the paper.

        Args:
            x: images; they give the number, type and device of values, which must not depend on
                them otherwise.
            images: the plate of the images: values of each image's own are drawn within it.
        """

    def sample_prior(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw every site from its prior: as at prediction, unless the noise is learned."""
        return self.sample_sites(x, images)

    def mean_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Declare every site at the mean of its law: the noise-free network.

        Raises:
            NoNoiseFreeError: for a law that has no mean.
        """
        with AtMeans():
            return self.sample_sites(x, images)

    @abstractmethod
    def logits(self, x: Float[Tensor, "*samples_and_image"], sites: Sites) -> Logits:
        """Evaluate the network on stored values of the sample sites.

        Args:
            x: images, shape (example, *image), or (sample, example, *image).
            sites: values of the sites by name, each of shape (sample, example or 1, *event).

        Returns:
            Logits, shape (sample, example, class).
        """

    def training_logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return the logits for the loss of a training step.

        Whatever a step learns beside parameters, such as statistics of batch norm, is learned
        here.
        """
        return self.logits(x, sites)

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Declare the joint distribution of Θ and the labels of images x, as Pyro does."""
        images = pyro.plate("images", len(x), dim=-1)
        with EventDims() as dims:
            drawn = self.sample_prior(x, images)
        sites, one = with_axes(drawn, dims.num_axes)
        training = self.training and y is not None
        logits = (self.training_logits if training else self.logits)(x, sites)
        with images:
            # in mixed precision the logits are bfloat16, the images are not
            labels = Categorical(logits=(logits[0] if one else logits).to(x.dtype))
            return pyro.sample("y", labels, obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """Declare the distribution that Θ is drawn from at prediction."""
        self.sample_sites(x, pyro.plate("images", len(x), dim=-1))

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the parameters that weight decay leaves alone in a training."""
        return ()

    def before_training(self) -> None:
        """Reset the values that :meth:`after_training` set in an earlier training."""
        return None

    def after_step(self) -> None:
        """Bring parameters back to where they may be, after a step of the optimizer."""
        return None

    def after_training(self, batches: Iterable[Tensor]) -> None:
        """Set the values that are computed from all training images, after the last epoch.

        Args:
            batches: the training images, in batches.
        """
        return None

    def trunk(self) -> Function | None:
        """Return the part of the network that is the same for all samples and evaluated once.

        A classifier that has one takes its values, not images, in :meth:`parts`.
        """
        return None

    def parts(self, sites: Sites) -> Parts:
        """Return the part of the network after the trunk, for some samples.

        With ``first, rest = parts(sites)``, ``logits(x, sites) == rest(first(trunk(x)))``. A
        network that knows its derivatives gives them here; any other is differentiated by torch.

        Args:
            sites: values of the sites, each of shape (sample, example or 1, *event).
        """
        return Parts(
            Identity(), Differentiated(lambda x: self.logits(x, sites), len(self.image_shape) + 1)
        )

    def discriminants(self, x: Images, sites: Sites) -> Logits:
        """Evaluate f_c(x, θ_s): the softmax of the logits, or the logits, as ``output`` says."""
        logits = self.logits(x, sites)
        return discriminants_of(self.output).values(logits).to(logits.dtype)

    def footprint(self) -> Footprint:
        """Return the number of floats per image and sample, measured once in a trial."""
        if self._measured is None:
            with torch.no_grad(), forked_rng(seed_sequence(0, "measure"), self.device):
                self._measured = self._measure()
        return self._measured

    def _measure(self) -> Footprint:
        x = torch.full((3, *self.image_shape), 0.5, dtype=self.dtype, device=self.device)
        trunk = self.trunk()
        three = self._two_samples(x)
        two = {n: v[:, :2] if v.shape[1] == 3 else v for n, v in three.items()}
        sites = {2: two, 3: three}  # the same draw: what an image costs may depend on it

        def after_trunk(values: Tensor) -> None:
            parts = self.parts(sites[len(values)])
            parts.rest(parts.first(values))

        of_both = floats_of_an_image(after_trunk, x if trunk is None else trunk(x))
        of_trunk = 0 if trunk is None else floats_of_an_image(trunk, x)
        return Footprint(samples=-(-of_both // 2), trunk=of_trunk)

    def _two_samples(self, x: Tensor) -> Sites:
        """Draw a sample and repeat it: a view of one sample may be a copy for two."""
        drawn = one_sample(self.guide, x).items()
        both = {name: value.expand(2, *value.shape[1:]) for name, value in drawn}
        return {n: v.to(self.dtype) if v.is_floating_point() else v for n, v in both.items()}

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of parameters and buffers, and so of the images."""
        return self._example.dtype

    def fingerprint(self) -> int:
        """Return a number that changes with parameters and buffers; exact on any machine.

        Sample sets carry it, so that one classifier is not evaluated on another's samples. It
        guards against mistakes, not against intent: see ``model_digest`` for an identity.
        """
        sums = []
        for tensor in self._tensors:
            words = tensor.detach().contiguous().flatten().view(WORDS[tensor.element_size()])
            total, before = 0, 0
            for part in words.split(PART):
                positions = torch.arange(1, len(part) + 1, device=words.device) + before
                total += int((part.to(torch.int64) * positions).sum())
                before += len(part)
            sums.append(total)
        return zlib.crc32(repr((type(self).__name__, self.image_shape, sums)).encode())

    @property
    def device(self) -> torch.device:
        """The device of parameters and buffers."""
        return self._example.device

    @property
    def _tensors(self) -> Iterator[Tensor]:
        """Tensors that determine the outputs: parameters and buffers (running statistics)."""
        return chain(self.parameters(), self.buffers())

    @property
    def _example(self) -> Tensor:
        """The first tensor of floating-point numbers; one of the default type if there is none."""
        return next((t for t in self._tensors if t.is_floating_point()), torch.empty(0))


def no_classifier(origin: str, value: Any) -> ArgumentError:
    """Return the error for something else than a classifier, often a plain module.

    Args:
        origin: where it comes from, as the sentence begins.
        value: the object given.

    Example:
        >>> print(str(no_classifier("the classifier is", torch.nn.ReLU())).partition(";")[0])
        the classifier is a ReLU, expected a StochasticClassifier
    """
    return ArgumentError(
        f"{origin} {with_article(type(value).__name__)}, expected a StochasticClassifier; "
        f"{StochasticClassifier.how_to_make}"
    )
