"""Names beside the codes that services answer; what is not known is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Names:
    """What is known of the learners, schools and staff of a page. `away` are the services that did
    not answer: their codes stand for the names.
    """

    learners: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    staff: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    away: frozenset[str] = frozenset()

    def learner(self, pupil_id: str | None) -> str:
        """« BADIER Samuel », with the usage name if there is one."""
        if pupil_id is None:
            return "identité sur la proposition"
        one = self.learners.get(pupil_id)
        if one is not None:
            return full_name(one)
        return "nom indisponible" if "siecle_import" in self.away else "fiche effacée"

    def division(self, pupil_id: str | None) -> str:
        """The class of a learner, empty without one."""
        one = self.learners.get(pupil_id or "", {})
        return str(one.get("division") or "")

    def school(self, uai: str) -> str:
        """« Lycée professionnel Ampère, Caen »; empty for one whose name is not known."""
        one = self.schools.get(uai)
        if one is None:
            return ""
        return f"{one['name']}, {one['town']}" if one["town"] else str(one["name"])

    def member(self, account: str | None, unknown: str = "administration") -> str:
        """« Claire Martin (proviseure) » of who has acted; `unknown` who has or had no right in the
        school.
        """
        one = self.staff.get(account or "")
        if one is None:
            if account == "cpro":
                return "CPro éducation"
            return "nom indisponible" if "etablissement" in self.away else unknown
        return f"{one['name']} ({one['function']})" if one["function"] else str(one["name"])


def full_name(learner: Mapping[str, Any]) -> str:
    """« BADIER Samuel », « MARTIN (usage : DURAND) Léa »."""
    usage = learner.get("usage_name")
    known_as = f" (usage\u00a0: {usage})" if usage else ""
    return f"{learner['family_name']}{known_as} {learner['first_name']}"
