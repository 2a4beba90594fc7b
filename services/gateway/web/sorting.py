"""Headings that sort a table by link: `tri=name` in the address, `tri=-name` for the reverse."""

from collections.abc import Mapping
from urllib.parse import urlencode

Heading = tuple[str, str, str]


def heading(
    label: str, name: str, tri: str, path: str, kept: Mapping[str, str] | None = None
) -> Heading:
    """A heading as `ui.table` takes it: its words, where its link leads, how the table is sorted by
    it now. `kept` is what else stands in the address.
    """
    states = {name: ("ascending", f"-{name}"), f"-{name}": ("descending", name)}
    state, following = states.get(tri, ("", name))
    return label, f"{path}?{urlencode({**(kept or {}), 'tri': following})}", state
