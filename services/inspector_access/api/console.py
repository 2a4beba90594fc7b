"""The inspector's console: what is open to him now, read from its owners, each look noted.

Each request checks the switch, the subscription and the referent of the day anew, notes the look,
and only then asks the owner: the log holds what was asked for even if nobody could answer.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.inspector_access import owners
from services.inspector_access.api.switches import DiplomaCode
from services.inspector_access.domain.access import alphabetical
from services.inspector_access.domain.errors import ClosedAccessError, UnknownMefError
from services.inspector_access.owners import LEARNERS, RECORDS
from services.inspector_access.store import looks, switches
from services.inspector_access.store.looks import What
from shared.clock import PARIS
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may_somewhere
from shared.service import RequestRuntime, Runtime

PAGE = 50
COUNTED = 50
MEF = r"^[A-Z0-9]{11}$"

router = APIRouter(prefix="/console", tags=["console de l'inspecteur"])
OF_DIPLOMA = "/schools/{uai}/diplomas/{diploma}"

Inspector = Annotated[Principal, Depends(may_somewhere(Action.INSPECT))]


class Open(BaseModel):
    """A diploma of a school that is open to the inspector, since when, and when he was there."""

    uai: str
    school: str
    town: str | None
    diploma: str
    label: str
    since: dt.datetime
    previous_visit: dt.datetime | None


class Card(Open):
    """The same with the school's card and the MEF of the diploma."""

    email: str | None
    mefs: list[str]


class Learner(BaseModel):
    """A learner, as an inspector needs to know him: no INE, no birth date."""

    id: UUID
    family_name: str
    usage_name: str | None
    first_name: str
    division: str | None
    mef: str
    active: bool


class LearnerPage(BaseModel):
    """Learners by name; `next` is the cursor of the page that follows, if any."""

    learners: list[Learner]
    next: UUID | None


class Asked(BaseModel, extra="forbid"):
    """Learners whose records are to be counted."""

    pupils: Annotated[list[UUID], Field(min_length=1, max_length=COUNTED)]


class Counts(BaseModel):
    """How many records of a learner were written in this school, by kind; how many of them are new
    or changed since the inspector's previous visit; and how many were received from elsewhere.
    """

    pupil_id: UUID
    written: dict[str, int]
    new: int
    received: int


class RecordLine(BaseModel):
    """A record written in this school; `new` since the inspector's previous visit, or changed."""

    id: UUID
    kind: str
    title: str
    diploma: str | None
    author: str
    written_on: dt.date
    created_at: dt.datetime
    updated_at: dt.datetime
    new: bool


class RecordPage(BaseModel):
    """Records of a learner; `received` counts those written elsewhere, which are not shown."""

    records: list[RecordLine]
    received: int
    next: UUID | None


class WholeRecord(RecordLine):
    """A record with its body, which the module that wrote it understands."""

    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Reading:
    """A look that is allowed and noted, and with what right the owner is asked."""

    runtime: Runtime
    access: Record
    viewer: str
    previous: dt.datetime | None

    async def ask(
        self, owner: owners.Owner, method: str, path: str, *,
        mef: str | None = None, json: Mapping[str, object] | None = None,
        params: dict[str, str] | None = None,
    ) -> owners.Json:  # fmt: skip
        """What the owner answers for the diploma, or one of its MEF."""
        mefs = tuple(self.access["mefs"]) if mef is None else (mef,)
        return await owners.read(
            self.runtime, owner, self.access, self.viewer, method, path,
            mefs=mefs, json=json, params=params,
        )  # fmt: skip

    def record(self, told: owners.Json) -> dict[str, object]:
        """A record as its owner tells it, with whether it is new."""
        updated = dt.datetime.fromisoformat(told["updated_at"])
        return {**told, "new": self.previous is None or updated > self.previous}


def _person(caller: Principal) -> UUID:
    try:
        return UUID(caller.sub)
    except ValueError:
        raise ClosedAccessError from None


async def _look(
    runtime: Runtime, caller: Principal, uai: Uai, diploma: str, what: What,
    pupil_id: UUID | None = None,
) -> Reading:  # fmt: skip
    """Check that this is open to the caller now, and note the look.

    Raises:
        ClosedAccessError
    """
    person = _person(caller)
    async with runtime.database.transaction() as transaction:
        connection = transaction.connection
        today = runtime.clock.today(PARIS)
        access = await switches.access_to(connection, person, today, uai, diploma)
        if access is None:
            raise ClosedAccessError
        await looks.note(connection, access, person, what, pupil_id)
        previous = await looks.visit(connection, person, uai, diploma)
    return Reading(runtime, access, caller.sub, previous)


@router.get("")
async def list_open(caller: Inspector, runtime: RequestRuntime) -> list[Open]:
    """The schools and diplomas that are open to the inspector now."""
    async with runtime.database.connection() as connection:
        today = runtime.clock.today(PARIS)
        rows = await switches.open_to(connection, _person(caller), today)
    found = [Open(**row, previous_visit=row["last_at"]) for row in rows]
    return sorted(found, key=lambda one: (alphabetical(one.school), alphabetical(one.label)))


@router.get(OF_DIPLOMA)
async def read_card(
    uai: Uai, diploma: DiplomaCode, caller: Inspector, runtime: RequestRuntime
) -> Card:
    """The school's card, and the MEF of the diploma."""
    reading = await _look(runtime, caller, uai, diploma, What.CARD)
    return Card(**reading.access, previous_visit=reading.previous)


@router.get(OF_DIPLOMA + "/learners")
async def list_learners(
    uai: Uai,
    diploma: DiplomaCode,
    caller: Inspector,
    runtime: RequestRuntime,
    mef: Annotated[str | None, Query(pattern=MEF)] = None,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    *,
    active: bool = True,
) -> LearnerPage:
    """The learners of the diploma (of one of its MEF), or those of them who have left."""
    reading = await _look(runtime, caller, uai, diploma, What.LEARNERS)
    if mef is not None and mef not in reading.access["mefs"]:
        raise UnknownMefError
    asked = {"active": active, "limit": limit, "after": str(after) if after else None}
    told = await reading.ask(LEARNERS, "POST", "/learners", mef=mef, json=asked)
    return LearnerPage.model_validate(told)


@router.get(OF_DIPLOMA + "/learners/{pupil_id}")
async def read_learner(
    uai: Uai, diploma: DiplomaCode, pupil_id: UUID, caller: Inspector, runtime: RequestRuntime
) -> Learner:
    """One learner of the diploma."""
    reading = await _look(runtime, caller, uai, diploma, What.LEARNER, pupil_id)
    return Learner.model_validate(await reading.ask(LEARNERS, "GET", f"/learners/{pupil_id}"))


@router.post(OF_DIPLOMA + "/record-counts")
async def count_records(
    uai: Uai, diploma: DiplomaCode, asked: Asked, caller: Inspector, runtime: RequestRuntime
) -> list[Counts]:
    """The records of learners of the diploma in figures; who is not of it is left out."""
    reading = await _look(runtime, caller, uai, diploma, What.COUNTS)
    since = reading.previous.isoformat() if reading.previous else None
    wanted = {**asked.model_dump(mode="json"), "since": since}
    told = await reading.ask(RECORDS, "POST", "/counts", json=wanted)
    return [Counts.model_validate(one) for one in told]


@router.get(OF_DIPLOMA + "/learners/{pupil_id}/records")
async def list_records(
    uai: Uai,
    diploma: DiplomaCode,
    pupil_id: UUID,
    caller: Inspector,
    runtime: RequestRuntime,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> RecordPage:
    """The records of a learner that were written in this school."""
    reading = await _look(runtime, caller, uai, diploma, What.RECORDS, pupil_id)
    params = {"limit": str(limit)} | ({"after": str(after)} if after else {})
    told = await reading.ask(RECORDS, "GET", f"/learners/{pupil_id}/records", params=params)
    shown = [reading.record(one) for one in told["records"]]
    return RecordPage.model_validate({**told, "records": shown})


@router.get(OF_DIPLOMA + "/learners/{pupil_id}/records/{record_id}")
async def read_record(
    uai: Uai,
    diploma: DiplomaCode,
    pupil_id: UUID,
    record_id: UUID,
    caller: Inspector,
    runtime: RequestRuntime,
) -> WholeRecord:
    """One record that was written in this school, with its body."""
    reading = await _look(runtime, caller, uai, diploma, What.RECORD, pupil_id)
    told = await reading.ask(RECORDS, "GET", f"/learners/{pupil_id}/records/{record_id}")
    return WholeRecord.model_validate(reading.record(told))
