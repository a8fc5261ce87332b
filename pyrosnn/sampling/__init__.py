"""Sample sets: drawn from a guide, frozen, disjoint, and replayed on images."""

from pyrosnn.sampling.chains import chain_predictions, chain_sets
from pyrosnn.sampling.draw import (
    disjoint_sample_sets,
    draw_sample_set,
    successive_sample_sets,
)
from pyrosnn.sampling.enumeration import enumerated
from pyrosnn.sampling.memory import MEMORY_BUDGET
from pyrosnn.sampling.outputs_vary import require_stochastic
from pyrosnn.sampling.reduce import ScaledSum, mean_prediction, predict, predict_again
from pyrosnn.sampling.replay import (
    Chunk,
    DifferentiableChunk,
    DifferentiableReplay,
    replay,
    replay_logits,
)
from pyrosnn.sampling.sample_set import Origin, SampleSet, require_attackers, require_disjoint
from pyrosnn.sampling.trunk import AfterTrunk

__all__ = [
    "MEMORY_BUDGET",
    "AfterTrunk",
    "Chunk",
    "DifferentiableChunk",
    "DifferentiableReplay",
    "Origin",
    "SampleSet",
    "ScaledSum",
    "chain_predictions",
    "chain_sets",
    "disjoint_sample_sets",
    "draw_sample_set",
    "enumerated",
    "mean_prediction",
    "predict",
    "predict_again",
    "replay",
    "replay_logits",
    "require_attackers",
    "require_disjoint",
    "require_stochastic",
    "successive_sample_sets",
]
