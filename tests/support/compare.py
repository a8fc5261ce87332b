"""Comparing results whose products were taken in another order."""

import xarray as xr


def assert_same_to_float32(first: xr.Dataset, second: xr.Dataset) -> None:
    """Fail unless labels, counts and decisions are identical, and numbers are to rounding."""
    assert set(first.data_vars) == set(second.data_vars)
    for name in first.data_vars:
        one = first[name].transpose(*second[name].dims)
        if second[name].dtype.kind == "f":
            xr.testing.assert_allclose(one, second[name], rtol=1e-4, atol=1e-6)
            assert one.attrs == second[name].attrs
        else:
            xr.testing.assert_identical(one, second[name])
