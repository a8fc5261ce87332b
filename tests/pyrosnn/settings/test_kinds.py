"""Values of settings: what is read from a text, and what is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Lt, MinLen
from hypothesis import given
from hypothesis import strategies as st

from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.settings import (
    OneOf,
    Settings,
    check_value,
    checked_arguments,
    from_options,
    kind_of,
    nested,
    options_of,
    parse,
    shown,
)

NUMBERS = kind_of(tuple[float, ...])
INTEGERS = kind_of(tuple[int, ...])


@pytest.mark.parametrize(
    ("hint", "type_", "many", "optional"),
    [
        (int, int, False, False),
        (int | None, int, False, True),
        (Annotated[float, Ge(0)], float, False, False),
        (Annotated[Annotated[float, Ge(0)], Le(1)], float, False, False),
        (tuple[int, ...], int, True, False),
        (Sequence[float], float, True, False),
        (Annotated[tuple[str, ...] | None, MinLen(1)], str, True, True),
        (tuple[float, float], None, False, False),
        (dict[str, Any], None, False, False),
    ],
)
def test_kinds_of_hints(hint: Any, type_: Any, many: bool, optional: bool) -> None:
    kind = kind_of(hint)
    assert (kind.type, kind.many, kind.optional) == (type_, many, optional)


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (Annotated[int, Ge(1)], 0, "n must be >= 1, got 0"),
        (int, 2.5, "n must be an integer, got 2.5"),
        (int, True, "n must be an integer, got True"),
        (int, "3", "n must be an integer, got '3'"),
        (float, float("nan"), "n must be finite, got nan"),
        (Annotated[float, Gt(0)], float("inf"), "n must be > 0 and finite, got inf"),
        (Annotated[float, Gt(0), Le(1)], 0.0, r"n must be in \(0, 1\], got 0.0"),
        (Annotated[float, Ge(0), Lt(1)], 1.0, r"n must be in \[0, 1\), got 1.0"),
        (Annotated[int, Lt(3)], 3, "n must be < 3, got 3"),
        (bool, 1, "n must be true or false, got 1"),
        (str, 1, "n must be a text, got 1"),
        (tuple[int, ...], "1,2", "n must be a list of integers, got '1,2'"),
        (tuple[int, ...], 5, "n must be a list of integers, got 5"),
        (tuple[int, ...], (1, 2.5), "n must be an integer, got 2.5"),
        (Annotated[tuple[int, ...], MinLen(1)], (), "n has 0 values; expected at least 1"),
        (Annotated[tuple[int, ...], Ge(1)], (1, 0), "n must be >= 1, got 0"),
    ],
)
def test_values_that_cannot_be(hint: Any, value: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{message}$"):
        check_value("n", value, kind_of(hint))


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, np.int64(3)),
        (float, 3),
        (float, np.float32(0.5)),
        (int | None, None),
        (tuple[float, ...], [1, 2.5]),
        (Annotated[float, Gt(0), Le(1)], 1.0),
        (dict[str, Any], "not looked at"),
    ],
)
def test_values_that_can_be(hint: Any, value: Any) -> None:
    check_value("n", value, kind_of(hint))


def test_a_name_is_looked_up_in_its_table() -> None:
    kind = kind_of(Annotated[str, OneOf({"l2": 1, "linf": 2})])
    with pytest.raises(UnknownNameError, match="unknown norm 'l3'; did you mean 'l2'"):
        check_value("norm", "l3", kind)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1))
def test_integers_are_read_as_they_are_shown(values: list[int]) -> None:
    assert parse(shown(tuple(values)), INTEGERS, "--sizes") == tuple(values)


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=1))
def test_numbers_are_read_as_they_are_written(values: list[float]) -> None:
    text = ",".join(map(repr, values))
    assert parse(text, NUMBERS, "--strengths") == tuple(values)


@given(st.integers(0, 50), st.sampled_from([0.1, 0.25, 0.3, 1.0]))
def test_a_range_ends_at_its_stop(count: int, step: float) -> None:
    found = parse(f"0:{count * step!r}:{step}", NUMBERS, "--strengths")
    assert len(found) == count + 1
    assert found[-1] == pytest.approx(count * step)


@pytest.mark.parametrize(
    "text", ["", "1;2", "a", "0:1", "0:1:0", "0:1:-1", "0:1e9:1e-9", "1:2:3:4"]
)
def test_numbers_that_cannot_be_read_name_the_option(text: str) -> None:
    with pytest.raises(ArgumentError, match="--strengths expects numbers"):
        parse(text, NUMBERS, "--strengths")


@dataclass(frozen=True, kw_only=True)
class Row(Settings):
    size: Annotated[int, Ge(1)]
    names: tuple[str, ...] = ("a",)


@pytest.mark.usefixtures("as_users_call")
def test_options_make_a_row() -> None:
    made = from_options(Row, "row", {"size": 2, "names": ["b", "c"]})
    assert made == Row(size=2, names=("b", "c"))
    for options, message in (
        ({"sise": 2}, "unknown option of row 'sise'; did you mean 'size'"),
        ({}, "row needs the option 'size'"),
        ({"size": 2.5}, "size must be an integer, got 2.5"),
        ({"size": 0}, "size must be >= 1, got 0"),
        (["size"], "options of row must be values by name"),
    ):
        with pytest.raises(ArgumentError, match=message):
            from_options(Row, "row", options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("as_users_call")
def test_a_fraction_is_a_number_in_arguments_too() -> None:
    @checked_arguments
    def given_as(strength: float, strengths: Sequence[float] = ()) -> Any:
        return strength, tuple(strengths)

    fraction: Any = "8/255"
    assert given_as(fraction) == (8 / 255, ())
    assert given_as(0.5, strengths=["1/2", 0]) == (0.5, (0.5, 0))  # type: ignore[list-item]
    for wrong in ("8/0", "0.5", "a/b"):
        with pytest.raises(ArgumentError, match=f"strength must be a number, got '{wrong}'"):
            given_as(wrong)  # type: ignore[arg-type]


def test_a_setting_is_read_by_both_of_its_names() -> None:
    options = options_of("pyrosnn_studies.grid:GridSpec")
    assert next(one for one in options if one.name == "strength").flag == "--strength"
    for name in ("strength", "strengths"):
        assert nested(options, {name: (0.5,)}, "a study") == {"strengths": (0.5,)}
