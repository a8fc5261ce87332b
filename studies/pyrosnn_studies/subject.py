"""A model with its data: what a study works on."""

from dataclasses import dataclass

from pyrosnn.adapters import Reference
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import MEMORY_BUDGET
from pyrosnn.training import TrainingSpec


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A classifier, and the data set that it is studied on.

    Attributes:
        classifier: the classifier.
        dataset: its test split is used.
        training: the settings of the classifier's training, which the result records, or the
            function that made it.
        memory_budget: bytes that a cell may take; no part of the settings, because no result
            depends on it beyond rounding.
    """

    classifier: StochasticClassifier
    dataset: Dataset
    training: TrainingSpec | Reference | None = None
    memory_budget: int = MEMORY_BUDGET
