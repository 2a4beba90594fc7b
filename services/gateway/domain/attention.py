"""What needs attention in a school, in words, each with the tab where one acts on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from services.gateway.domain.french import count, day

TRANSFERS: Final = "/transferts"
IMPORT: Final = "/import"
MAILS: Final = "/mails"
CARD: Final = "/etablissement"


@dataclass(frozen=True, slots=True)
class Matter:
    """One line of « À faire »: what is the matter, what is done about it, and where."""

    text: str
    act: str
    path: str


_COUNTED: Final = {
    "await_acceptance": (
        "dossier proposé à la main attend votre réponse",
        "dossiers proposés à la main attendent votre réponse",
        "Répondre", TRANSFERS,
    ),
    "await_opinion": (
        "rapprochement attend votre avis", "rapprochements attendent votre avis",
        "Donner un avis", TRANSFERS,
    ),
    "await_import": (
        "dossier attend votre import SIECLE", "dossiers attendent votre import SIECLE",
        "Importer", IMPORT,
    ),
    "await_switch": (
        "dossier attend que vous activiez les transferts",
        "dossiers attendent que vous activiez les transferts",
        "Voir les transferts", TRANSFERS,
    ),
}  # fmt: skip
_IMPORTS: Final = {
    "ready": ("Un import attend d'être confirmé : rien n'a encore changé", "Confirmer"),
    "refused": ("Le dernier fichier SIECLE a été refusé", "Voir pourquoi"),
    "failed": ("Le dernier import n'a pas abouti", "Voir l'import"),
}


_STATES: Final = {
    "received": "en cours de lecture",
    "ready": "prêt, à confirmer",
    "confirmed": "en cours d'application",
    "applied": "appliqué",
    "seen": "sans effet, le même fichier était déjà appliqué",
    "refused": "refusé",
    "failed": "interrompu",
    "cancelled": "abandonné",
    "superseded": "remplacé par un autre fichier",
    "undone": "annulé après coup",
}


def last_import(newest: Sequence[Mapping[str, Any]]) -> str:
    """Where the last import stands, and since when."""
    if not newest:
        return "aucun pour l'instant"
    last = newest[0]
    return f"{_STATES[last['state']]} ({day(last['ended_at'] or last['received_at'])})"


def waiting(counts: Mapping[str, int]) -> Iterator[Matter]:
    """What dossiers wait for, in the order in which someone waits for an answer."""
    for what, (one, many, act, path) in _COUNTED.items():
        if number := counts.get(what, 0):
            yield Matter(count(number, one, many), act, path)


def imports(newest: Sequence[Mapping[str, Any]]) -> Iterator[Matter]:
    """What the last import asks for; nothing once it is applied or given up."""
    if newest and (told := _IMPORTS.get(newest[0]["state"])):
        yield Matter(told[0], told[1], IMPORT)


def to_read(matter: Matter) -> Matter:
    """The same for who reads imports and makes none: the school acts, he looks."""
    return replace(matter, act="Voir les imports") if matter.path == IMPORT else matter


def mails(failed: int, *, more: bool, untold: int) -> Iterator[Matter]:
    """Mails that reached nobody."""
    if failed:
        least = "Au moins " if more else ""
        text = count(failed, "mail n'a pas pu être remis", "mails n'ont pas pu être remis")
        yield Matter(least + text, "Voir les mails", MAILS)
    if untold:
        text = count(
            untold, "mail attend l'adresse électronique de l'établissement",
            "mails attendent l'adresse électronique de l'établissement",
        )  # fmt: skip
        yield Matter(text, "Compléter la fiche", CARD)
