"""Looks at a learner, from the two services that note them, as one list."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

WHAT: Final = {
    "page": "fiche de l'apprenant",
    "identity": "identité, pour une proposition de transfert",
    "suggest": "rapprochement, pour une proposition de transfert",
    "create": "création dans l'établissement d'accueil",
    "export": "export des données",
    "list": "liste des documents",
    "record": "un document",
    "search": "recherche dans les dossiers",
    "attachment": "une pièce jointe",
    "inspection": "inspection",
}
"""What was looked at, as staff read it."""

Looks = Sequence[Mapping[str, Any]]


def joined(sources: Mapping[str, Looks], limit: int) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The newest looks of all sources, each with its `source`; and by source the cursor (the id of
    the last look that is shown), so that the next page shows the others.
    """
    every = [{**look, "source": name} for name, looks in sources.items() for look in looks]
    newest = sorted(every, key=lambda look: (look["at"], look["id"]), reverse=True)[:limit]
    cursors = {look["source"]: int(look["id"]) for look in newest}
    return newest, cursors if len(every) > len(newest) else {}
