"""`posterior-weights`: weights from samples of their posterior, by chain."""

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.networks.network import Edits, Kinds, Network, Weights
from pyrosnn.noise.noise import Laws, Noise
from pyrosnn.settings import RARE
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class PosteriorWeights(Noise):
    r"""One of the draws of several Markov chains, all equally likely.

    Prior: $W \sim \mathcal{MN}(0, I, I)$, as of ``matrix-normal``. The site is the number of the
    draw, which all images share: draw d of chain c is c · ``draws`` + d. Until the posterior is
    sampled, the draws are those of the prior. Samples are drawn with replacement;
    :func:`pyrosnn.enumerated` has each draw once, and :func:`pyrosnn.sampling.chain_sets` gives
    attack and inference chains of their own.

    Attributes:
        chains: number of Markov chains.
        draws: number of draws of each chain that are kept.
        warm_up_steps: number of steps of each chain before them.
        tree_depth: largest depth of a trajectory, which has at most 2 to the power of it steps.
        places: places with random weights; by default all of them.
        site: name of the sample site.

    References:
        R. M. Neal, Bayesian learning for neural networks, 1996. M. D. Hoffman, A. Gelman, The
        No-U-Turn Sampler, JMLR 2014. P. Izmailov et al., What are Bayesian neural network
        posteriors really like?, ICML 2021.
    """

    chains: Annotated[int, Ge(1)] = 2
    draws: Annotated[int, Ge(1)] = 100
    warm_up_steps: Annotated[int, Ge(1)] = 100
    tree_depth: Annotated[int, Ge(1), Le(10), RARE] = 8
    _: KW_ONLY
    places: Collection[str] | None = None
    site: str = "draw"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.weighted: list[str] = []

    def place(self, network: Network) -> None:
        """Draw from the prior, in the places of the posterior's draws."""
        self.weighted = network.weight_places(self.places)
        for number, matrix in enumerate(map(network.matrix, self.weighted)):
            shape = (self.chains, self.draws, *matrix.shape)
            drawn = torch.randn(shape, dtype=matrix.dtype, device=matrix.device)
            self.register_buffer(f"samples_{number}", drawn)

    @property
    def samples(self) -> list[Tensor]:
        """The draws of each place, shape (chain, draw, input [+ 1], output)."""
        return [self.get_buffer(f"samples_{number}") for number in range(len(self.weighted))]

    @property
    def site_names(self) -> list[str]:
        """The name of the only site."""
        return [self.site]

    def kinds(self) -> Kinds:
        """Return the kind of edit: other weights at each place."""
        return {place: [Weights] for place in self.weighted}

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the uniform distribution of a draw's number."""
        return {self.site: Categorical(logits=like.new_zeros(self.chains * self.draws))}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the weights of the draws."""
        chosen = sites[self.site].squeeze(1)
        return {
            place: [Weights(samples.flatten(0, 1)[chosen])]
            for place, samples in zip(self.weighted, self.samples, strict=True)
        }
