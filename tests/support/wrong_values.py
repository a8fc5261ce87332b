"""Values of types and shapes that no argument, or not this one, should have."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrosnn.attacks import FGM
from pyrosnn.errors import PyrosnnError

NUMBERS: list[Any] = [-1, 0, 3, 2.5, float("nan"), float("inf"), -(2**70), True, 1j, np.float32(2)]
TEXTS: list[Any] = ["", "x", "l2", b"x", "8/255", "1,2", "é\n"]
CONTAINERS: list[Any] = [[], [1], (), (1, 2), {}, {"a": 1}, [[1], [1, 2]], [None], {1, 2}, range(3)]
OBJECTS: list[Any] = [
    None,
    object(),
    Path("nowhere"),
    FGM,
    FGM(),
    lambda *args: args,
    torch.nn.Flatten(),
    xr.Dataset(),
    xr.DataTree(),
    xr.Dataset({"cosine": ("example", [0.5])}),
    ValueError("no"),
]
SHAPES = [(), (0,), (3,), (3, 1), (3, 10), (1, 8, 8), (3, 1, 8, 8), (3, 8, 8, 1), (0, 1, 8, 8)]
TORCH_TYPES = [torch.float32, torch.float64, torch.uint8, torch.int64, torch.bool, torch.complex64]
NUMPY_TYPES = ["float32", "float64", "uint8", "int32", "int64", "bool", "U1", "O", ">f4"]


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    shape, dtype = draw(st.sampled_from(SHAPES)), draw(st.sampled_from(TORCH_TYPES))
    value = draw(st.sampled_from([0, 1, -7])) if dtype != torch.uint8 else 7
    return torch.full(shape, value).to(dtype)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    return np.ones(draw(st.sampled_from(SHAPES))).astype(draw(st.sampled_from(NUMPY_TYPES)))


def wrong_values() -> st.SearchStrategy[Any]:
    """Values of any kind, plain ones and tensors as often as each other."""
    plain = st.sampled_from([*NUMBERS, *TEXTS, *CONTAINERS, *OBJECTS])
    return st.one_of(plain, tensors(), arrays())


def refuses(function: Callable[..., Any], right: dict[str, Any], examples: int) -> None:
    """Call a function with one or two wrong arguments, so many times.

    Any error but pyrosnn's own fails the test.
    """

    @settings(max_examples=examples)
    @given(st.dictionaries(st.sampled_from(sorted(right)), wrong_values(), min_size=1, max_size=2))
    def check(wrong: dict[str, Any]) -> None:
        with suppress(PyrosnnError):
            function(**{**right, **wrong})

    check()
