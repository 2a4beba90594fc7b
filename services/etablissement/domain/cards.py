"""The card of a school: what stands on it, what is told of it, what it must have and for what."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

CARD: Final = (
    "name", "email", "address", "postcode", "town", "phone", "head_name", "head_function", "digest",
)  # fmt: skip
"""What the school's staff write."""

TOLD: Final = frozenset({"name", "email", "digest", "town", "academie", "open", "successor"})
"""What other services are told of (`SchoolUpdated`)."""

PERSONAL: Final = ("email", "phone", "head_name", "head_function")
"""What may tell of a person: the history keeps that it has changed, never the values (ADR 39)."""

LABELS: Final = {"name": "le nom", "email": "l'adresse électronique"}
"""What users and the passeport need (the guide, « Attention »), as it is called to staff. The UAI,
the third, is what a card is kept under.
"""


class Act(StrEnum):
    """What was done with a school; its history tells."""

    CREATED = "created"
    EDITED = "edited"
    CLOSED = "closed"
    MERGED = "merged"
    REOPENED = "reopened"
    DIRECTORY = "directory"


class Need(StrEnum):
    """What a complete card is needed for."""

    USERS = "users"
    PASSEPORT = "passeport"


def without_persons(changes: Mapping[str, list[Any]]) -> dict[str, list[Any] | None]:
    """Changes as the history keeps them: no values of `PERSONAL` fields."""
    return {field: None if field in PERSONAL else both for field, both in changes.items()}


def missing(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Which fields the card lacks before users can be created and the passeport exported."""
    return tuple(field for field in LABELS if not card[field])


def differences(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The fields whose wanted value is another, each with the values before and after."""
    return {
        field: [before[field], value] for field, value in wanted.items() if before[field] != value
    }
