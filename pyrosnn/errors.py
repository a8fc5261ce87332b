"""Errors a user can cause: the value given, what was expected, and the next step."""

import difflib
import importlib
import numbers
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

Row = TypeVar("Row")

FAULT = "this is a fault of pyrosnn"
# What values hold may be wrong in more ways than can be named, and so may we.
WRONG = (ArithmeticError, AttributeError, IndexError, RuntimeError, TypeError, ValueError)


class PyrosnnError(Exception):
    """Base of every error that pyrosnn raises on purpose; its text is one line for the user."""

    def __str__(self) -> str:
        """Return the text in one line, without the shapes that Pyro adds to errors in a trace."""
        text = super().__str__().split("\nTrace Shapes:")[0]
        return re.sub(r"\s*\n\s*", " ", text)


class ArgumentError(PyrosnnError, ValueError):
    """A value that is outside of what is accepted: a negative strength, no samples, NaN pixels."""


class UnknownNameError(ArgumentError):
    """A name that is not in its table: a model, data set, attack, loss, preset or study."""


class OverlapError(ArgumentError):
    """Two sample sets that share samples where independent ones are needed."""


class NotStochasticError(ArgumentError):
    """A classifier whose outputs are the same in all samples."""


class NoGradientError(ArgumentError):
    """A classifier whose outputs have no gradient at the images, such as counts of votes."""


class NoNoiseFreeError(ArgumentError):
    """A classifier without a noise-free network: members of an ensemble, permutations, seeds."""


class NotSmoothedError(ArgumentError):
    """A classifier that is not averaged over Gaussian noise on the image, or whose mean is none.

    The interval condition and smoothing certificates need such noise, and scores in [0, 1].
    """


class NoBoundsError(ArgumentError):
    """A network whose values have no bounds over a ball: an unknown layer, attention, a program."""


class NotFiniteError(ArgumentError):
    """Outputs or gradients of a classifier that are NaN or infinite.

    Attributes:
        quantity: the values in question, in the plural.
        images: indices of the images in their batch.
    """

    quantity: str = "outputs"
    images: Sequence[int] = ()


class DataError(PyrosnnError):
    """A data set that is missing, damaged, or not the one that a checkpoint was trained on."""


class MergeError(ArgumentError):
    """Results that are no parts of one: another study, model or setting, or values that clash."""


class FileError(PyrosnnError):
    """A file that cannot be read or written: corrupt, foreign, existing, or in a wrong place."""


class ClusterError(PyrosnnError):
    """A Dask cluster that cannot be reached, has other versions, or loses worker after worker."""


class FigureError(PyrosnnError):
    """A figure that matplotlib cannot draw."""


class PyrosnnWarning(UserWarning):
    """What a user should know, and what hinders nothing; its text is one line."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for ``name``, with the nearest known name as a suggestion.

    Example:
        >>> print(unknown_name("model", "bnnn", ["bnn", "im", "sin"]))
        unknown model 'bnnn'; did you mean 'bnn'? (bnn, im, sin)
        >>> print(unknown_name("loss", "CE", ["cross-entropy", "margin", "cw"]))
        unknown loss 'CE'; did you mean 'cross-entropy'? (cross-entropy, margin, cw)
    """
    names = list(known)
    near = _by_initials(name, names) or _by_letters(name, names)
    hint = f"; did you mean '{near}'?" if near else "; choose one of"
    return UnknownNameError(f"unknown {kind} '{name}'{hint} ({', '.join(names)})")


def _by_initials(name: str, known: list[str]) -> str | None:
    """Return what a name abbreviates: ``ce`` is cross-entropy, though its letters are near cw."""
    words = {candidate: re.split("[-_]", candidate.lower()) for candidate in known}
    abbreviated = [
        candidate
        for candidate, parts in words.items()
        if len(parts) > 1 and "".join(part[:1] for part in parts) == name.lower()
    ]
    return abbreviated[0] if abbreviated else None


def _by_letters(name: str, known: list[str]) -> str | None:
    """Return the name with the most letters in common, in any case, if that is half of them."""
    lower = {candidate.lower(): candidate for candidate in known}
    nearest = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    return lower[nearest[0]] if nearest else None


def resolve(table: Mapping[str, str], name: str, kind: str) -> Any:
    """Import the entry ``name`` of a plain table ``{name: "module:attribute"}``.

    The tables hold import paths so that reading the names, as ``--help`` does, loads nothing.

    Args:
        table: names and import paths.
        name: the name that the user gave.
        kind: what the table holds, for the error.

    Raises:
        UnknownNameError: ``unknown <kind> '<name>'; did you mean …``.
    """
    module, _, attribute = row_of(table, name, kind).partition(":")
    return getattr(importlib.import_module(module), attribute)


def row_of(table: Mapping[str, Row], name: Any, kind: str) -> Row:
    """Return the row of a table by its name.

    Raises:
        UnknownNameError: ``unknown <kind> '<name>'; did you mean …``.
    """
    if not isinstance(name, str) or name not in table:
        raise unknown_name(kind, str(name), table)
    return table[name]


def require(condition: bool, message: str) -> None:
    """Raise :class:`ArgumentError` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise ArgumentError(message)


def not_finite(
    quantity: str, images: Sequence[int], number: int, *, moved: bool = False
) -> NotFiniteError:
    """Return the error for values that are NaN or infinite at some images.

    Args:
        quantity: the values, in the plural.
        images: indices of the images in their batch.
        number: how many images there are.
        moved: whether the values are those at x + δ, with images that are good themselves.

    Example:
        >>> error = not_finite("the classifier's logits", [3, 5], 9, moved=True)
        >>> print(str(error).partition(" (")[0])
        the classifier's logits are NaN or infinite at x + δ for 2 of 9 images
    """
    where, step = "", "check its parameters and the images"
    if moved:
        where = " at x + δ"
        step = (
            "mend what its forward pass does to such pixels (a root or logarithm of negative "
            "ones), or keep them in bounds: clip=(low, high) of the attack"
        )
    error = NotFiniteError(
        f"{quantity} are NaN or infinite{where} for {len(images)} of {number} images (first at "
        f"index {images[0]}); {step}"
    )
    error.quantity, error.images = quantity, images
    return error


# Longer texts come from damaged files, and would fill the terminal.
_LINE = 240
_VALUE = 80


def brief(value: object) -> str:
    """Return a wrong value for an error, in a part of one line.

    Example:
        >>> import numpy
        >>> brief(numpy.zeros((3, 1))), brief("8/255"), brief(ValueError("no"))
        ('an ndarray of shape (3, 1)', "'8/255'", 'a ValueError')
    """
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and len(shape) > 0:
        return f"{with_article(type(value).__name__)} of shape {tuple(shape)}"
    plain = (str, bytes, numbers.Number, list, tuple, dict, set, range, type(None))
    if not isinstance(value, plain):
        return with_article(type(value).__name__)
    text = " ".join(repr(value).split())
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"


def with_article(name: str) -> str:
    """Return a name with the article before it.

    Example:
        >>> with_article("SampleSet"), with_article("AttackResult")
        ('a SampleSet', 'an AttackResult')
    """
    vowel = name[0].lower() in "aeiou" or name == "ndarray"
    return f"{'an' if vowel else 'a'} {name}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, printable, or its type where it has none.

    Example:
        >>> first_line(ValueError("no such file")), first_line(EOFError())
        ('no such file', 'EOFError')
    """
    lines = str(error).splitlines()
    if not lines or not lines[0].strip():
        return type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in lines[0][:_LINE])


@contextmanager
def reading(what: str, step: str) -> Iterator[None]:
    """Say in words that values lack something, or have it in another shape or type.

    Args:
        what: a noun for the values: ``the result``.
        step: what to do about it.

    Raises:
        ArgumentError: in place of Python's own errors.

    Example:
        >>> import xarray as xr
        >>> with reading("the result", "run the study again"):
        ...     xr.Dataset()["cosine"]
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: the result lacks cosine; run the study again
    """
    try:
        yield
    except PyrosnnError:
        raise
    except KeyError as error:
        raise ArgumentError(f"{what} lacks {_lost(error)}; {step}") from error
    except WRONG as error:
        raise ArgumentError(
            f"{what} is not as it should be, or {FAULT} ({first_line(error)}); {step}, and if that "
            "does not help, set PYROSNN_TRACEBACK=1 to see where, and please report it"
        ) from error


def _lost(error: KeyError) -> str:
    """Return the name that was not there; xarray puts it into a sentence."""
    text = first_line(ValueError(*error.args[:1]))
    named = re.match(r"No variable named '([^']*)'", text)
    if named or text.isidentifier():
        return named[1] if named else text
    return f"what is read of it ({text})"
