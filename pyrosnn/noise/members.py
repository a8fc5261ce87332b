"""`members`: the weights of one of several networks that are trained together."""

from collections.abc import Collection, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import torch
from annotated_types import Ge
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.networks.network import Edits, Kinds, Network, Weights
from pyrosnn.noise.noise import Laws, Noise
from pyrosnn.shapes import Sites


class InTurn(Categorical):
    """A uniform choice whose draws for one call take turns, from a random one on.

    Each draw is uniform, and M of them are all M values: a training step with as many particles as
    members trains each of them once.
    """

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Return the numbers of successive members, in the order of the leading axes."""
        shape = torch.Size(sample_shape) + self.batch_shape
        device, number = self.logits.device, self.logits.shape[-1]
        start = torch.randint(number, (), device=device)
        return (torch.arange(shape.numel(), device=device).reshape(shape) + start) % number


@dataclass(eq=False, repr=False)
class MemberWeights(Noise):
    """The weights of one of M members, all equally likely: an ensemble that is trained jointly.

    The site is the number of the member, and all images share it. The first member has the
    weights of the network, the others begin with them in another order: independent draws of the
    same law. What is no weight of a place, as batch norm, is shared by the members. Samples are
    drawn with replacement, and :func:`pyrosnn.enumerated` has each member once.

    In training, the particles of a step are different members, so that a regulariser
    (``drt``, ``trs``, ``gal``) compares all of them: take as many particles as members.

    Attributes:
        members: number of members, M.
        places: places with weights of each member's own; by default all of them.
        site: name of the sample site.

    References:
        B. Lakshminarayanan, A. Pritzel, C. Blundell, Simple and scalable predictive uncertainty
        estimation using deep ensembles, NeurIPS 2017.
    """

    members: Annotated[int, Ge(2)] = 3
    _: KW_ONLY
    places: Collection[str] | None = None
    site: str = "member"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.others = torch.nn.ParameterList()
        self.weighted: list[str] = []

    def place(self, network: Network) -> None:
        """Create the weights of all members but the first."""
        self.weighted = network.weight_places(self.places)
        for place in self.weighted:
            matrix = network.matrix(place).detach()
            rows = len(matrix) - network.place(place).bias
            drawn = [_in_other_order(matrix, rows) for _ in range(self.members - 1)]
            self.others.append(torch.stack(drawn))

    @property
    def site_names(self) -> list[str]:
        """The name of the only site."""
        return [self.site]

    def kinds(self) -> Kinds:
        """Return the kind of edit: other weights at each place."""
        return {place: [Weights] for place in self.weighted}

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the uniform distribution of the member's number."""
        law: Any = InTurn if self.training else Categorical
        return {self.site: law(logits=like.new_zeros(self.members))}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the weights of the members that were drawn."""
        chosen = sites[self.site].squeeze(1)
        return {
            place: [Weights(torch.cat([network.matrix(place).unsqueeze(0), others])[chosen])]
            for place, others in zip(self.weighted, self.others, strict=True)
        }


def _in_other_order(matrix: Tensor, rows: int) -> Tensor:
    """Return weights in a random order, shape (input [+ 1], output); the bias apart from them."""
    weights, bias = matrix[:rows], matrix[rows:]
    return torch.cat(
        [
            part.flatten()[torch.randperm(part.numel(), device=part.device)].reshape(part.shape)
            for part in (weights, bias)
        ]
    )
