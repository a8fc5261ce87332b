"""Settings of one's own module: what tells two of the same weights apart, and no more."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pyrosnn.adapters.module_settings import LONGEST, module_settings


class Layer(nn.Module):
    """A layer with an attribute of the user's."""

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0.1, 0.3),
        ("a", "b"),
        ([1, 2.0], [1, 3.0]),
        ({"sigma": 0.1}, {"sigma": 0.2}),
        (torch.tensor(0.1), torch.tensor(0.2)),
        (torch.ones(2, 2).bfloat16(), torch.zeros(2, 2).bfloat16()),
        (np.array([1, 2]), np.array([1, 3])),
        ("x" * 2 * LONGEST, "y" * 2 * LONGEST),
    ],
    ids=["number", "text", "list", "dict", "tensor", "bfloat16", "array", "too long"],
)
def test_other_values_are_other_settings(first: Any, second: Any) -> None:
    one, same, other = (module_settings(nn.Sequential(Layer(v))) for v in (first, first, second))
    assert one == same != other
    assert len(str(one)) <= LONGEST


def test_what_changes_from_run_to_run_is_not_seen() -> None:
    for value in (object(), np.array([object()]), lambda: 0, [object()]):
        assert module_settings(nn.Sequential(Layer(value))) == {}
