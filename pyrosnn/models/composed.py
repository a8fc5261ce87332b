"""`Composed`: a network with noise in it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyro
import torch
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.function import Function
from pyrosnn.networks.module import ModuleNetwork
from pyrosnn.networks.network import Edits, Network, Parts, Weights
from pyrosnn.networks.trial import is_shape
from pyrosnn.noise.noise import Laws, Noise
from pyrosnn.outputs import find_output
from pyrosnn.settings import called_rightly
from pyrosnn.shapes import Sites


class Composed(StochasticClassifier):
    """A network with noise in it: any noise, at the places of any network.

    Args:
        network: one of :mod:`pyrosnn.networks`, or any ``torch.nn.Module`` that returns logits:
            its submodules are places by their names, and it is copied.
        noise: what is random in it; each noise is placed here, once.
        image_shape: shape of one image, for a module of one's own, and where a noise makes images
            of another shape for the network.
        output: what the discriminant functions are.
        objective: name in ``OBJECTIVES`` of the loss that it is trained with.

    Raises:
        ArgumentError, UnknownNameError: for a noise that the network has no place for, or sites of
            one name.

    Example:
        >>> from pyrosnn.noise.dropout import Dropout
        >>> net = torch.nn.Sequential(
        ...     torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.ReLU(), torch.nn.Linear(9, 10)
        ... )
        >>> noisy = Composed(net, noise=[Dropout(0.3, places=["2"])], image_shape=(1, 8, 8))
        >>> noisy.network.places["2"].shape
        (9,)
    """

    @called_rightly
    def __init__(
        self,
        network: torch.nn.Module,
        noise: Sequence[Noise],
        *,
        image_shape: tuple[int, ...] | None = None,
        output: str = "probs",
        objective: str = "elbo",
    ):
        if not isinstance(network, Network):
            require(
                image_shape is not None,
                "a module of your own does not say what its images are; give image_shape=(…)",
            )
            assert image_shape is not None
            network = ModuleNetwork(network, _after(noise, image_shape))
        _require_noise(noise)
        super().__init__(_image_shape(network, noise, image_shape), network.num_classes)
        find_output(output)  # refuses any other name
        self.output, self.objective = output, objective
        self.network: Network = network
        self.noise = torch.nn.ModuleList(noise)
        shape = self.image_shape
        for part in noise:
            part.image_shape, shape = shape, part.shape_after(shape)
            part.place(network)
            part.placed = True
        self.per_example = any(part.per_example for part in noise)
        self.kinds = _joined([part.kinds() for part in noise])
        self._require_own_names()
        self._require_one_weight_noise()
        network.trunk(self.kinds)  # refuses noise that reaches no logits

    def _require_own_names(self) -> None:
        """Refuse two noises whose sites share a name."""
        names = self.site_names
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, f"two noises have sites called {', '.join(twice)}; give one a site='…'")

    def _require_one_weight_noise(self) -> None:
        """Refuse two noises that both determine the weights of a place."""
        for place, kinds in self.kinds.items():
            require(
                kinds.count(Weights) <= 1,
                f"two noises are on the weights of '{place}'; give one of them other places=[…]",
            )

    @property
    def _noises(self) -> list[Noise]:
        return [part for part in self.noise if isinstance(part, Noise)]

    @property
    def site_names(self) -> list[str]:
        """Names of the sample sites, in the order in which they are drawn."""
        return [name for part in self._noises for name in part.site_names]

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw all noise as at prediction."""
        laws = [(part, part.posterior(self.network, x)) for part in self._noises]
        return _drawn(laws, images)

    def sample_prior(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw all noise from its priors."""
        return _drawn([(part, part.prior(self.network, x)) for part in self._noises], images)

    def edits(self, sites: Sites) -> Edits:
        """Return the changes that drawn values make to the network, by place."""
        return _joined([part.edits(self.network, sites) for part in self._noises])

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network on stored noise; see :class:`StochasticClassifier`."""
        return self.network.logits(x, self.edits(sites))

    def training_logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network in a training step: batch norm learns."""
        return self.network.logits(x, self.edits(sites), learn=True)

    def trunk(self) -> Function | None:
        """Return the part of the network before all noise."""
        return self.network.trunk(self.kinds)

    def parts(self, sites: Sites) -> Parts:
        """Return the part of the network after the trunk."""
        return self.network.parts(self.edits(sites))

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the parameters of noises that weight decay leaves alone."""
        return [p for part in self._noises for p in part.without_decay()]

    def before_training(self) -> None:
        """Reset the values that noises computed from all training images."""
        for part in self._noises:
            part.before_training()

    def after_step(self) -> None:
        """Let each noise bring its parameters back to where they may be."""
        for part in self._noises:
            part.after_step()

    def after_training(self, batches: Iterable[Tensor]) -> None:
        """Let each noise compute its values from all training images."""
        again = list(batches)
        for part in self._noises:
            part.after_training(self.network, again)


def _after(noise: Sequence[Noise], image_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of images that the network gets."""
    _require_noise(noise)
    if not is_shape(image_shape):  # refused by the network, with a reason
        return image_shape
    for part in noise:
        image_shape = part.shape_after(tuple(image_shape))
    return tuple(image_shape)


def _image_shape(
    network: Network, noise: Sequence[Noise], given: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the shape of the classifier's images, which the network gets after the noise.

    Raises:
        ArgumentError: naming both shapes, if the network takes others.
    """
    shape = tuple(network.image_shape if given is None else given)
    after = _after(noise, shape)
    require(
        after == tuple(network.image_shape),
        f"the noise makes images of shape {after} from those of shape {shape}, and the network "
        f"takes {tuple(network.image_shape)}; give image_shape, that of an image before the noise, "
        "and a network for images after it",
    )
    return shape


def _require_noise(noise: Any) -> None:
    """Refuse anything but a list of noises that belong to no other classifier."""
    require(
        isinstance(noise, Sequence) and not isinstance(noise, str),
        f"noise must be a list, such as noise=[Dropout(0.3)], got {noise!r}",
    )
    require(len(noise) >= 1, "got no noise; a stochastic classifier needs some")
    for part in noise:
        require(
            isinstance(part, Noise),
            f"expected noises of pyrosnn.noise, such as Dropout(0.3), got {part!r}",
        )
        require(
            not part.placed,
            f"this {type(part).__name__} is part of another classifier; make a new one",
        )


def _drawn(laws: Sequence[tuple[Noise, Laws]], images: pyro.plate) -> dict[str, Tensor]:
    sites: dict[str, Tensor] = {}
    for part, of_part in laws:
        for name, law in of_part.items():
            if part.per_example:
                with images:
                    sites[name] = pyro.sample(name, law)
            else:
                sites[name] = pyro.sample(name, law)
    return sites


def _joined(mappings: Sequence[Mapping[str, Sequence[Any]]]) -> dict[str, list[Any]]:
    """Join the entries of several noises at each place, in the order of the noises."""
    joined: dict[str, list[Any]] = {}
    for mapping in mappings:
        for place, parts in mapping.items():
            joined.setdefault(place, []).extend(parts)
    return joined
