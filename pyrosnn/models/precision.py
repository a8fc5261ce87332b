"""Floating-point types by the names that settings have for them."""

import torch

# ``full`` is that of the classifier's parameters
PRECISIONS: dict[str, torch.dtype | None] = {"full": None, "bf16": torch.bfloat16}
