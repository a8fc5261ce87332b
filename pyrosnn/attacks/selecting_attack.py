"""The base class of attacks that compare candidates on a selection set V."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from pyrosnn.attacks.gradient_attack import GradientAttack
from pyrosnn.sampling import SampleSet


@dataclass(frozen=True, kw_only=True)
class SelectingAttack(GradientAttack):
    """Settings of an attack that compares its candidates on a selection set V.

    Attributes:
        selection_samples: number of samples in V, S_V; they are the same for all candidates.
    """

    selection_samples: Annotated[int, Ge(1)] = 100

    def num_selection(self, samples: SampleSet) -> int:
        """Return S_V, the samples in V."""
        return self.selection_samples
