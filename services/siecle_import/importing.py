"""What people ask of an import: take a file in, apply it, give it up, undo it.

A file is kept safe before the request that brings it is answered. `steps.py` then works behind.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Self
from uuid import UUID

from asyncpg import Record

from services.siecle_import.announce import import_applied, pupil_events
from services.siecle_import.closing import lock_open_school
from services.siecle_import.domain.imports import (
    ImportUnderWayError,
    Needed,
    NotReadyError,
    State,
    UnknownImportError,
    check_confirmed,
)
from services.siecle_import.domain.pupils import Change, Reason
from services.siecle_import.domain.undoing import Made, NotUndoableError, Undoing, undo
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import former
from services.siecle_import.store import imports, pupils
from shared.database import Connection, Transaction
from shared.identifiers import Uai

CHUNK_BYTES = 1024 * 1024


async def receive(
    transaction: Transaction, uai: Uai, file: IO[bytes], *, file_name: str | None,
    sent_by: str, received_at: datetime, import_id: UUID,
) -> None:  # fmt: skip
    """Keep a file safe; reading begins after the commit.

    Raises:
        ImportUnderWayError: another import of the school is being read or applied.
        SchoolClosedError
    """
    connection = transaction.connection
    await _lock(connection, uai)
    await imports.receive(
        connection, import_id, uai, file_name=file_name, sent_by=sent_by, received_at=received_at
    )
    position = 0
    while data := file.read(CHUNK_BYTES):
        await imports.add_chunk(connection, import_id, position, data)
        position += 1


async def _lock(connection: Connection, uai: Uai) -> None:
    """Lock the school's base; it must be open, and no import of it under way."""
    await lock_open_school(connection, uai)
    if await imports.is_under_way(connection, uai):
        raise ImportUnderWayError


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person confirms: codes, the number of deactivations typed, whom not to deactivate."""

    codes: Collection[str]
    number: int | None
    spared: Collection[UUID]

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Self:
        """The consent as it stands in the database; none, where nothing needed one."""
        if kept is None:
            return cls((), None, ())
        return cls(kept["codes"], kept["number"], [UUID(pupil) for pupil in kept["spared"]])

    def kept(self) -> Mapping[str, Any]:
        """As it stands in the database."""
        spared = sorted(map(str, self.spared))
        return {"codes": sorted(self.codes), "number": self.number, "spared": spared}


async def confirm(
    transaction: Transaction, uai: Uai, import_id: UUID, consent: Consent, *, confirmed_by: str
) -> Record:
    """Have an import applied that has been read; of two confirmations at once, one is told.

    Raises:
        SchoolClosedError, UnknownImportError, NotReadyError, NotConfirmedError
    """
    connection = transaction.connection
    run = await _ready(connection, uai, import_id)
    check_confirmed(needed(run), consent.codes, consent.number)
    values = {"confirmed_by": confirmed_by, "consent": consent.kept()}
    return await _set(connection, import_id, State.CONFIRMED, values)


def needed(run: Record) -> list[Needed]:
    """What an import must have confirmed."""
    return [Needed(**one) for one in run["confirmations"] or []]


async def cancel(
    transaction: Transaction, uai: Uai, import_id: UUID, *, by: str, at: datetime
) -> Record:
    """Give up an import that waits for a person.

    Raises:
        UnknownImportError, NotReadyError
    """
    connection = transaction.connection
    run = await _ready(connection, uai, import_id)
    await imports.delete_lists(connection, run["id"])
    values = {"ended_by": by, "ended_at": at, "reading": None}
    return await _set(connection, import_id, State.CANCELLED, values)


async def _ready(connection: Connection, uai: Uai, import_id: UUID) -> Record:
    await lock_open_school(connection, uai)
    run = await imports.import_run(connection, uai, import_id)
    if run is None:
        raise UnknownImportError
    if run["state"] != State.READY:
        raise NotReadyError
    return run


async def _set(
    connection: Connection, import_id: UUID, state: State, values: Mapping[str, Any]
) -> Record:
    row = await imports.set_state(
        connection, import_id, expected=State.READY, state=state, values=values
    )
    if row is None:
        raise NotReadyError
    return row


async def what_undoing_does(
    connection: Connection, uai: Uai, import_id: UUID, now: datetime
) -> tuple[Undoing, Mapping[UUID, Record]]:
    """What the undoing of an import would change, and the transfers closed since, by learner.

    Raises:
        UnknownImportError: the school has no such import.
        NotUndoableError: it is not the last one, or something was done to the base after it.
    """
    run = await imports.import_run(connection, uai, import_id)
    if run is None:
        raise UnknownImportError
    last = await imports.last_applied(connection, uai)
    if last is None or last["id"] != import_id or not last["undoable"]:
        raise NotUndoableError
    rows = await imports.changes_of(connection, import_id)
    if len(rows) != sum(run["counts"][kind] for kind in Change):  # erased, after a year
        raise NotUndoableError
    ids = [row["pupil_id"] for row in rows]
    transferred = await pupils.transferred_since(connection, ids, run["number"])
    base = await pupils.pupils(connection, uai, ids)
    made = [
        Made(
            row["pupil_id"],
            Change(row["list"]),
            former(base[row["pupil_id"]], row["before"]) if row["before"] else None,
            row["version"],
        )
        for row in rows
        if row["pupil_id"] in base
    ]
    return await asyncio.to_thread(undo, made, base, transferred, now), transferred


async def undo_import(
    transaction: Transaction, uai: Uai, import_id: UUID, keys: KeyMaker, *, by: str, at: datetime
) -> Record:
    """Undo the last applied import of a school; the one before it is in force again.

    Raises:
        ImportUnderWayError, SchoolClosedError, UnknownImportError, NotUndoableError
    """
    connection = transaction.connection
    await _lock(connection, uai)
    undoing, _ = await what_undoing_does(connection, uai, import_id, at)
    await pupils.write(connection, undoing.changes)
    in_force = await imports.in_force_without(connection, uai, import_id)
    number = await pupils.set_in_force(connection, uai, in_force)
    left_again = [
        c.after
        for c in undoing.changes
        if c.kind is Change.DEACTIVATED and c.after.reason != Reason.UNDONE
    ]
    transaction.publish(await asyncio.to_thread(pupil_events, undoing.changes, keys))
    transaction.publish([import_applied(uai, number, in_force, left_again)])
    row = await imports.set_state(
        connection,
        import_id,
        expected=State.APPLIED,
        state=State.UNDONE,
        values={"ended_by": by, "ended_at": at},
    )
    if row is None:
        raise NotUndoableError
    return row
