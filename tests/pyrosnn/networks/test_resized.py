"""Resizing and padding is a linear map with a known transpose, and torch's own interpolation."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.networks import draw
from torch.nn.functional import interpolate, pad

from pyrosnn.networks.resized import Resized, positions


def one_map(side: int, size: int, row: int, column: int, padded: int, fill: float) -> Resized:
    starts = torch.tensor([[row]]), torch.tensor([[column]])
    rows, columns = (
        positions(side, torch.tensor([[size]]), start, padded, torch.float64) for start in starts
    )
    return Resized(rows, columns, fill)


@given(
    side=st.integers(1, 9),
    size=st.integers(1, 14),
    row=st.integers(0, 3),
    column=st.integers(0, 3),
    fill=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_value_is_that_of_torch(
    side: int, size: int, row: int, column: int, fill: float
) -> None:
    """At every size and place, and nothing is left out at the last of them."""
    padded = size + 3
    x = draw(2, 3, side, side)
    resized = interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    expected = pad(resized, (column, 3 - column, row, 3 - row), value=fill)
    value = one_map(side, size, row, column, padded, fill).value(x.unsqueeze(0))
    torch.testing.assert_close(value, expected.unsqueeze(0))


def test_without_padding_it_is_plain_resizing() -> None:
    x = torch.rand(4, 1, 8, 8, dtype=torch.float64)
    whole = interpolate(x, size=(10, 10), mode="bilinear", align_corners=False)
    value = one_map(8, 10, 0, 0, 10, 0.5).value(x.unsqueeze(0))
    torch.testing.assert_close(value, whole.unsqueeze(0))
    assert torch.equal(one_map(8, 8, 0, 0, 8, 0.5).value(x.unsqueeze(0))[0], x)


@pytest.mark.parametrize(("samples", "examples"), [(1, 1), (5, 1), (5, 3)])
def test_the_gradient_is_the_transposed_map(samples: int, examples: int) -> None:
    """⟨u, A v⟩ = ⟨Aᵀ u, v⟩, for states of each sample, and of each image."""
    size = torch.randint(6, 9, (samples, examples))
    starts = torch.randint(0, 3, (2, samples, examples))
    rows, columns = (positions(6, size, start, 10, torch.float64) for start in starts)
    operation = Resized(rows, columns, 0.5)
    v, u = draw(1, 3, 2, 6, 6), draw(samples, 3, 2, 10, 10)
    there = (u * operation.jvp(None, v)).sum()
    (back,) = operation.vjp(None, u, (False,))
    torch.testing.assert_close(there, (back * v).sum())
    difference = operation.value(v) - operation.value(torch.zeros_like(v))
    torch.testing.assert_close(operation.jvp(None, v), difference)
    point = v.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((u * operation.value(point)).sum(), point)
    torch.testing.assert_close(gradient, back.sum(0, keepdim=True))


@pytest.mark.parametrize("power", [1, 2])
def test_its_magnitudes_are_those_of_the_matrix(power: int) -> None:
    operation = one_map(3, 4, 1, 0, 6, 0.5)
    unit = torch.eye(9, dtype=torch.float64).reshape(1, 9, 1, 3, 3)
    matrix = operation.jvp(None, unit).flatten(2)
    known = operation.magnitude(power).jvp(None, unit).flatten(2)
    torch.testing.assert_close(known, matrix.abs() ** power)
