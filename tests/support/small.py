"""Options that make the networks of all models small."""

from typing import Any

from pyrosnn.models import MODELS

BY_NETWORK: dict[str, dict[str, Any]] = {
    "dense": {"hidden": (8,)},
    "cnn": {"channels": (4,), "units": 8},
    "resnet": {},  # the preset's is small
}
SMALL: dict[str, dict[str, Any]] = {name: BY_NETWORK[row.network] for name, row in MODELS.items()}
