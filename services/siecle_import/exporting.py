"""All that this service holds of one learner, as a document that he can read."""

from typing import Any
from uuid import UUID

from services.siecle_import.domain.pupils import Pupil
from services.siecle_import.preview import FIELDS, shown, why_left
from services.siecle_import.store import erasures
from services.siecle_import.store import exports as store
from shared.database import Connection
from shared.identifiers import Uai

_STATE = ("id", "active", "since", "activated", "stay", "version", "merged_into")


async def held(connection: Connection, uai: Uai, pupil_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """The learner's cards in the school, and what imports, merges and transfers say of him. What a
    file has said about his line is told by code only: its message may name another learner.
    """
    cards = [Pupil(**row) for row in await erasures.with_cards(connection, [pupil_id])]
    ids = [card.id for card in cards]
    numbers = [card.eleve_id for card in cards if card.eleve_id]
    return {
        "cards": [_card(card) for card in cards],
        "imports": [
            dict(row) for row in await store.said_by_imports(connection, uai, ids, numbers)
        ],
        "merges": [dict(row) for row in await store.merges_of(connection, ids)],
        "transfers": [dict(row) for row in await store.transfers_of(connection, ids)],
    }


def _card(pupil: Pupil) -> dict[str, Any]:
    """A card, its fields named as staff know them."""
    said = {label: shown(name, getattr(pupil, name)) for name, label in FIELDS.items()}
    return {name: getattr(pupil, name) for name in _STATE} | {"why": why_left(pupil)} | said
