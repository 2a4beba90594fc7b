"""The passeport professionnel of a learner: his bilans, fiches and évaluations, each with the
school it was written in, its date and its author; the logo on top, the cachet at the end.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from services.gateway.documents.paper import MARGIN, MUTED, Paper
from services.gateway.domain.french import count, day, telephone
from services.gateway.domain.passeport import Contents, Entry, Owner, Stamp
from services.gateway.domain.transfers import KINDS_OF_RECORDS

TITLE: Final = "Passeport professionnel"
NOT_PRINTED: Final = (
    "Le contenu de ce document est trop long pour être imprimé ici : il se lit dans l'application."
)
SQUARE: Final = 28.0
STEP: Final = 5.0
"""Millimetres."""


def passeport(
    owner: Owner, stamp: Stamp, contents: Contents, schools: Mapping[str, str], made_at: dt.datetime
) -> bytes:
    """The PDF. `schools`: names by UAI; one that is not known is told by its UAI."""
    paper = Paper(
        f"{TITLE} de {owner.name}", f"{TITLE} – {owner.name}", stamp.card["name"], made_at
    )
    _top(paper, stamp)
    _owner(paper, owner, contents, made_at)
    for kind, name in KINDS_OF_RECORDS.items():
        entries = [entry for entry in contents.entries if entry.kind == kind]
        if entries:
            paper.heading(f"{name.capitalize()}s")
            for entry in sorted(entries, key=lambda one: one.written_on):
                _entry(paper, entry, schools)
    if not contents.entries:
        paper.paragraph("Aucun bilan, aucune fiche et aucune évaluation n'ont encore été écrits.")
    _end(paper, stamp, made_at)
    return paper.finished()


def _top(paper: Paper, stamp: Stamp) -> None:
    top = paper.get_y()
    letterhead(paper, stamp.card, stamp.logo)
    paper.set_y(max(paper.get_y(), top + (SQUARE if stamp.logo else 0)))
    paper.rule()


def letterhead(paper: Paper, card: Mapping[str, Any], logo: bytes | None) -> None:
    """The school's name, address and contact, beside its logo."""
    indent = 0.0
    if logo is not None:
        told = f"Logo de {card['name']}"
        paper.picture(logo, told, x=MARGIN, y=paper.get_y(), room=SQUARE)
        indent = SQUARE + 6
    paper.paragraph(card["name"], size=12, bold=True, indent=indent)
    place = f"{card['postcode'] or ''} {card['town'] or ''}".strip()
    contact = " – ".join(filter(None, (telephone(card["phone"]), card["email"])))
    for line in (*card["address"], place, contact, f"UAI {card['uai']}"):
        if line:
            paper.paragraph(line, size=9, indent=indent, colour=MUTED)


def _owner(paper: Paper, owner: Owner, contents: Contents, made_at: dt.datetime) -> None:
    paper.paragraph(TITLE, size=20, bold=True)
    paper.paragraph(owner.name, size=14, bold=True)
    division = f" – classe {owner.division}" if owner.division else ""
    paper.paragraph(f"Date de naissance : {day(owner.birth_date)}{division}")
    numbers = [
        count(sum(entry.kind == kind for entry in contents.entries), one)
        for kind, one in KINDS_OF_RECORDS.items()
    ]
    paper.paragraph(f"Édité le {day(made_at)} : {', '.join(numbers)}.", colour=MUTED)


def _entry(paper: Paper, entry: Entry, schools: Mapping[str, str]) -> None:
    paper.heading(entry.title, 1)
    name = schools.get(entry.uai)
    school = f"{name} ({entry.uai})" if name else entry.uai
    parts = (day(entry.written_on), entry.author, school, entry.diploma)
    paper.paragraph(" – ".join(filter(None, parts)), size=9, colour=MUTED)
    if entry.lines is None:
        paper.paragraph(NOT_PRINTED)
        return
    for depth, text in entry.lines:
        paper.paragraph(text, indent=min(depth, 6) * STEP)


def _end(paper: Paper, stamp: Stamp, made_at: dt.datetime) -> None:
    paper.keep(SQUARE + 30)
    paper.rule()
    card = stamp.card
    place = f"Fait à {card['town']}, le" if card["town"] else "Fait le"
    paper.paragraph(f"{place} {day(made_at)}")
    head = " – ".join(filter(None, (card["head_name"], card["head_function"])))
    if head:
        paper.paragraph(head)
    if stamp.cachet is not None:
        told = f"Cachet de {card['name']}"
        paper.picture(stamp.cachet, told, x=MARGIN, y=paper.get_y() + 2, room=SQUARE)
