"""The standard evaluation: attack on A, decide on V, keep the worst, and let I look once."""

from pyrosnn.evaluation.standard.archived import Archived, attack_in_turn
from pyrosnn.evaluation.standard.protocol import PROTOCOLS, Entry, Protocol, find_protocol
from pyrosnn.evaluation.standard.run import standard_evaluation
from pyrosnn.evaluation.standard.threat import Threat

__all__ = [
    "PROTOCOLS",
    "Archived",
    "Entry",
    "Protocol",
    "Threat",
    "attack_in_turn",
    "find_protocol",
    "standard_evaluation",
]
