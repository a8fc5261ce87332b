"""Adapters that make a stochastic classifier of an existing model; one file per kind."""

from pyrosnn.adapters.adapter import Adapter
from pyrosnn.adapters.ensemble import Ensemble
from pyrosnn.adapters.laplace_torch import LastLayerPosterior, WeightPosterior, from_laplace
from pyrosnn.adapters.mc_dropout import MCDropout
from pyrosnn.adapters.members import Members, all_members, disjoint_members
from pyrosnn.adapters.normalized import Normalized
from pyrosnn.adapters.own_model import OwnModel, Reference, load_own_model
from pyrosnn.adapters.pyro_classifier import PyroClassifier
from pyrosnn.adapters.seeded import SeededModule
from pyrosnn.adapters.stochastic import Stochastic
from pyrosnn.adapters.weight_samples import WeightSamples
from pyrosnn.adapters.with_proxy import WithProxy, with_proxy

__all__ = [
    "Adapter",
    "Ensemble",
    "LastLayerPosterior",
    "MCDropout",
    "Members",
    "Normalized",
    "OwnModel",
    "PyroClassifier",
    "Reference",
    "SeededModule",
    "Stochastic",
    "WeightPosterior",
    "WeightSamples",
    "WithProxy",
    "all_members",
    "disjoint_members",
    "from_laplace",
    "load_own_model",
    "with_proxy",
]
