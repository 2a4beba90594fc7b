"""The transfers of a school: the list, one with its story, and taking one back."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.transfer import acting
from services.transfer.domain import errors
from services.transfer.domain.offering import REVERSIBLE, WhyReversed
from services.transfer.store import lists, people, reversals
from shared.clock import PARIS
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime
from shared.web.app import RequestClock, RequestDatabase

PAGE = 50
WEEKS = 26

router = APIRouter(prefix="/schools/{uai}", tags=["transferts"])

State = Literal["offered", "requested", "closed", "cancelled", "refused", "reversed"]


class Transfer(BaseModel):
    """A transfer from or to the school; the learner is known by the school's own id of him (none
    while he is only offered to it).

    `because` is why people refused or reversed it, `cancelled_because` why it came to nothing;
    `reversible_until` is told while it can be taken back; `left_behind` counts the records that a
    reversal left.
    """

    id: UUID
    direction: Literal["sent", "received"]
    kind: Literal["automatic", "by-hand", "reversal"]
    state: State
    pupil_id: UUID | None
    other_uai: str
    names_differ: bool
    requested_at: dt.datetime
    answered_at: dt.datetime | None
    because: str | None
    cancelled_because: str | None
    counts: dict[str, int] | None
    left_behind: int
    reverses: UUID | None
    reversible_until: dt.datetime | None
    return_asked_at: dt.datetime | None
    return_because: str | None


class TransferPage(BaseModel):
    """Transfers, newest first; `next` is the cursor of the page that follows, if any."""

    transfers: list[Transfer]
    next: UUID | None


class Week(BaseModel):
    """The dossiers of a week, which its Monday names."""

    week: dt.date
    sent: int
    received: int


class Partner(BaseModel):
    """The dossiers that went to and came from another school."""

    uai: str
    sent: int
    received: int


class Moved(BaseModel):
    """How many dossiers the school has sent and received since a day, those with nothing to move
    apart. Weeks without any are left out; the schools with most come first.
    """

    since: dt.date
    weeks: list[Week]
    schools: list[Partner]


class Step(BaseModel):
    """One step of a transfer's story. `by_whom` is told of the own school's staff only; automatic
    steps have no author.
    """

    at: dt.datetime
    what: str
    uai: str | None
    by_whom: str | None
    because: str | None


class Story(BaseModel):
    """A transfer and what has happened to it, oldest first."""

    transfer: Transfer
    steps: list[Step]


class Reversal(BaseModel, extra="forbid"):
    """Why a transfer is taken back, or its return asked for."""

    because: WhyReversed


class Incident(BaseModel):
    """Records of another person were in a school between two moments (people.md); who looked is
    told by `dossier`.
    """

    transfer_id: UUID
    origin_uai: str
    destination_uai: str
    pupil_id: UUID
    since: dt.datetime
    until: dt.datetime
    counts: dict[str, int]
    returned: dict[str, int]
    left_behind: int


@router.get("/transfers", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def list_transfers(
    uai: Uai,
    database: RequestDatabase,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    *,
    without_data: bool = False,
) -> TransferPage:
    """The transfers from and to the school; those that had nothing to move only if asked for."""
    async with database.connection() as connection:
        rows = await lists.transfers_of(connection, uai, before, limit, without_data=without_data)
        transfers = await shown(connection, uai, rows)
    return TransferPage(
        transfers=transfers, next=transfers[-1].id if len(transfers) == limit else None
    )


@router.get("/transfers/doubtful", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def list_doubtful(uai: Uai, database: RequestDatabase) -> list[Transfer]:
    """Closed transfers whose learners no longer match: an INE or a birth date was corrected."""
    async with database.connection() as connection:
        return await shown(connection, uai, await lists.doubtful(connection, uai))


@router.get("/transfers/moved", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def read_moved(uai: Uai, database: RequestDatabase, clock: RequestClock) -> Moved:
    """What has moved in the last half year, by week and by school."""
    today = clock.today(PARIS)
    first = today - dt.timedelta(weeks=WEEKS - 1, days=today.weekday())
    since = dt.datetime.combine(first, dt.time(), PARIS)
    async with database.connection() as connection:
        weeks = await lists.moved_by_week(connection, uai, since)
        schools = await lists.moved_by_school(connection, uai, since)
    return Moved(
        since=first,
        weeks=[Week.model_validate(dict(row)) for row in weeks],
        schools=[Partner.model_validate(dict(row)) for row in schools],
    )


@router.get("/transfers/{transfer_id}", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def read_transfer(uai: Uai, transfer_id: UUID, database: RequestDatabase) -> Story:
    """One transfer, and who did what about it, when and why."""
    async with database.connection() as connection:
        return await _story(connection, uai, transfer_id)


@router.post("/transfers/{transfer_id}/reversal", status_code=202)
async def reverse(
    uai: Uai,
    transfer_id: UUID,
    reversal: Reversal,
    caller: Annotated[Principal, Depends(may(Action.REVIEW))],
    runtime: RequestRuntime,
) -> Story:
    """Take a transfer back, for the receiving school: its records return, but for those changed
    since.
    """
    async with runtime.database.transaction() as transaction:
        await acting.reverse(
            transaction, uai, transfer_id, caller.sub, reversal.because, runtime.clock.now()
        )
        return await _story(transaction.connection, uai, transfer_id)


@router.post("/transfers/{transfer_id}/return", status_code=202)
async def ask_return(
    uai: Uai,
    transfer_id: UUID,
    wish: Reversal,
    caller: Annotated[Principal, Depends(may(Action.DECIDE))],
    runtime: RequestRuntime,
) -> Story:
    """Ask the receiving school to take the transfer back."""
    async with runtime.database.transaction() as transaction:
        await acting.ask_return(
            transaction, uai, transfer_id, caller.sub, wish.because, runtime.clock.now()
        )
        return await _story(transaction.connection, uai, transfer_id)


@router.delete("/transfers/{transfer_id}/return")
async def decline_return(
    uai: Uai,
    transfer_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.DECIDE))],
    database: RequestDatabase,
) -> Story:
    """Decline to give the records back."""
    async with database.transaction() as transaction:
        await acting.decline_return(transaction, uai, transfer_id, caller.sub)
        return await _story(transaction.connection, uai, transfer_id)


@router.delete("/transfers/{transfer_id}/hold")
async def lift_hold(
    uai: Uai,
    transfer_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.REVIEW))],
    database: RequestDatabase,
) -> Story:
    """Let records move again between the learners of a transfer that was reversed."""
    async with database.transaction() as transaction:
        await acting.lift_hold(transaction, uai, transfer_id, caller.sub)
        return await _story(transaction.connection, uai, transfer_id)


@router.get("/incidents", dependencies=[Depends(may(Action.HANDLE_DATA))])
async def list_incidents(uai: Uai, database: RequestDatabase) -> list[Incident]:
    """Transfers that were reversed because it was another person, for both heads and their data
    protection officers.
    """
    async with database.connection() as connection:
        rows = await reversals.incidents(connection, uai)
    return [_incident(row, uai) for row in rows]


def _incident(row: Record, uai: Uai) -> Incident:
    side = "origin" if row["origin_uai"] == uai else "destination"
    return Incident(
        transfer_id=row["id"],
        origin_uai=row["origin_uai"],
        destination_uai=row["destination_uai"],
        pupil_id=row[f"{side}_pupil"],
        since=row["since"],
        until=row["until"],
        counts=row["counts"],
        returned=row["returned"],
        left_behind=len(row["left_behind"]),
    )


async def shown(connection: Connection, uai: Uai, rows: Sequence[Record]) -> list[Transfer]:
    """Transfers as `uai` sees them; who was merged since is told under the id he goes on as."""
    own = {row["id"]: _own_pupil(row, uai) for row in rows}
    merged = await lists.goes_on_as(connection, {pupil for pupil in own.values() if pupil})
    return [_transfer(row, uai, merged.get(own[row["id"]] or UUID(int=0))) for row in rows]


def _own_pupil(row: Record, uai: Uai) -> UUID | None:
    pupil: UUID | None = row["origin_pupil" if row["origin_uai"] == uai else "destination_pupil"]
    return pupil


def _transfer(row: Record, uai: Uai, pupil_id: UUID | None) -> Transfer:
    sent = row["origin_uai"] == uai
    reversible = row["state"] == "closed" and row["kind"] != "reversal"
    return Transfer(
        id=row["id"],
        direction="sent" if sent else "received",
        kind=row["kind"],
        state=row["state"],
        pupil_id=pupil_id,
        other_uai=row["destination_uai"] if sent else row["origin_uai"],
        names_differ=row["names_differ"],
        requested_at=row["requested_at"],
        answered_at=row["answered_at"],
        because=row["because"],
        cancelled_because=row["refused_because"],
        counts=row["counts"],
        left_behind=len(row["left_behind"]),
        reverses=row["reverses"],
        reversible_until=row["answered_at"] + REVERSIBLE if reversible else None,
        return_asked_at=row["return_asked_at"],
        return_because=row["return_because"],
    )


async def _story(connection: Connection, uai: Uai, transfer_id: UUID) -> Story:
    row = await lists.transfer(connection, uai, transfer_id)
    if row is None:
        raise errors.UnknownTransferError
    acts = await people.acts_about(connection, transfer_id, [])
    [transfer] = await shown(connection, uai, [row])
    steps = [*_own_steps(row), *(_step(act, uai) for act in acts)]
    return Story(transfer=transfer, steps=sorted(steps, key=lambda step: step.at))


def _own_steps(row: Record) -> list[Step]:
    """What the service did by itself, as the transfer tells it."""
    moments: list[tuple[dt.datetime | None, str, Any]] = [
        (row["requested_at"] if row["state"] != "offered" else None, "requested", None),
        (
            row["answered_at"],
            "closed" if row["counts"] is not None else row["state"],
            row["refused_because"],
        ),
    ]
    return [
        Step(at=at, what=what, uai=None, by_whom=None, because=because)
        for at, what, because in moments
        if at is not None
    ]


def _step(act: Record, uai: Uai) -> Step:
    return Step(
        at=act["at"],
        what=act["what"],
        uai=act["uai"],
        by_whom=act["by_whom"] if act["uai"] == uai else None,
        because=act["because"],
    )
