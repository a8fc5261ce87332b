"""Floating-point types, by their names in settings."""

import torch

# ``full`` is that of the classifier's parameters
PRECISIONS: dict[str, torch.dtype | None] = {"full": None, "bf16": torch.bfloat16}
