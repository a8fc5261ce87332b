"""Where two nested settings differ."""

from collections.abc import Iterator, Mapping
from typing import Any


def differences(first: Any, second: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the name and both values of all that differs, however nested; None for what lacks.

    Example:
        >>> list(differences({"spec": {"images": 20, "seed": 0}}, {"spec": {"images": 30}}))
        [('spec.images', 20, 30), ('spec.seed', 0, None)]
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys([*first, *second]):
            inner = f"{name}.{key}" if name else str(key)
            yield from differences(first.get(key), second.get(key), inner)
    elif first != second:
        yield name, first, second
