"""Options that make the networks of all models small."""

from typing import Any

from pyrosnn.models import MODELS

BY_NETWORK: dict[str, dict[str, Any]] = {
    "dense": {"hidden": (8,)},
    "cnn": {"channels": (4,), "units": 8},
    "resnet": {},  # the preset's is small
}
OF_ROW: dict[str, dict[str, Any]] = {
    "hmc": {"draws": 4, "warm_up_steps": 4, "tree_depth": 2},  # the chains are short
}
# What is trained in epochs, by the terms and images of its settings.
TRAINED = [name for name, row in MODELS.items() if row.method == "svi"]
SMALL: dict[str, dict[str, Any]] = {
    name: BY_NETWORK[row.network] | OF_ROW.get(name, {}) for name, row in MODELS.items()
}
