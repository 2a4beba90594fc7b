"""A visit: who, with what rights, in which school, until when.

Rights are asked anew every five minutes. While those who know them do not answer, the last answer
holds for a quarter of an hour: a service that restarts sends nobody away.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid5

from shared.rights import Role

IDLE: Final = dt.timedelta(hours=2)
AT_MOST: Final = dt.timedelta(hours=12)
SIGN_IN: Final = dt.timedelta(minutes=10)
ASK_AGAIN: Final = dt.timedelta(minutes=5)
ASK_SOON: Final = dt.timedelta(seconds=30)
"""When rights are asked again if nobody has answered."""

RIGHTS_HOLD: Final = dt.timedelta(minutes=15)

_PERSONS = UUID("5b0f6bd5-6a0e-5d52-9c7e-3f8f6f1f2a60")


def person_of(issuer: str, subject: str) -> UUID:
    """The id of the person of an account: the same at each visit, in every service."""
    return uuid5(_PERSONS, f"{issuer}\n{subject}")


@dataclass(frozen=True, slots=True)
class Account:
    """What the provider proves of who signs in."""

    person: UUID
    email: str
    email_verified: bool
    name: str
    id_token: str


@dataclass(frozen=True, slots=True)
class School:
    """A school as one chooses it, and what the person is there."""

    uai: str
    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Rights:
    """What the services tell of a person. `inspects` is what `inspector_access` tells, `why` tells
    someone who has nothing to see why, and whom to ask.
    """

    name: str = ""
    function: str = ""
    schools: Mapping[str, School] = field(default_factory=dict)
    academies: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    inspects: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    why: str = ""

    @property
    def any(self) -> bool:
        """Whether there is something to see."""
        return bool(self.schools or self.academies or self.inspects)

    @property
    def everywhere(self) -> Mapping[str, frozenset[Role]]:
        """The roles by académie, from both services."""
        places = {*self.academies, *self.inspects}
        none: frozenset[Role] = frozenset()
        return {
            place: self.academies.get(place, none) | self.inspects.get(place, none)
            for place in places
        }

    def only_school(self) -> School | None:
        """The school that needs no choice: the only one of which the person is staff."""
        if len(self.schools) == 1:
            return next(iter(self.schools.values()))
        return None


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept; `id_hash` is its key."""

    id_hash: bytes
    account: Account
    rights: Rights
    school: School | None
    csrf: str
    flash: Sequence[Mapping[str, Any]]
    ask_again_at: dt.datetime
    rights_until: dt.datetime


def chosen(rights: Rights, before: School | None) -> School | None:
    """The school after rights were asked anew: the one before with its present roles, or the only
    one. (Where an administrator looks is asked apart, it is no school of his.)
    """
    if before is not None and before.uai in rights.schools:
        return rights.schools[before.uai]
    return rights.only_school()
