"""What is done with schools: created, edited, closed, reopened; each told and noted at once."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asyncpg import Record

from services.etablissement.domain import errors
from services.etablissement.domain.cards import CARD, TOLD, Act, differences, without_persons
from services.etablissement.domain.words import fold
from services.etablissement.store import schools
from shared.database import Transaction
from shared.events import SchoolUpdated
from shared.identifiers import Uai


@dataclass(frozen=True, slots=True)
class By:
    """Who does something (his `sub`), and when."""

    who: str
    at: dt.datetime


def told(row: Mapping[str, Any]) -> SchoolUpdated:
    """The event that tells of a school as it is."""
    return SchoolUpdated(**{name: row[name] for name in SchoolUpdated.model_fields})


async def create(transaction: Transaction, uai: Uai, values: Mapping[str, Any], by: By) -> None:
    """Enter a school into the registry.

    Raises:
        KnownSchoolError: it is there.
    """
    row = await schools.create(transaction.connection, uai, {**values, **_words(values)})
    if row is None:
        raise errors.KnownSchoolError
    await schools.note(transaction.connection, row, Act.CREATED, {}, by.who, by.at)
    transaction.publish([told(dict(row))])


async def edit(
    transaction: Transaction, uai: Uai, version: int, wanted: Mapping[str, Any], by: By
) -> Record:
    """Write fields of a card; from now on they are the school's own, and the directory leaves them.

    Raises:
        UnknownSchoolError, StaleVersionError: nothing is written.
    """
    before = await _lock(transaction, uai, version)
    changed = [field for field in differences(dict(before), wanted) if field in CARD]
    own = sorted({*before["own"], *changed})
    return await _change(transaction, before, {**wanted, "own": own}, Act.EDITED, by)


async def close(
    transaction: Transaction,
    uai: Uai,
    version: int,
    successor: Uai | None,
    by: By,
    *,
    academie: str,
) -> Record:
    """Close a school, perhaps into another one that goes on with its learners and rights. A school
    that was closed without successor may be given one later.

    Raises:
        UnknownSchoolError, OtherAcademieError, StaleVersionError: it is not this one to close.
        NotOpenError: it is closed, and has its successor.
        WrongSuccessorError: that school can't go on with it.
    """
    others = [] if successor is None else [successor]
    held = await schools.locked(transaction.connection, [uai, *others])
    before = _checked(held.get(uai), version, academie)
    if not before["open"] and (before["successor"] or successor is None):
        raise errors.NotOpenError
    if successor is not None and (
        successor == uai or successor not in held or not held[successor]["open"]
    ):
        raise errors.WrongSuccessorError
    act = Act.CLOSED if successor is None else Act.MERGED
    wanted = {"open": False, "successor": successor}
    return await _change(transaction, before, wanted, act, by)


async def reopen(
    transaction: Transaction, uai: Uai, version: int, by: By, *, academie: str
) -> Record:
    """Open a closed school again; what had passed to its successor comes back.

    Raises:
        UnknownSchoolError, OtherAcademieError, StaleVersionError: it is not this one to open.
        NotClosedError: it is open.
    """
    held = await schools.locked(transaction.connection, [uai])
    before = _checked(held.get(uai), version, academie)
    if before["open"]:
        raise errors.NotClosedError
    wanted = {"open": True, "successor": None}
    return await _change(transaction, before, wanted, Act.REOPENED, by)


async def _lock(transaction: Transaction, uai: Uai, version: int) -> Record:
    held = await schools.locked(transaction.connection, [uai])
    return _checked(held.get(uai), version, None)


def _checked(row: Record | None, version: int, academie: str | None) -> Record:
    """The school if it is as the caller knows it, and in the académie that he acts for."""
    if row is None:
        raise errors.UnknownSchoolError
    if academie is not None and (row["academie"] or "*") != academie:
        raise errors.OtherAcademieError
    if row["version"] != version:
        raise errors.StaleVersionError
    return row


async def _change(
    transaction: Transaction, before: Record, wanted: Mapping[str, Any], act: Act, by: By
) -> Record:
    """Write what differs, note it, tell those who listen; nothing happens if nothing differs."""
    changes = differences(dict(before), wanted)
    if not changes.keys() - {"own"}:
        return before
    after = {**before, **wanted}
    after |= _words(after)
    row = await schools.write(transaction.connection, before["uai"], after)
    changes.pop("own", None)
    noted = without_persons(changes)
    await schools.note(transaction.connection, row, act, noted, by.who, by.at)
    if changes.keys() & TOLD:
        transaction.publish([told(dict(row))])
    return row


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    return {"name_words": fold(values["name"]), "town_words": fold(values.get("town") or "")}
