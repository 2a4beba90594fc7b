"""« Mise en service »: what a school does before it works with the application; what is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Standing(StrEnum):
    """Where a step stands; `UNKNOWN`: the service that knows does not answer."""

    DONE = "done"
    DECLARED = "declared"
    TO_DO = "to-do"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """A step, where it is done, and what to do. `declare`: the words with which staff say that it
    is done or does not concern them; empty if it has to be done.
    """

    key: str
    label: str
    path: str
    advice: str
    declare: str = "ne nous concerne pas"


STEPS: Final = (
    Step("card", "Fiche de l'établissement", "/etablissement",
         "renseignez le nom et l'adresse électronique", declare=""),
    Step("logo", "Logo", "/logo", "téléchargez le logo, imprimé sur les documents"),
    Step("cachet", "Cachet", "/logo", "téléchargez le cachet, imprimé sur les documents"),
    Step("users", "Utilisateurs", "/utilisateurs",
         "la direction invite les personnes qui travailleront dans l'application"),
    Step("import", "Premier import SIECLE", "/import", "importez la base élèves"),
    Step("diplomas", "Diplômes et MEF", "/acces-inspecteur",
         "chaque formation (MEF) appartient à un diplôme de l'établissement ; ce qui manque est à "
         "demander à l'administrateur de votre académie"),
    Step("transfers", "Transferts", "/transferts",
         "activez le transfert pour que les dossiers suivent les élèves"),
    Step("inspectors", "Accès inspecteur", "/acces-inspecteur",
         "choisissez les diplômes que les inspecteurs peuvent consulter"),
    Step("contacts", "Contacts des apprentis", "/apprentis",
         "indiquez à qui les apprentis peuvent s'adresser"),
    Step("notice", "Information des familles", "/information-familles",
         "remettez aux familles la notice sur le transfert des données", declare="c'est fait"),
)  # fmt: skip
"""The steps, in the order of people.md."""


def standing(step: Step, seen: Mapping[str, bool | None], declared: Collection[str]) -> Standing:
    """Where a step stands: `seen` has what the services tell of it (None: nobody answers); what
    nobody can see is left out of it.
    """
    if seen.get(step.key):
        return Standing.DONE
    if step.declare and step.key in declared:
        return Standing.DECLARED
    if step.key in seen and seen[step.key] is None:
        return Standing.UNKNOWN
    return Standing.TO_DO


def finished(standings: Collection[Standing]) -> bool:
    """Whether nothing is left to do, as far as anyone knows."""
    return Standing.TO_DO not in standings and Standing.UNKNOWN not in standings
