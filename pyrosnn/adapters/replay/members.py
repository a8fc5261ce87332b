"""Members that one pass evaluates along the axis of images, as (member · example, class)."""

import pyro
import torch
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.adapters.evaluated import evaluated_on
from pyrosnn.adapters.replay.paths import Path
from pyrosnn.adapters.replay.returned import Returned
from pyrosnn.adapters.replay.trial import Trial
from pyrosnn.errors import require
from pyrosnn.shapes import Sites

TOLERANCE = 1e-3


class Stacked(Path):
    """One pass for all members; a sample is the index of one, drawn with replacement.

    References:
        Packed-Ensembles, BatchEnsemble and Masksembles of torch-uncertainty return such rows.

    Args:
        trial: the module, and images.
        returned: which logits are in what the module returns.
        number: how many members.
    """

    name = "members"
    per_example = False
    vectorised_draws = True

    def __init__(self, trial: Trial, returned: Returned, number: int):
        super().__init__(trial.passes, (), returned, trial.image_shape)
        self.num_members = number
        self._members_first = True
        x = trial.images(3, 0)
        if not self._independent(x):
            self._members_first = False
            require(
                self._independent(x),
                f"the module returns {number} rows for each image, which change with the other "
                "images; expected members' logits in the order (member, image) or (image, member)",
            )

    @torch.no_grad()
    def _independent(self, x: Tensor) -> bool:
        """Return whether members' logits of an image do not change with the other images."""
        rows = torch.tensor([2, 0], device=x.device)
        whole, part = self._all(x)[:, rows], self._all(x[rows])
        change = (whole - part).abs().max() / whole.abs().max().clamp(min=1e-30)
        return float(change) <= TOLERANCE

    def sample(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw an index for all images."""
        return {"member": pyro.sample("member", Categorical(logits=x.new_zeros(self.num_members)))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate all members, and take those that were drawn."""
        members = sites["member"].flatten()
        if not self._own(x):
            shared: Tensor = self._all(x)[members]
            return shared
        samples, number = x.shape[:2]
        every = self._all(x.flatten(0, 1)).unflatten(1, (samples, number))
        own: Tensor = every[members, torch.arange(samples, device=x.device)]
        return own

    def _all(self, x: Tensor) -> Tensor:
        """Return all members' logits, shape (member, example, class)."""
        with evaluated_on(tuple(x.shape)), self.passes.running():
            rows = self.returned.rows(self.passes.module(x.clone()))
        shape = (self.num_members, len(x)) if self._members_first else (len(x), self.num_members)
        members: Tensor = rows.unflatten(0, shape)
        return members if self._members_first else members.transpose(0, 1)
