"""Noise on the features that the head takes, where means of logits have closed forms."""

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass

from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import Features, Kinds, Network
from pyrosnn.noise.head import head_of
from pyrosnn.noise.noise import Laws, Noise


@dataclass(eq=False, repr=False)
class BelowHead(Noise):
    r"""The common base of noises on the features below the last linear layer.

    The logits are $W z + b$ for features z that are random with a known mean, so that the mean of
    the logits is $W\,\mathbb E z + b$, exactly: an attack on the mean of all logits needs no
    samples. A value of the site is a standard normal $\varepsilon$, whatever the image. Beside
    other noise below the head, or on its weights, this is the mean of the network without that.

    Attributes:
        per_example: draw noise for each image, instead of once for all.
        below: place of the features; by default the one that the last layer with weights takes.
        site: name of the sample site.
        head: place of the last layer with weights, once the noise is placed.
    """

    per_example: bool = True
    _: KW_ONLY
    below: str | None = None
    site: str = "latent"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.head, self.width = "", 0

    def place(self, network: Network) -> None:
        """Find the head, and the place below it."""
        self.head = head_of(network, "noise below the last layer")
        self.below = network.input_place(self.head) if self.below is None else self.below
        shape = network.place(self.below).shape
        rows = network.inputs_of(self.head, self._trial(network)).shape[1]
        require(
            shape == (rows,),
            f"noise below '{self.head}' needs its {rows} inputs, '{self.below}' has shape {shape}",
        )
        require(
            network.takes(self.head, self.below),
            f"noise below '{self.head}' needs its inputs, and '{self.below}' has something before "
            "them; name the place just below, after the activation",
        )
        self.width = rows

    def _trial(self, network: Network) -> Tensor:
        return network.matrix(self.head).detach().new_zeros(2, *network.image_shape)

    @property
    def site_names(self) -> list[str]:
        """The name of the only site."""
        return [self.site]

    def kinds(self) -> Kinds:
        """Return a change of the features below the head."""
        assert self.below is not None
        return {self.below: [Features]}

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return a standard normal distribution."""
        standard = Normal(like.new_zeros(()), like.new_ones(()))
        return {self.site: standard.expand((self.width,)).to_event(1)}

    @abstractmethod
    def mean_features(self, h: Tensor) -> Tensor:
        """Return the exact mean of the features that the head takes, shape (example, feature).

        Args:
            h: features below, without noise, shape (example, feature).
        """

    def mean_logits(self, network: Network, x: Tensor) -> Tensor:
        """Return the exact mean of the logits, shape (example, class); torch differentiates it.

        It knows of this noise alone: other noise is taken to be off.
        """
        matrix = network.matrix(self.head)
        mean = self.mean_features(network.inputs_of(self.head, x))
        return mean @ matrix[: self.width] + (matrix[-1] if len(matrix) > self.width else 0.0)
