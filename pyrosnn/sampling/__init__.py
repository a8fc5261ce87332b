"""Sample sets: drawn from a guide, frozen, disjoint, and replayed on images."""

from pyrosnn.sampling.draw import (
    disjoint_sample_sets,
    draw_sample_set,
    successive_sample_sets,
)
from pyrosnn.sampling.replay import replay_logits, replay_pullback, replay_pushforward
from pyrosnn.sampling.sample_set import Origin, SampleSet, require_disjoint

__all__ = [
    "Origin",
    "SampleSet",
    "disjoint_sample_sets",
    "draw_sample_set",
    "replay_logits",
    "replay_pullback",
    "replay_pushforward",
    "require_disjoint",
    "successive_sample_sets",
]
