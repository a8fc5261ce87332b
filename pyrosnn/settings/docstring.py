"""What a docstring says of each field, in a section ``Attributes:`` or ``Args:``."""

import inspect
import re

_ENTRY = re.compile(r"(\w+):(?: (.*))?")


def described(docstring: str, *sections: str) -> dict[str, str]:
    r"""Return the texts of the entries of some sections by name, each on one line.

    Example:
        >>> text = "Settings.\n\nArgs:\n    steps: number\n        of steps."
        >>> described(text, "Args")
        {'steps': 'number of steps.'}
    """
    texts: dict[str, str] = {}
    inside, name = False, ""
    for line in inspect.cleandoc(docstring).splitlines():
        if line and not line[0].isspace():
            inside = line.rstrip(":") in sections and line.endswith(":")
            continue
        entry = _ENTRY.fullmatch(line.strip()) if inside and _indent(line) == 4 else None
        if entry is not None:
            name = entry[1]
            texts[name] = entry[2] or ""
        elif inside and name and line.strip():
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def summary(text: str) -> str:
    """Return the first sentence of a field's text, for a help: capitalised, without markup.

    Example:
        >>> summary("name in ``NORMS``: of δ; see :func:`measure`. It bounds δ.")
        'Name in NORMS: of δ; see measure.'
    """
    plain = re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("``", "")
    first = re.split(r"(?<=[^.]\.)\s", plain, maxsplit=1)[0]
    return first[:1].upper() + first[1:]
