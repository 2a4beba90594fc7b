"""Who left, who came, and what each dossier waits for (product.md, « Transferts »)."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.transfer import matching
from services.transfer.domain import status
from services.transfer.domain.deciding import Condition, Decision
from services.transfer.domain.offering import without_sequel_before
from services.transfer.store import lists, presences
from shared.clock import PARIS
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may
from shared.web.app import RequestClock, RequestDatabase

PAGE = 50

router = APIRouter(
    prefix="/schools/{uai}", tags=["transferts"], dependencies=[Depends(may(Action.SEE_TRANSFERS))]
)


class Status(BaseModel):
    """Where a dossier stands: the first missing condition, who must act, since when."""

    state: status.State
    code: str
    who: status.Who
    since: dt.datetime
    text: str


class Departure(BaseModel):
    """A learner who has left and whose dossier has not gone. `by_itself`: he comes from SIECLE with
    an INE, and is not to be transferred by hand (the guide's « Attention »). `schools` are those
    that the status is about.
    """

    pupil_id: UUID
    since: dt.datetime
    last_year: bool
    has_ine: bool
    by_itself: bool
    offer: UUID | None
    status: Status
    schools: list[str]


class DeparturePage(BaseModel):
    """Departures; `next` is the cursor of the page that follows, if any."""

    departures: list[Departure]
    next: UUID | None


class Arrival(BaseModel):
    """A learner of the school whose dossier waits in the school that he has left."""

    pupil_id: UUID
    from_uai: str
    status: Status


class Unclaimed(BaseModel):
    """A departure « sans suite »: no other school has imported the learner since."""

    pupil_id: UUID
    since: dt.datetime


class WithoutSequel(BaseModel):
    """Departures « sans suite » up to a day; those whose course had ended stand apart."""

    left_before: dt.date
    departures: list[Unclaimed]
    end_of_course: list[Unclaimed]


class Expected(BaseModel):
    """An arrival whose previous school imports, and does not take part: « dossier attendu »."""

    pupil_id: UUID
    previous_uai: str


class ExpectedDossiers(BaseModel):
    """The dossiers that the school expects; `others` counts arrivals from elsewhere."""

    expected: list[Expected]
    others: int


@router.get("/departures")
async def list_departures(
    uai: Uai,
    database: RequestDatabase,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    *,
    by_itself: bool | None = None,
    oldest_first: bool = False,
) -> DeparturePage:
    """The learners who have left, the last first, and what each dossier waits for. Those not
    `by_itself` are the list « transférables (non automatisable) »; the others are found without
    anyone.
    """
    async with database.connection() as connection:
        rows = await lists.departed(
            connection, uai, after, limit, by_itself=by_itself, oldest_first=oldest_first
        )
        decided = await _decided(connection, [row["pupil_id"] for row in rows])
    departures = [_departure(row, decided.get(row["pupil_id"])) for row in rows]
    return DeparturePage(
        departures=departures, next=departures[-1].pupil_id if len(departures) == limit else None
    )


async def _decided(connection: Connection, pupils: Sequence[UUID]) -> dict[UUID, Decision]:
    """What the rule says of these departures, by learner."""
    keys = await presences.keys_of_pupils(connection, pupils)
    decisions = await matching.decisions(connection, keys)
    return {decision.departure.pupil_id: decision for decision in decisions}


def _departure(row: Record, decision: Decision | None) -> Departure:
    by_itself = row["has_ine"] and row["source"] == "siecle"
    offered = decision is not None and decision.missing == Condition.OFFERED
    if decision is not None and by_itself and (offered or row["offered_to"] is None):
        line = status.status_of(decision)
    else:
        line = status.by_hand(
            row["since"],
            has_ine=row["has_ine"],
            offered_to=row["offered_to"],
            set_aside=row["set_aside"],
        )
    return Departure(
        pupil_id=row["pupil_id"],
        since=row["since"],
        last_year=row["last_year"],
        has_ine=row["has_ine"],
        by_itself=by_itself,
        offer=row["offer_id"],
        status=_status(line),
        schools=list(line.others),
    )


def _status(line: status.Status) -> Status:
    return Status(state=line.state, code=line.code, who=line.who, since=line.since, text=line.text)


@router.get("/arrivals")
async def list_arrivals(uai: Uai, database: RequestDatabase) -> list[Arrival]:
    """The learners of the school whose dossiers wait elsewhere, and for what."""
    async with database.connection() as connection:
        keys = await presences.keys_of_schools(connection, [uai])
        decisions = await matching.decisions(connection, keys)
    return arrivals_at(uai, decisions)


def arrivals_at(uai: Uai, decisions: Iterable[Decision]) -> list[Arrival]:
    """Those of these departures that may come to the school `uai`."""
    return [
        Arrival(
            pupil_id=claim.pupil_id,
            from_uai=decision.departure.uai,
            status=_status(status.status_of(decision)),
        )
        for decision in decisions
        for claim in decision.claims
        if claim.uai == uai
    ]


@router.get("/departures/without-sequel")
async def list_without_sequel(
    uai: Uai, database: RequestDatabase, clock: RequestClock
) -> WithoutSequel:
    """The departures whom nobody has claimed for 45 days, July and August apart (rule 9)."""
    left_before = without_sequel_before(clock.today(PARIS))
    async with database.connection() as connection:
        going_on = await lists.unclaimed(connection, uai, left_before, last_year=False)
        ended = await lists.unclaimed(connection, uai, left_before, last_year=True)
    return WithoutSequel(
        left_before=left_before,
        departures=[Unclaimed.model_validate(dict(row)) for row in going_on],
        end_of_course=[Unclaimed.model_validate(dict(row)) for row in ended],
    )


@router.get("/arrivals/expected")
async def list_expected(uai: Uai, database: RequestDatabase) -> ExpectedDossiers:
    """The arrivals whose dossiers are expected of schools that do not take part (rule 9)."""
    async with database.connection() as connection:
        rows = await lists.expected(connection, uai)
    expected = [
        Expected(pupil_id=row["pupil_id"], previous_uai=row["previous_uai"])
        for row in rows
        if row["expected"]
    ]
    return ExpectedDossiers(expected=expected, others=len(rows) - len(expected))
