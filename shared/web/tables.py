"""Cells of tables that a spreadsheet opens: none is run as a formula (OWASP, CSV injection)."""

from typing import Final

FORMULA: Final = (*"=+-@＝＋－＠", "\t", "\r")
"""How a cell begins that a spreadsheet would run as a formula."""


def harmless(value: object) -> str:
    """The text of a cell; one that a spreadsheet would run is kept as text by an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
