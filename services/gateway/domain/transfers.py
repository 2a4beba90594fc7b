"""Transfers in the words of staff: states, reasons, steps, who must act."""

from collections.abc import Mapping
from typing import Final

from services.gateway.domain.french import count

KINDS: Final = {
    "automatic": "automatique", "by-hand": "à la main", "reversal": "retour du dossier",
}  # fmt: skip
STATES: Final = {
    "offered": ("proposé", "info"),
    "requested": ("en cours", "info"),
    "closed": ("clos", "success"),
    "cancelled": ("abandonné", "neutral"),
    "refused": ("refusé", "warning"),
    "reversed": ("annulé", "warning"),
}
"""The state of a transfer, and the kind of its badge."""

WAITING: Final = {
    "waiting": ("en attente", "neutral"),
    "to_review": ("à examiner", "warning"),
    "under_way": ("en cours", "info"),
    "by_hand": ("à la main", "neutral"),
}
DIRECTIONS: Final = {"sent": "envoyé", "received": "reçu"}
WHY_REVERSED: Final = {
    "other-person": "C’est une autre personne",
    "wrong-school": "Le dossier n’est pas allé dans le bon établissement",
    "never-came": "L’apprenant n’est jamais venu",
    "family-request": "La famille le demande",
}
WHY_REFUSED: Final = {
    "unknown-person": "Nous ne connaissons pas cette personne",
    "not-enrolled": "Cette personne n’est pas inscrite chez nous",
    "already-here": "Son dossier est déjà chez nous",
}
WHY_ASKED: Final = {
    "school-request": "Demande de l’établissement",
    "family-request": "Demande de la famille",
    "incident": "Incident",
    "check": "Contrôle",
}
REASONS: Final = (
    WHY_REVERSED
    | WHY_REFUSED
    | {
        "withdrawn": "retiré avant d’avoir eu lieu",
        "erased": "fiche effacée",
        "merged": "fiche fusionnée avec une autre",
        "returned": "l’apprenant était revenu dans l’établissement d’origine",
        "closed": "établissement fermé",
    }
)
STEPS: Final = {
    "offered": "Proposé à la main",
    "withdrawn": "Proposition retirée",
    "kept": "Proposition maintenue",
    "refused": "Refusé",
    "accepted": "Proposition acceptée",
    "requested": "Transfert demandé",
    "closed": "Dossier transmis",
    "cancelled": "Abandonné",
    "reversed": "Transfert annulé",
    "return-asked": "Retour du dossier demandé",
    "return-declined": "Retour du dossier refusé",
    "hold-lifted": "Interdiction levée entre les deux fiches",
    "judged-same": "Avis : même personne",
    "judged-different": "Avis : pas la même personne",
}
COLLECTED: Final = {
    "apprenant": "l’apprenant",
    "responsable": "le ou les responsables légaux",
    "both": "l’apprenant et le ou les responsables légaux",
}
SAME: Final = {
    "same": ("identique", "success"),
    "different": ("différent", "warning"),
    "unknown": ("inconnu d’un côté", "neutral"),
}
VERDICTS: Final = {
    "same": "même personne",
    "different": "pas la même personne",
    "proposed": "l’établissement d’accueil dit : même personne ; l’établissement d’origine, ou un "
    "administrateur, doit confirmer",
}
KINDS_OF_RECORDS: Final = {"bilan": "bilan", "fiche": "fiche", "evaluation": "évaluation"}


def records(counts: Mapping[str, int] | None) -> str:
    """« 2 bilans, 1 fiche »; what moved, by kind. Empty while nothing has."""
    if counts is None:
        return ""
    told = [
        count(number, KINDS_OF_RECORDS.get(kind, kind)) for kind, number in sorted(counts.items())
    ]
    return ", ".join(told) or "aucune donnée"


def total(counts: Mapping[str, int] | None) -> int:
    """How many records moved."""
    return sum((counts or {}).values())


def who_acts(who: str, side: str) -> str:
    """Who must act, said to one `side` of the case (origin or destination)."""
    if who == side:
        return "votre établissement"
    return {
        "origin": "l’établissement d’origine",
        "destination": "l’établissement d’accueil",
        "both": "les deux établissements",
    }.get(who, "personne")


def school_year(begins: str) -> str:
    """« 2025-2026 » of the year in which a school year begins."""
    return f"{begins}-{int(begins) + 1}"
