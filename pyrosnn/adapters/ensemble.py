"""An ensemble of networks."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyrosnn.adapters.copies import copy_in_evaluation_mode
from pyrosnn.adapters.evaluated import as_logits
from pyrosnn.adapters.members import Members


class Ensemble(Members):
    """Networks that were trained separately; all are equally likely.

    Args:
        modules: at least two; they return logits, need not be alike, and are copied.
        image_shape: shape of one image.
        output: what f_c is.

    References:
        B. Lakshminarayanan, A. Pritzel, C. Blundell, Simple and scalable predictive uncertainty
        estimation using deep ensembles, NeurIPS 2017.

    Example:
        >>> nets = [
        ...     torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)) for _ in range(3)
        ... ]
        >>> Ensemble(nets, (1, 8, 8)).num_members
        3
    """

    def __init__(
        self,
        modules: Sequence[torch.nn.Module],
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
    ):
        super().__init__(image_shape, len(modules), output=output)
        self.modules_of_members = torch.nn.ModuleList(
            copy_in_evaluation_mode(module) for module in modules
        )
        self.settle()

    def member_logits(self, x: Tensor, members: Tensor) -> Tensor:
        """Evaluate one member after the other."""
        own = x.ndim > len(self.image_shape) + 1
        return torch.stack(
            [
                as_logits(self.modules_of_members[member](x[i] if own else x))
                for i, member in enumerate(members.tolist())
            ]
        )
