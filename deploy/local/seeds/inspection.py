"""Inspectors of the demonstration: the diplomas of the guide, who is referent, and which school is
subscribed. As CSV, the way administrators send them.
"""

from collections.abc import Iterator
from typing import Final

from deploy.local.people import INSPECTOR, LEFT

COLLEAGUE: Final = ("aymerick@demo.example", "Aymerick Lenoir")
DIPLOMAS: Final = (
    ("2DE-TNE", "2de famille de métiers des Transitions numérique et énergétique", "24723332031"),
    (
        "2DE-PMIA",
        "2de famille de métiers du Pilotage et de la maintenance d'installations automatisées",
        "24720131031",
    ),
    ("BCP-MSPC", "Bac Pro Maintenance des systèmes de production connectés", "24725108132"),
    (
        "BCP-MELEC",
        "Bac Pro Métiers de l'Électricité et de ses Environnements Connectés",
        "24725510132",
    ),
)
"""Code, label, MEF; as in the guide, « Accès inspecteur »."""


def tables() -> Iterator[tuple[str, str]]:
    """The tables, in the order in which they can be taken in."""
    lines = (";".join(one) for one in DIPLOMAS)
    yield "diplomes", "\n".join(["code;libelle;mef", *lines, ""])
    people = (INSPECTOR.email, INSPECTOR.name), COLLEAGUE
    yield "inspecteurs", "\n".join(["adresse;nom", *(";".join(one) for one in people), ""])
    referents = (f"{email};{DIPLOMAS[0][0]};;;" for email, _ in people)
    yield "referents", "\n".join(["adresse;diplome;uai;debut;fin", *referents, ""])
    subscribed = (f"{LEFT};{code};;" for code, _, _ in DIPLOMAS)
    yield "abonnements", "\n".join(["uai;diplome;debut;fin", *subscribed, ""])
