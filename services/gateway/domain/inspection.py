"""Accesses of inspectors in the words of staff."""

from typing import Final

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
