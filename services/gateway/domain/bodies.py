"""The content of a record as lines of text. Only the module that wrote it understands it, so names
are shown as they are, a little nicer, and nothing is left out.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.gateway.domain.french import day

PLAIN: Final = frozenset({"texte", "text", "contenu"})
"""Names that say nothing: their text stands for itself."""

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def lines_of(body: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """(depth, line) of a content, in its own order."""
    for name, value in body.items():
        yield from _named(name, value, 0)


def _named(name: str, value: Any, depth: int) -> Iterator[tuple[int, str]]:
    label = label_of(name)
    if isinstance(value, Mapping | list):
        if value:
            yield depth, f"{label} :"
            yield from _inside(value, depth + 1)
        return
    text = told(value)
    yield depth, text if name.casefold() in PLAIN else f"{label} : {text}"


def _inside(value: Any, depth: int) -> Iterator[tuple[int, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _named(name, inner, depth)
        return
    for inner in value:
        if isinstance(inner, Mapping | list):
            yield from _inside(inner, depth)
        else:
            yield depth, f"– {told(inner)}"


def label_of(name: str) -> str:
    """« points_forts » → « Points forts »."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def told(value: Any) -> str:
    """A value as people read it."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "oui" if value else "non"
        case float():
            return f"{value:g}".replace(".", ",")
        case str() if _DAY.fullmatch(value):
            try:
                return day(dt.date.fromisoformat(value))
            except ValueError:
                return value
    return str(value)
