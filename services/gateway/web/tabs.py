"""The one list of tabs, in the order of the guide."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab: shown to who may do `action` in the school of the visit, or, `anywhere`, in some
    place; without an action to everyone who is signed in.
    """

    label: str
    path: str
    action: Action | None
    anywhere: bool = False

    def for_(self, person: Principal, uai: str | None) -> bool:
        """Whether the person is shown it."""
        if self.action is None:
            return True
        if self.anywhere:
            return person.may_somewhere(self.action)
        return uai is not None and person.may(self.action, Uai(uai))


TABS: Final = (
    Tab("Accueil", "/", None),
    Tab("Etablissement", "/etablissement", Action.READ_SCHOOL),
    Tab("Logo", "/logo", Action.READ_SCHOOL),
    Tab("Transferts", "/transferts", Action.SEE_TRANSFERS),
    Tab("Pourquoi ?", "/pourquoi", Action.EXPLAIN),
    Tab("Accès inspecteur", "/acces-inspecteur", Action.SEE_INSPECTORS),
    Tab("Apprentis", "/apprentis", Action.READ_SCHOOL),
    Tab("Modules", "/modules", Action.READ_SCHOOL),
    Tab("Import SIECLE", "/import", Action.READ_IMPORTS),
    Tab("Apprenants", "/apprenants", Action.READ_PUPILS),
    Tab("Utilisateurs", "/utilisateurs", Action.READ_USERS),
    Tab("Administration", "/administration", Action.MANAGE_SCHOOLS, anywhere=True),
    Tab("Console", "/console", Action.INSPECT, anywhere=True),
)
"""A tab appears when a page of its path is served."""

LEGAL: Final = (
    ("Aide", "/aide"),
    ("Accessibilité : {accessibility}", "/accessibilite"),
    ("Mentions légales", "/mentions-legales"),
    ("Données personnelles", "/donnees-personnelles"),
    ("Cookies", "/cookies"),
)
"""The links of the footer; each appears when its page is served. The law wants the state of
accessibility in the first.
"""


def shown(person: Principal, uai: str | None, served: Collection[str]) -> Iterator[Tab]:
    """The tabs of a person."""
    return (tab for tab in TABS if tab.path in served and tab.for_(person, uai))


_WAITING: Final = {
    "await_import": "/import",
    "await_switch": "/transferts",
    "await_acceptance": "/transferts",
    "await_opinion": "/transferts",
}
"""The tab in which a school does what it is asked to do."""


def badges(counts: Mapping[str, int]) -> dict[str, int]:
    """The number on each tab, by path, from what `transfer` counts for the school."""
    numbers: dict[str, int] = {}
    for what, number in counts.items():
        path = _WAITING.get(what, "/transferts")
        numbers[path] = numbers.get(path, 0) + number
    return numbers


def help_of(path: str) -> str:
    """Where the help about a page is: that of its tab; empty for pages of no tab."""
    first = "/" + path.split("/")[1]
    if not any(tab.path == first for tab in TABS):
        return ""
    return "/aide/accueil" if first == "/" else f"/aide{first}"
