"""An ensemble of networks."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from pyrosnn.adapters.copies import copy_in_evaluation_mode
from pyrosnn.adapters.evaluated import as_logits
from pyrosnn.adapters.members import Members
from pyrosnn.adapters.probe import noise_images
from pyrosnn.errors import require
from pyrosnn.settings import called_rightly


class Ensemble(Members):
    """Networks that were trained separately; all are equally likely.

    Args:
        modules: at least two, or a module that holds them in its one ``ModuleList``, such as
            ``deep_ensembles`` of torch-uncertainty; they return logits, need not be alike, and
            are copied.
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

    @called_rightly
    def __init__(
        self,
        modules: Iterable[torch.nn.Module] | Mapping[str, torch.nn.Module] | torch.nn.Module,
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
    ):
        listed = _listed(modules)
        super().__init__(image_shape, len(listed), output=output)
        self.modules_of_members = torch.nn.ModuleList(map(copy_in_evaluation_mode, listed))
        self.settle()
        if isinstance(modules, torch.nn.Module):
            self._require_mean_of_members(modules)

    def _require_mean_of_members(self, whole: torch.nn.Module) -> None:
        """Refuse a network whose list of layers is no list of members.

        Raises:
            ArgumentError: if its outputs are neither its members' nor their mean.
        """
        if isinstance(whole, torch.nn.ModuleList | torch.nn.ModuleDict):
            return  # which has no outputs of its own
        x, members = noise_images(self, 2), torch.arange(self.num_members, device=self.device)
        with torch.no_grad():
            logits = self.member_logits(x, members)
            own = as_logits(copy_in_evaluation_mode(whole)(x))
        known = (logits.flatten(0, 1), logits, logits.mean(0), logits.softmax(-1).mean(0))
        require(
            any(own.shape == one.shape and torch.allclose(own, one, atol=1e-4) for one in known),
            f"the {type(whole).__name__} returns neither the outputs of the {self.num_members} "
            "networks in its list nor their mean; give the networks as a list",
        )

    def member_logits(self, x: Tensor, members: Tensor) -> Tensor:
        """Evaluate one member after the other."""
        own = x.ndim > len(self.image_shape) + 1
        return torch.stack(
            [
                as_logits(self.modules_of_members[member](x[i] if own else x))
                for i, member in enumerate(members.tolist())
            ]
        )


def _listed(given: Any) -> list[torch.nn.Module]:
    """Return the members of an iterable, or of a module that holds them.

    Raises:
        ArgumentError: for a module that is one network, and anything else that is none.
    """
    if isinstance(given, torch.nn.ModuleDict | Mapping):
        given = given.values()
    elif isinstance(given, torch.nn.Module) and not isinstance(given, torch.nn.ModuleList):
        parts = list(given.children())
        require(
            len(parts) == 1 and isinstance(parts[0], torch.nn.ModuleList),
            f"expected several networks, got a {type(given).__name__}; give them as a list",
        )
        given = parts[0]
    require(
        isinstance(given, Iterable),
        f"expected several networks, got a {type(given).__name__}; give them as a list",
    )
    return list(given)
