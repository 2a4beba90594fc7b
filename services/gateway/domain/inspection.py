"""Accesses of inspectors in the words of staff."""

from collections.abc import Mapping
from typing import Any, Final

BECAUSE: Final = {
    "switched": "Changé par l’établissement",
    "referent-named": "Inspecteur référent nommé",
    "referent-removed": "Inspecteur référent retiré",
    "subscription-ended": "Abonnement terminé",
}
LOOKED: Final = {
    "card": "fiche de l’établissement",
    "learners": "liste des apprenants",
    "learner": "un apprenant",
    "counts": "nombre d’éléments par apprenant",
    "records": "dossier d’un apprenant",
    "record": "un élément d’un dossier",
}
RECORDS: Final = {"bilan": "bilan", "fiche": "fiche", "evaluation": "évaluation"}


def body_lines(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a record holds, line by line: the module that wrote it has named the parts."""
    return [
        (str(name).replace("_", " ").capitalize(), _text(value)) for name, value in body.items()
    ]


def _text(value: Any) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "oui" if value else "non"
        case list():
            return " ; ".join(_text(one) for one in value)
        case dict():
            return " ; ".join(f"{name} : {_text(one)}" for name, one in value.items())
    return str(value)
