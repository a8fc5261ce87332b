"""What `save_results` accepts, `open_results` reads as it is; all else is refused when saving."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers
from support.small_result import small_result

from pyrosnn.errors import ArgumentError
from pyrosnn.results import GROUP, make_result, open_results, save_results

TEXTS = st.text(max_size=12)
NAMES = st.one_of(st.sampled_from(["x", "label", "example", "n", "_FillValue", "a b"]), TEXTS)
PLAIN = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.binary())
VALUES = st.one_of(
    PLAIN,
    st.lists(PLAIN, max_size=3),
    st.dictionaries(TEXTS, st.integers(), max_size=2),
    st.complex_numbers(),
    numbers.arrays(numbers.scalar_dtypes(), numbers.array_shapes(min_dims=0, max_dims=2)),
)
ENCODINGS = ["scale_factor", "add_offset", "_FillValue", "missing_value", "dtype", "units"]
ATTRIBUTES = st.dictionaries(
    st.one_of(TEXTS, st.sampled_from([*ENCODINGS, "coordinates", "calendar", "CLASS"])),
    VALUES,
    max_size=2,
)
OBJECTS = st.lists(st.one_of(TEXTS, TEXTS, st.none(), st.integers(), st.binary()), max_size=4)
ARRAYS = st.one_of(
    numbers.arrays(
        st.one_of(
            numbers.scalar_dtypes(),
            numbers.byte_string_dtypes(max_len=4),
            numbers.unicode_string_dtypes(max_len=4),
        ),
        numbers.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4),
    ),
    OBJECTS.map(lambda values: np.array([*values, None], dtype=object)[:-1]),
)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(name=NAMES, values=ARRAYS, attrs=ATTRIBUTES, others=ATTRIBUTES, coordinate=st.booleans())
def test_a_variable_is_read_as_it_was_saved_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    values: np.ndarray,
    attrs: dict[str, Any],
    others: dict[str, Any],
    coordinate: bool,
) -> None:
    """150 variables of any type, shape, name and attributes, in a result of any attributes."""
    folder = tmp_path_factory.getbasetemp()
    try:
        variable = xr.Variable([f"d{place}" for place in range(values.ndim)], values, attrs)
        made = xr.Dataset({name: variable}, attrs=others)
        made = made.set_coords(name) if coordinate else made
        result = make_result(made, study="mine", spec={}, provenance={}, group="mine")
    except (TypeError, ValueError):
        return  # xarray has no such variable
    result.attrs |= others
    try:
        save_results(folder / "a.nc", result, overwrite=True)
    except ArgumentError:
        return
    opened = open_results(folder / "a.nc")
    there, here = opened["mine"].to_dataset(), result["mine"].to_dataset()
    assert there.equals(here)
    assert set(there.coords) == set(here.coords)
    for before, after in ((here, there), (here[name], there[name]), (result, opened)):
        assert before.attrs.keys() == after.attrs.keys()
        for key, value in before.attrs.items():
            np.testing.assert_array_equal(after.attrs[key], value)


def with_example(values: Any, **attrs: Any) -> xr.DataTree:
    """Return a small result with one more value for each image."""
    result = small_result()
    more = result[GROUP].to_dataset().assign(source=("example", values, attrs))
    result[GROUP] = xr.DataTree(more, name=GROUP)
    return result


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array(range(5), "M8[D]"), r"source has the type datetime64.*convert it, as with \.ast"),
        (np.array(range(5), "m8[s]"), "source has the type timedelta64"),
        (np.array([b"a.png"] * 5), r"source has the type \|S5, expected numbers or texts"),
        (np.array(["a", np.nan, "b", None, 1], object), "source holds values of type NoneType, fl"),
        (np.ones(5, complex), "source has the type complex128"),
        (["a\0b"] * 5, "source holds texts with a NUL"),
    ],
    ids=["date", "time", "bytes", "objects", "complex", "nul"],
)
def test_a_column_that_a_file_cannot_hold(values: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=message):
        save_results(tmp_path / "a.nc", with_example(values))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"scale_factor": 2.0}, "source has the attribute 'scale_factor', which says how values"),
        ({"who": None}, "the attribute who of source is 'None', expected a number, a text, or a"),
        ({"who": {"a": 1}}, "the attribute who of source is .*as with str"),
        ({"who": True}, "the attribute who of source is 'True'"),
        ({"who": np.eye(2)}, "the attribute who of source is"),
    ],
    ids=str,
)
def test_an_attribute_that_a_file_cannot_hold(
    attrs: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=message):
        save_results(tmp_path / "a.nc", with_example(np.zeros(5), **attrs))


@pytest.mark.usefixtures("as_users_call")
def test_what_opening_would_miss_is_refused_when_saving(tmp_path: Path) -> None:
    result = small_result()
    result[GROUP] = xr.DataTree(result[GROUP].to_dataset().drop_vars("cosine"), name=GROUP)
    with pytest.raises(ArgumentError, match="the result cannot be saved: it lacks cosine"):
        save_results(tmp_path / "a.nc", result)
    with pytest.raises(
        ArgumentError, match=r"result must be a DataTree, got a Dataset; .*make_result"
    ):
        save_results(tmp_path / "a.nc", result[GROUP].to_dataset())  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="it is no result of this pyrosnn; make one with make_"):
        save_results(tmp_path / "a.nc", xr.DataTree())
    deep = xr.DataTree.from_dict({"/a/b": xr.Dataset({"x": 1})})
    with pytest.raises(ArgumentError, match="the group a has groups in it, expected arrays alone"):
        save_results(tmp_path / "a.nc", deep)


def test_a_column_of_many_file_names(tmp_path: Path) -> None:
    """10,000 texts beside 3 MB of numbers: each counted as the whole file, they were too much."""
    names = np.array([f"photos/{place:05}.png" for place in range(10_000)])
    noise = np.random.default_rng(0).random((10_000, 40))
    made = xr.Dataset({"source": ("image", names), "noise": (("image", "k"), noise)})
    result = make_result(made, study="mine", spec={}, provenance={}, group="mine")
    save_results(tmp_path / "a.nc", result)
    assert (
        open_results(tmp_path / "a.nc")["mine"].dataset["source"].values[-1] == "photos/09999.png"
    )


def test_values_of_the_whole_file_and_coordinates_that_groups_share(tmp_path: Path) -> None:
    result = small_result()
    values = result[GROUP].to_dataset()
    whole = xr.Dataset({"seconds": 3.5}, coords={"example": values["example"]}, attrs=result.attrs)
    group = values.drop_vars("example")
    result = xr.DataTree.from_dict({"/": whole, f"/{GROUP}": group})
    save_results(tmp_path / "a.nc", result)
    opened = open_results(tmp_path / "a.nc")
    xr.testing.assert_equal(opened, result)
