"""Which parts of a setting differ from what it was, for its history."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any


def changed(before: Any, after: Any, place: str = "") -> list[str]:
    """Where two JSON values differ, as dotted places (`centres.0.phone`); never what they hold."""
    one, other = _alike(before, after), _alike(after, before)
    if isinstance(one, dict) and isinstance(other, dict):
        pairs: Sequence[tuple[Any, Any, Any]] = [
            (key, one.get(key), other.get(key)) for key in sorted({*one, *other})
        ]
    elif isinstance(one, list) and isinstance(other, list):
        pairs = [(i, *pair) for i, pair in enumerate(zip_longest(one, other))]
    else:
        return [place] if before != after else []
    return [
        where for key, old, new in pairs for where in changed(old, new, f"{place}.{key}".strip("."))
    ]


def _alike(value: Any, other: Any) -> Any:
    """The value; an empty one where there is none beside something that has parts."""
    return type(other)() if value is None and isinstance(other, dict | list) else value
