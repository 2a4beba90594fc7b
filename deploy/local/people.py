"""The demonstration: its schools and its people, as the identity provider of the local stack knows
them. None of them exists.
"""

from dataclasses import dataclass
from typing import Final

ACADEMIE: Final = "Normandie"
SCHOOLS: Final = {
    "9990001X": {
        "name": "Lycée professionnel Ampère", "email": "ce.9990001x@demo.example",
        "address": ["1 rue des Ateliers"], "postcode": "14000", "town": "Caen",
    },
    "9990002Y": {
        "name": "Lycée polyvalent Bréguet", "email": "ce.9990002y@demo.example",
        "address": ["2 avenue du Port"], "postcode": "76600", "town": "Le Havre",
    },
    "9990011H": {
        "name": "Lycée professionnel Carnot", "email": "ce.9990011h@demo.example",
        "address": ["3 quai des Forges"], "postcode": "76000", "town": "Rouen",
    },
    "9990012J": {
        "name": "Lycée professionnel Dolto", "email": "ce.9990012j@demo.example",
        "address": ["4 rue des Tilleuls"], "postcode": "27000", "town": "Évreux",
    },
    "9990013K": {
        "name": "CFA Eiffel", "email": "ce.9990013k@demo.example",
        "address": ["5 boulevard de l'Industrie"], "postcode": "76100", "town": "Rouen",
    },
}  # fmt: skip
A, B, LEFT, RECEIVED, CENTRE = SCHOOLS
"""Transfers go from `LEFT` to `RECEIVED`, and by hand to `CENTRE`, which does not use SIECLE."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone of the demonstration; `subject` is who the provider says it is. `roles` by school."""

    subject: str
    name: str
    what: str
    function: str = ""
    roles: tuple[tuple[str, str], ...] = ()

    @property
    def email(self) -> str:
        """The address, which the provider has verified."""
        return f"{self.subject}@demo.example"


HEAD: Final = Person(
    "direction", "Claire Martin", "direction du lycée Ampère", "proviseure", ((A, "direction"),)
)
OFFICE: Final = Person(
    "gestion", "Paul Lefèvre", "gestion du lycée Bréguet", "secrétaire", ((B, "gestion"),)
)
BOTH: Final = Person(
    "deux-etablissements", "Nadia Benali", "direction de deux établissements", "proviseure",
    ((A, "direction"), (B, "direction")),
)  # fmt: skip
SENDER: Final = Person(
    "direction-carnot", "Alain Vidal", "direction du lycée Carnot", "proviseur",
    ((LEFT, "direction"),),
)  # fmt: skip
RECEIVER: Final = Person(
    "direction-dolto", "Sophie Nguyen", "direction du lycée Dolto", "proviseure",
    ((RECEIVED, "direction"),),
)  # fmt: skip
CENTRE_OFFICE: Final = Person(
    "gestion-cfa", "Karim Haddad", "gestion du CFA Eiffel", "secrétaire", ((CENTRE, "gestion"),)
)
INSPECTOR: Final = Person("inspection", "Valéry Morel", "inspection, académie de Normandie")
ADMINISTRATOR: Final = Person("administration", "Hélène Roux", "administration nationale")
UNKNOWN: Final = Person("inconnu", "Luc Petit", "compte que personne n'a invité")
PEOPLE: Final = (
    HEAD, OFFICE, BOTH, SENDER, RECEIVER, CENTRE_OFFICE, INSPECTOR, ADMINISTRATOR, UNKNOWN,
)  # fmt: skip
