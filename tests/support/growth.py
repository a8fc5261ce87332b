"""What a diagnosis measures, of gradients that a test made itself; one class, one boundary."""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyrosnn.attacks.norms import unit
from pyrosnn.evaluation.attack_moments import NUM_GROUPS
from pyrosnn.evaluation.inference_sets import InferenceSets
from pyrosnn.evaluation.resampling import Resampling
from pyrosnn.results import make_dataset


def resampled(attack: np.ndarray, condition: np.ndarray, *, together: int = 1) -> xr.Dataset:
    """Return the resampled cosines.

    Args:
        attack: sums of the samples' gradients, shape (unit of samples, example, entry).
        condition: mean gradients of inference sets, shape (set, example, entry).
        together: samples in each sum.
    """
    ascents = unit(torch.from_numpy(condition).flatten(0, 1)).reshape(condition.shape)
    sets = InferenceSets(
        distances=torch.ones(*ascents.transpose(0, 1).shape[:2], 1, dtype=torch.float64),
        ascents=ascents.transpose(0, 1).unsqueeze(2),
    )
    like: Tensor = torch.zeros(attack.shape[1:], dtype=torch.float64)
    counts = np.full(NUM_GROUPS, together * len(attack) // NUM_GROUPS)
    resampling = Resampling(like, counts, sets, lambda gradient: gradient)
    for part in torch.from_numpy(attack):
        resampling.add(part, together)
    sizes, values = resampling.values()
    coords = {"fold": np.arange(NUM_GROUPS), "subset": sizes, "resampled_inference": 1.0}
    return make_dataset(values, coords)
