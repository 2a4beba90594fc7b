"""Learners entered, changed and merged by hand: each act under the school's lock, told at once."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from services.siecle_import.announce import merge_event, pupil_event, pupil_events
from services.siecle_import.closing import lock_open_school
from services.siecle_import.domain import editing, merging
from services.siecle_import.domain.editing import UnknownPupilError
from services.siecle_import.domain.pupils import Change, Changed, Pupil
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import PUPIL
from services.siecle_import.store import erasures, merges, pupils
from shared.database import Connection, Transaction
from shared.events import PupilMerged
from shared.identifiers import Uai
from shared.signing import learner_created_for


class ChangedMeanwhileError(Exception):
    """The learner is no longer at the version that the caller has read."""


class UnknownMergeError(Exception):
    """The school has no such merge."""


class OfferedLearnerGoneError(Exception):
    """The learner whom another school offers was erased there, or here after he was created."""


Act = Callable[[Pupil, Sequence[Pupil]], Changed | None]
"""What is done to a learner, given all those of the school too; None where nothing differs."""


async def enter(
    transaction: Transaction,
    uai: Uai,
    pupil_id: UUID,
    told: Mapping[str, Any],
    keys: KeyMaker,
    now: dt.datetime,
) -> None:
    """Enter a learner under a new id.

    Raises:
        AlreadyThereError, SchoolClosedError
    """
    await lock_open_school(transaction.connection, uai)
    base = await pupils.base_of(transaction.connection, uai)
    await _write(transaction, [editing.enter(base, uai, pupil_id, told, now)], keys)


async def enter_offered(
    transaction: Transaction,
    uai: Uai,
    transfer_id: UUID,
    offered: Pupil,
    keys: KeyMaker,
    now: dt.datetime,
) -> UUID:
    """Enter the learner whom another school offers, once for this transfer; returns his id.

    Raises:
        AlreadyThereError, SchoolClosedError
        OfferedLearnerGoneError: he was entered, and erased since.
    """
    connection, pupil_id = transaction.connection, learner_created_for(transfer_id)
    await lock_open_school(connection, uai)
    base = await pupils.base_of(connection, uai)
    if any(pupil.id == pupil_id for pupil in base):
        return pupil_id
    if await erasures.is_erased(connection, pupil_id):
        raise OfferedLearnerGoneError
    await _write(transaction, [editing.enter_offered(base, uai, pupil_id, offered, now)], keys)
    return pupil_id


async def change(
    transaction: Transaction, uai: Uai, pupil_id: UUID, version: int, keys: KeyMaker, act: Act
) -> None:
    """Do `act` to a learner who is at `version`.

    Raises:
        UnknownPupilError, ChangedMeanwhileError, SchoolClosedError, and what `act` raises.
    """
    await lock_open_school(transaction.connection, uai)
    base = await pupils.base_of(transaction.connection, uai)
    pupil = next((one for one in base if one.id == pupil_id), None)
    if pupil is None:
        raise UnknownPupilError
    if pupil.version != version:
        raise ChangedMeanwhileError
    if changed := act(pupil, base):
        await _write(transaction, [changed], keys)


async def _write(transaction: Transaction, changes: Sequence[Changed], keys: KeyMaker) -> None:
    await pupils.write(transaction.connection, changes)
    transaction.publish(pupil_events(changes, keys))


async def both(
    connection: Connection, uai: Uai, survivor: UUID, other: UUID
) -> tuple[Pupil, Pupil]:
    """Two learners of the school.

    Raises:
        UnknownPupilError
    """
    found = await pupils.pupils(connection, uai, {survivor, other})
    if survivor not in found or other not in found:
        raise UnknownPupilError
    return found[survivor], found[other]


async def merge(
    transaction: Transaction,
    merge_id: UUID,
    uai: Uai,
    pair: tuple[UUID, UUID],
    reason: merging.MergeReason,
    keys: KeyMaker,
    *,
    by: str,
    now: dt.datetime,
) -> None:
    """Make the second of a pair go on as the first.

    Raises:
        UnknownPupilError, NotMergeableError, SchoolClosedError
    """
    await lock_open_school(transaction.connection, uai)
    survivor, other = await both(transaction.connection, uai, *pair)
    done = merging.merge(survivor, other, now)
    await pupils.write(transaction.connection, [done.survivor, done.merged])
    await merges.add(
        transaction.connection,
        merge_id,
        survivor.uai,
        survivor=survivor.id,
        merged=other.id,
        before=(to_jsonable_python(survivor._asdict()), to_jsonable_python(other._asdict())),
        reason=reason.value,
        merged_by=by,
        merged_at=now,
        after_import=await pupils.number_of_imports(transaction.connection, uai),
    )
    transaction.publish([_merged(done, undone=False)])
    transaction.publish([pupil_event(Change.UPDATED, done.survivor.after, keys)])


async def undo_merge(
    transaction: Transaction, uai: Uai, merge_id: UUID, keys: KeyMaker, *, by: str, now: dt.datetime
) -> None:
    """Make both themselves again.

    Raises:
        UnknownMergeError, NotReversibleError, SchoolClosedError
    """
    await lock_open_school(transaction.connection, uai)
    row = await merges.merge(transaction.connection, uai, merge_id)
    if row is None:
        raise UnknownMergeError
    if row["undone_at"] is not None or row["survivor_before"] is None:
        raise merging.NotReversibleError
    found = await pupils.pupils(transaction.connection, uai, {row["survivor"], row["merged"]})
    if len(found) < 2:
        raise merging.NotReversibleError
    before = (
        PUPIL.validate_python(row["survivor_before"]),
        PUPIL.validate_python(row["merged_before"]),
    )
    pair = found[row["survivor"]], found[row["merged"]]
    number = await pupils.number_of_imports(transaction.connection, uai)
    since = number != row["after_import"]
    done = merging.undo_merge(before, pair, row["merged_at"], imported_since=since, now=now)
    await pupils.write(transaction.connection, [done.survivor, done.merged])
    await merges.set_undone(transaction.connection, merge_id, by, now)
    transaction.publish([_merged(done, undone=True)])
    transaction.publish(pupil_events([done.survivor, done.merged], keys))


def _merged(done: merging.Merged, *, undone: bool) -> PupilMerged:
    return merge_event(done.survivor.after, done.merged.after, undone=undone)
