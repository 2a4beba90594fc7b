"""The notice to families on A4 paper, with a slip to return."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from services.gateway.documents.paper import MARGIN, MUTED, Paper
from services.gateway.documents.passeport import SQUARE, letterhead
from services.gateway.domain import notice as text
from services.gateway.domain.french import day

BOX: Final = 4.0
SLIP_HEIGHT: Final = 78.0
"""Millimetres."""


def notice(card: Mapping[str, Any], logo: bytes | None, made_at: dt.datetime) -> bytes:
    """The PDF of this school."""
    paper = Paper(text.TITLE, f"{card['name']} – {day(made_at)}", card["name"], made_at)
    top = paper.get_y()
    letterhead(paper, card, logo)
    paper.set_y(max(paper.get_y(), top + (SQUARE if logo else 0)))
    paper.rule()
    paper.paragraph(text.TITLE, size=15, bold=True)
    paper.ln(1)
    paper.paragraph(text.INTRODUCTION)
    for section in text.sections(card):
        paper.heading(section.question, 1)
        if section.answer:
            paper.paragraph(section.answer)
        paper.bullets(section.points)
    _slip(paper, card)
    return paper.finished()


def _slip(paper: Paper, card: Mapping[str, Any]) -> None:
    paper.keep(SLIP_HEIGHT)
    paper.ln(5)
    paper.set_dash_pattern(dash=2, gap=2)
    paper.line(MARGIN, paper.get_y(), paper.w - MARGIN, paper.get_y())
    paper.set_dash_pattern()
    paper.ln(1)
    paper.heading(text.SLIP, 1)
    paper.paragraph(f"À rendre à : {card['name']}", size=9, colour=MUTED)
    for choice in text.CHOICES:
        paper.ln(1)
        paper.rect(MARGIN, paper.get_y() + 0.5, BOX, BOX)
        paper.paragraph(choice, indent=BOX + 3)
    for field in text.SLIP_FIELDS:
        paper.ln(3)
        paper.paragraph(f"{field} :")
        start = MARGIN + paper.get_string_width(f"{field} : ") + 1
        paper.line(start, paper.get_y() - 1, paper.w - MARGIN, paper.get_y() - 1)
