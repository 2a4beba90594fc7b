"""Counts: what schools are asked to do, one or all, and the monthly figures of an académie."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from asyncpg import Record
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.transfer import matching
from services.transfer.domain import counting
from services.transfer.domain.counting import Delay, ToDo
from services.transfer.store import counts as store
from shared.clock import PARIS
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import may, may_as_service, may_in_academie
from shared.web.app import RequestDatabase

AT_ONCE = 100
SCHOOLS_AT_ONCE = 20
DECEMBER = 12

router = APIRouter(tags=["chiffres"])


class SchoolToDo(BaseModel):
    """How many dossiers wait for each act of a school; those of 0 for all are left out."""

    uai: str
    await_import: int
    await_switch: int
    await_acceptance: int
    await_opinion: int


class ToDoPage(BaseModel):
    """Counts in the order of the UAI; `next` is the cursor of the page that follows, if any."""

    schools: list[SchoolToDo]
    next: str | None


class Figures(BaseModel):
    """One month of an académie: the dossiers that left its schools. `closed` says how many were in
    the new school within a minute, an hour, a day, later, from the moment when both schools had
    told of the learner; `by_hand` and `without_data` are counted apart. `waiting` is what the
    others wait for at this moment.
    """

    academie: str
    month: str
    schools: int
    closed: dict[Delay, int]
    by_hand: int
    without_data: int
    reversed: int
    waiting: dict[str, int]


@router.get("/counts/to-do", dependencies=[Depends(may_as_service(Action.COUNT_TO_DO))])
async def count_to_do(
    database: RequestDatabase,
    after: Annotated[str, Query(pattern="^([0-9]{7}[A-Z])?$")] = "",
    limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = AT_ONCE,
) -> ToDoPage:
    """What the next schools are asked to do (the mail of Mondays)."""
    async with database.connection() as connection:
        schools = await store.schools_after(connection, after, limit)
        asked = await _asked(connection, schools)
    counted = [_school(uai, asked) for uai in schools if any(asked[uai, what] for what in ToDo)]
    return ToDoPage(schools=counted, next=schools[-1] if len(schools) == limit else None)


@router.get("/schools/{uai}/to-do", dependencies=[Depends(may(Action.SEE_TRANSFERS))])
async def count_to_do_of_school(uai: Uai, database: RequestDatabase) -> SchoolToDo:
    """What one school is asked to do, as it sees it at this moment: 0 where nothing waits."""
    async with database.connection() as connection:
        return _school(uai, await _asked(connection, [uai]))


async def _asked(connection: Connection, schools: Sequence[Uai]) -> Counter[tuple[Uai, ToDo]]:
    asked: Counter[tuple[Uai, ToDo]] = Counter()
    for at in range(0, len(schools), SCHOOLS_AT_ONCE):
        some = schools[at : at + SCHOOLS_AT_ONCE]
        keys = await store.keys_in_question(connection, some)
        found = counting.to_do(await matching.decisions(connection, keys))
        asked.update({one: number for one, number in found.items() if one[0] in some})
    for uai, number in (await store.offers_waiting(connection, schools)).items():
        asked[uai, ToDo.ACCEPTANCE] += number
    return asked


def _school(uai: Uai, asked: Counter[tuple[Uai, ToDo]]) -> SchoolToDo:
    return SchoolToDo(uai=uai, **{what.value: asked[uai, what] for what in ToDo})


@router.get(
    "/academies/{academie}/figures", dependencies=[Depends(may_in_academie(Action.READ_FIGURES))]
)
async def read_figures(
    academie: str,
    month: Annotated[str, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")],
    database: RequestDatabase,
) -> Figures:
    """The figures of one month, and what the departures of today wait for."""
    begin, end = _bounds(month)
    async with database.connection() as connection:
        rows = await store.answered(connection, academie, begin, end)
        schools = await store.schools_of(connection, academie)
        waiting = await _waiting(connection, schools)
    automatic = [row for row in rows if row["kind"] == "automatic" and not row["nothing"]]
    return Figures(
        academie=academie,
        month=month,
        schools=len(schools),
        closed=dict.fromkeys(Delay, 0) | Counter(_delay(row) for row in automatic),
        by_hand=sum(row["kind"] == "by-hand" for row in rows),
        without_data=sum(row["nothing"] for row in rows),
        reversed=sum(row["reversed"] for row in rows),
        waiting=waiting,
    )


def _bounds(month: str) -> tuple[dt.datetime, dt.datetime]:
    begin = dt.datetime.strptime(month, "%Y-%m").replace(tzinfo=PARIS)
    if begin.month == DECEMBER:
        return begin, begin.replace(year=begin.year + 1, month=1)
    return begin, begin.replace(month=begin.month + 1)


def _delay(row: Record) -> Delay:
    return counting.delay(row["ready_at"] or row["requested_at"], row["answered_at"])


async def _waiting(connection: Connection, schools: Sequence[Uai]) -> Counter[str]:
    waiting: Counter[str] = Counter()
    for at in range(0, len(schools), SCHOOLS_AT_ONCE):
        some = set(schools[at : at + SCHOOLS_AT_ONCE])
        keys = await store.keys_in_question(connection, some)
        decisions = await matching.decisions(connection, keys)
        waiting += counting.waiting(d for d in decisions if d.departure.uai in some)
    return waiting
