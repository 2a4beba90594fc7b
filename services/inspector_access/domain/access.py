"""Visits, and the order in which lines are shown."""

import datetime as dt
import unicodedata
from collections.abc import Sequence
from typing import Literal

VISIT_PAUSE = dt.timedelta(minutes=30)
"""After so long without a look, the next one begins a new visit."""

Because = Literal["switched", "referent-named", "referent-removed", "subscription-ended"]
"""What has happened to an access: see `InspectorAccessToggled`."""

NOBODY = (
    "Aucun inspecteur référent n'est encore désigné pour ce diplôme : personne n'est prévenu pour "
    "l'instant."
)


def line(label: str, referents: Sequence[str]) -> str:
    """A diploma as the guide shows it: its label, then its referents in brackets."""
    return f"{label} [{', '.join(referents)}]"


def note(*, active: bool, referents: Sequence[str]) -> str | None:
    """What is to be said of a line, if anything: that it is on, and nobody is told yet."""
    return NOBODY if active and not referents else None


def alphabetical(text: str) -> tuple[str, str]:
    """The place of a text in a French list: accents and case come last."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return plain.casefold(), text
