"""The tab « Accès inspecteur » of a school: a line a diploma, its switch, and who has looked."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from services.inspector_access import owners, settling
from services.inspector_access.domain import access
from services.inspector_access.domain.errors import LearnersAwayError, NotSubscribedError
from services.inspector_access.settling import By
from services.inspector_access.store import looks
from services.inspector_access.store import switches as store
from shared.clock import PARIS
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime, Runtime
from shared.signing import NoSigningKeyError
from shared.web.app import RequestDatabase
from shared.web.preconditions import expected_version, set_etag

PAGE = 50
BIGGEST = 2**63 - 1
"""Of the numbers that a cursor can be."""

router = APIRouter(prefix="/schools/{uai}/inspector-access", tags=["accès inspecteurs"])

DiplomaCode = Annotated[str, Path(max_length=30, pattern=r"^[A-Z0-9][A-Z0-9._-]*$")]


class Line(BaseModel):
    """A diploma to which the school is subscribed. `text` is the line as the guide shows it;
    `version` goes into `If-Match` (ETag of a single line); `note` is to be shown with it.
    """

    diploma: str
    label: str
    referents: list[str]
    text: str
    active: bool
    since: dt.datetime | None
    version: int
    note: str | None


class OtherMef(BaseModel):
    """Learners who are in none of the diplomas to which the school is subscribed: so many with this
    MEF, or with none at all (null).
    """

    mef: str | None
    label: str | None
    learners: int


class Access(BaseModel):
    """The lines of the tab. `other_mefs` is null while the pupil base does not answer."""

    lines: list[Line]
    other_mefs: list[OtherMef] | None


class Position(BaseModel, extra="forbid"):
    """The position wanted for a switch."""

    active: bool


class Change(BaseModel):
    """What has happened to a switch: how many referents were told, by whom it was changed."""

    version: int
    active: bool
    because: access.Because
    recipients: int
    changed_by: str
    changed_at: dt.datetime


class Look(BaseModel):
    """That an inspector has asked for something; `pupil_id` is null where it is a list."""

    id: int
    at: dt.datetime
    diploma: str
    label: str | None
    inspector_name: str
    what: looks.What
    pupil_id: UUID | None


class LookPage(BaseModel):
    """Looks, newest first; `next` is the cursor of the page that follows, if any."""

    looks: list[Look]
    next: int | None


@router.get("", dependencies=[Depends(may(Action.SEE_INSPECTORS))])
async def read_access(uai: Uai, runtime: RequestRuntime) -> Access:
    """One line a diploma to which the school is subscribed, with its referents in brackets; and the
    MEF of the school that belong to none of them.
    """
    today = runtime.clock.today(PARIS)
    async with runtime.database.connection() as connection:
        rows = await store.lines(connection, uai, today)
    lines = sorted(map(_line, rows), key=lambda line: access.alphabetical(line.label))
    return Access(lines=lines, other_mefs=await _other_mefs(runtime, uai, today))


def _line(row: Record) -> Line:
    referents = sorted(row["referents"], key=access.alphabetical)
    return Line(
        diploma=row["diploma"],
        label=row["label"],
        referents=referents,
        text=access.line(row["label"], referents),
        active=row["active"],
        since=row["changed_at"],
        version=row["version"],
        note=access.note(active=row["active"], referents=referents),
    )


async def _other_mefs(runtime: Runtime, uai: Uai, today: dt.date) -> list[OtherMef] | None:
    """The MEF of no subscribed diploma; None if nobody can say which MEF the school has."""
    try:
        counted = await owners.mefs_of(runtime, uai)
    except (LearnersAwayError, NoSigningKeyError):
        return None
    async with runtime.database.connection() as connection:
        known = set(await store.mefs_of_school(connection, uai, today))
        others = [one for one in counted if one["mef"] not in known]
        codes = [one["mef"] for one in others if one["mef"]]
        labels = await store.labels_of_mefs(connection, codes)
    return [OtherMef(**one, label=labels.get(one["mef"])) for one in others]


@router.put("/{diploma}")
async def set_switch(
    uai: Uai,
    diploma: DiplomaCode,
    wanted: Position,
    caller: Annotated[Principal, Depends(may(Action.SWITCH_INSPECTORS))],
    version: Annotated[int, Depends(expected_version)],
    runtime: RequestRuntime,
    response: Response,
) -> Line:
    """Open or close a diploma to its referents, who are told by mail. Setting the switch to where
    it stands does nothing.
    """
    by = By.caller(caller, runtime)
    async with runtime.database.transaction() as transaction:
        await settling.switch(transaction, uai, diploma, version, by, active=wanted.active)
        line = await _one(transaction.connection, uai, diploma, by.today)
    set_etag(response, line.version)
    return line


@router.get("/log", dependencies=[Depends(may(Action.HANDLE_DATA))])
async def list_looks(
    uai: Uai,
    database: RequestDatabase,
    before: Annotated[int | None, Query(ge=1, le=BIGGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> LookPage:
    """What inspectors have asked for in the last 12 months."""
    async with database.connection() as connection:
        rows = await looks.looks_in(connection, uai, before, limit)
    found = [Look(**dict(row)) for row in rows]
    return LookPage(looks=found, next=found[-1].id if len(found) == limit else None)


@router.get("/{diploma}", dependencies=[Depends(may(Action.SEE_INSPECTORS))])
async def read_line(
    uai: Uai, diploma: DiplomaCode, runtime: RequestRuntime, response: Response
) -> Line:
    """One line, with its ETag."""
    async with runtime.database.connection() as connection:
        line = await _one(connection, uai, diploma, runtime.clock.today(PARIS))
    set_etag(response, line.version)
    return line


async def _one(connection: Connection, uai: Uai, diploma: str, today: dt.date) -> Line:
    rows: Sequence[Record] = await store.lines(connection, uai, today)
    found = next((row for row in rows if row["diploma"] == diploma), None)
    if found is None:
        raise NotSubscribedError
    return _line(found)


@router.get("/{diploma}/history", dependencies=[Depends(may(Action.SEE_INSPECTORS))])
async def read_history(uai: Uai, diploma: DiplomaCode, database: RequestDatabase) -> list[Change]:
    """All that has happened to a switch, newest first."""
    async with database.connection() as connection:
        rows = await store.history(connection, uai, diploma)
    return [Change.model_validate(dict(row)) for row in rows]
