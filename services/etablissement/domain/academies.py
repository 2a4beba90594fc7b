"""The académies, each in one spelling, and the départements that UAI begin with.

Names as the ministry's directory of schools writes them. Rights are held by these names, so each
name that comes in is brought to its spelling here.
"""

from functools import lru_cache
from typing import Final

from services.etablissement.domain.words import fold

ACADEMIES: Final = (
    "Aix-Marseille", "Amiens", "Besançon", "Bordeaux", "Clermont-Ferrand", "Corse", "Créteil",
    "Dijon", "Grenoble", "Guadeloupe", "Guyane", "La Réunion", "Lille", "Limoges", "Lyon",
    "Martinique", "Mayotte", "Montpellier", "Nancy-Metz", "Nantes", "Nice", "Normandie",
    "Nouvelle-Calédonie", "Orléans-Tours", "Paris", "Poitiers", "Polynésie française", "Reims",
    "Rennes", "Saint-Pierre-et-Miquelon", "Strasbourg", "Toulouse", "Versailles",
    "Wallis-et-Futuna",
)  # fmt: skip

_FORMER = {"caen": "Normandie", "rouen": "Normandie", "reunion": "La Réunion"}
_PREFIXES = ("academie de ", "academie d ", "vice rectorat de ")
_BY_FOLDED = {fold(name): name for name in ACADEMIES} | _FORMER

_CORSICA = {"620": "2A", "720": "2B"}


@lru_cache(maxsize=1_000)  # a directory names the same few 70,000 times
def academie_named(text: str) -> str | None:
    """The académie that a text names, in its spelling; None if there is none of this name."""
    folded = fold(text)
    for prefix in _PREFIXES:
        folded = folded.removeprefix(prefix)
    return _BY_FOLDED.get(folded)


def departement_of(uai: str) -> str:
    """The number of a school's département: 69, 2A, 974."""
    start = uai[:3]
    return _CORSICA.get(start) or start.removeprefix("0")
