"""A table as data: cells keep their numbers, so that each format writes them in its own way."""

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar

from pyrosnn.errors import brief, require

NAN = math.nan
# Numbers with decimals are shares, points and the like: what is smaller is the rounding of a zero.
ROUNDING = 1e-12
WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number, with what is known of its uncertainty.

    Attributes:
        value: the number, in the unit that the table names; NaN where it is not defined.
        form: format of the value and of the interval's ends, as ``format`` takes it.
        low, high: ends of an interval; NaN for none.
        sd: standard deviation; NaN for none.
        text: how the value is written, where that is not by its format, such as ``8/255``.
        bare: whether the interval is shown without the value, which stands beside it.

    Raises:
        ArgumentError: ``value must be a number, got 'x'``; for a format that does not fit them.

    Example:
        >>> str(Number(value=70.17, form=".1f", low=63.5, high=76.2))
        '70.2 [63.5, 76.2]'
        >>> str(Number(value=0.6, form="#.3g", sd=0.0031)), str(Number(value=math.nan))
        ('0.600 ± 0.003', '-')
        >>> str(Number(value=-2e-17, form="+.1f", low=-0.04, high=0.26))
        '+0.0 [-0.0, +0.3]'
    """

    value: float | int
    form: str = "g"
    low: float = NAN
    high: float = NAN
    sd: float = NAN
    text: str = ""
    bare: bool = False

    def __post_init__(self) -> None:
        """Check the values, and make a zero of rounding, whose sign says nothing.

        Raises:
            ArgumentError: for what is no number, and a format that is none of one.
        """
        require(isinstance(self.form, str), f"form must be a text, got {brief(self.form)}")
        for name in ("value", "low", "high", "sd"):
            number = getattr(self, name)
            right = isinstance(number, Real) and not isinstance(number, bool)
            require(right, f"{name} must be a number, got {brief(number)}")
            require(
                _fits(number, self.form), f"form must be a format of {name}, got {brief(self.form)}"
            )
        require(isinstance(self.text, str), f"text must be a text, got {brief(self.text)}")
        require(isinstance(self.bare, bool), f"bare must be true or false, got {brief(self.bare)}")
        for name in ("value", "low", "high") if self.form.endswith(("f", "%")) else ():
            number = getattr(self, name)
            if not isinstance(number, Integral) and abs(number) < ROUNDING:
                object.__setattr__(self, name, 0.0)

    def __str__(self) -> str:
        """Return the number as a terminal shows it."""
        text = self.text or self.written(self.value)
        if self.has_interval:
            interval = f"[{self.written(self.low)}, {self.written(self.high)}]"
            return interval if self.bare else f"{text} {interval}"
        if self.bare:
            return "-"
        return f"{text} ± {self.sd:.1g}" if self.has_sd else text

    def written(self, number: float | int) -> str:
        """Return a number in this one's format."""
        if math.isnan(number):
            return "-"
        if math.isinf(number):
            return "∞" if number > 0 else "-∞"
        return format(number, self.form).rstrip(".")

    @property
    def has_interval(self) -> bool:
        """Whether the number has an interval."""
        return not (math.isnan(self.value) or math.isnan(self.low))

    @property
    def has_sd(self) -> bool:
        """Whether the number has a standard deviation that says something."""
        return not math.isnan(self.value) and self.sd > 0


def _fits(number: float | int, form: str) -> bool:
    """Whether a number can be written in a format; what is not finite never is."""
    with suppress(TypeError, ValueError, OverflowError):
        return not math.isfinite(number) or bool(format(number, form))
    return False


Cell = str | Number


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        title: what it shows, with units.
        columns: names of the columns.
        rows: cells of each row: words, or numbers.
        notes: sentences that stand below.
        main: index of the row that counts most, if there is one.

    Raises:
        ArgumentError: for two columns of one name, a row that has not a cell for each column, and
            what is neither words nor numbers.

    Example:
        >>> row = ["bnn", Number(value=96.2, form=".1f")]
        >>> Table(title="Accuracy in %", columns=["model", "clean"], rows=[row]).texts
        [['bnn', '96.2']]
    """

    template: ClassVar[str] = "table.html"

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    main: int | None = None

    def __post_init__(self) -> None:
        """Check that rows and columns fit."""
        require(isinstance(self.title, str), f"title must be a text, got {brief(self.title)}")
        _require_each("columns", self.columns, str, "texts")
        _require_each("notes", self.notes, str, "texts")
        _require_each("rows", self.rows, Sequence, "lists of cells")
        twice = [name for name in self.columns if list(self.columns).count(name) > 1]
        require(not twice, f"columns must have different names, got {twice[:1]} twice")
        for row in self.rows:
            require(
                len(row) == len(self.columns),
                f"a row must have a cell for each column, got {len(row)} for {len(self.columns)}",
            )
            _require_each("a row", row, (str, Number), "texts and Numbers")
        if self.main is None:
            return
        main: Any = self.main
        last, shown = len(self.rows) - 1, brief(main)
        require(last >= 0, f"main must be None in a table without rows, got {shown}")
        is_row = isinstance(main, Integral) and 0 <= int(main) <= last
        require(is_row, f"main must be the index of a row, 0 … {last}, got {shown}")
        object.__setattr__(self, "main", int(main))  # numpy's integers are none of JSON's

    @property
    def texts(self) -> list[list[str]]:
        """The cells as a terminal shows them."""
        return [[str(cell) for cell in row] for row in self.rows]

    def has_words(self, column: int) -> bool:
        """Whether a column holds words, which stand to the left, and not numbers."""
        if self.numbers(column):
            return False
        cells = [row[column] for row in self.texts if row[column] not in ("", "-")]
        if any(WORD.search(cell) for cell in cells):
            return True
        return not any(re.match(r"[-+−±\[]?[\d.∞]", cell) for cell in cells)

    def numbers(self, column: int) -> list[Number]:
        """Return the numbers of a column; none for a column of words."""
        cells = [row[column] for row in self.rows]
        return [cell for cell in cells if isinstance(cell, Number)]


@dataclass(frozen=True, kw_only=True)
class Document:
    """Tables with the sentences around them: what a command shows.

    Attributes:
        heading: lines that stand first.
        tables: the tables.
        closing: lines that stand last.

    Raises:
        ArgumentError: ``tables must have Tables alone, got 'x'``.
    """

    heading: Sequence[str] = field(default_factory=list)
    tables: Sequence[Table]
    closing: Sequence[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check that these are sentences and tables."""
        _require_each("heading", self.heading, str, "texts")
        _require_each("tables", self.tables, Table, "Tables")
        _require_each("closing", self.closing, str, "texts")


def require_document(document: Any) -> None:
    """Refuse what is not a document.

    Raises:
        ArgumentError: ``document must be a Document of tables, got a Table``.
    """
    require(
        isinstance(document, Document),
        f"document must be a Document of tables, got {brief(document)}",
    )


def _require_each(name: str, values: Any, kind: Any, words: str) -> None:
    """Refuse what is not a list of some kind; a text is not a list of letters."""
    listed = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    require(listed, f"{name} must be a list of {words}, got {brief(values)}")
    for value in values:
        fits = isinstance(value, kind) and not (kind is Sequence and isinstance(value, str | bytes))
        require(fits, f"{name} must have {words} alone, got {brief(value)}")
