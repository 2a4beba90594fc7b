"""What administrators keep: diplomas, inspectors, referents, subscriptions; and Nomenclature files.

Each table is sent as a CSV: a preview says what it would change, then the same file is taken in
with the preview's ETag.
"""

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import AfterValidator, BaseModel, StringConstraints
from starlette.requests import ClientDisconnect

from services.inspector_access import nomenclature, sending
from services.inspector_access.api.problems import (
    NATIONAL_TABLE,
    UNKNOWN_REFERENT,
    UNREADABLE,
)
from services.inspector_access.api.switches import DiplomaCode
from services.inspector_access.domain.errors import NotSubscribedError, UnreadableFileError
from services.inspector_access.domain.lines import Line, period_of
from services.inspector_access.domain.nomenclature import diplomas
from services.inspector_access.domain.tables import Table
from services.inspector_access.settling import By, settle
from services.inspector_access.store import registry as store
from services.inspector_access.store import single_file
from shared.database import Database
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may, may_in_academie
from shared.service import RequestRuntime
from shared.web.app import BODY_LIMIT, RequestDatabase
from shared.web.preconditions import expected_version, set_etag
from shared.web.problems import Problem, ProblemError

MAX_TABLE_BYTES = 2 * 1024 * 1024

router = APIRouter(tags=["diplômes et inspecteurs"])

INTERRUPTED = Problem(
    400, "envoi-interrompu", "Envoi interrompu", "Le fichier n'est pas arrivé : renvoyez-le."
)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("caractère nul refusé")
    return text


Academie = Annotated[str, Path(max_length=100), AfterValidator(_storable)]
Email = Annotated[str, StringConstraints(max_length=254, to_lower=True), AfterValidator(_storable)]


class Referent(BaseModel, extra="forbid"):
    """A line of the table of referents: of one school, or without `uai` of all the académie. (In a
    body: addresses of people do not belong into an URL.)
    """

    email: Email
    diploma: Annotated[str, StringConstraints(max_length=30), AfterValidator(_storable)]
    uai: Uai | None = None


async def may_send(
    academie: str,
    table: Table,
    caller: Annotated[Principal, Depends(may_in_academie(Action.MANAGE_DIPLOMAS))],
) -> Principal:
    """A dependency: the caller, who may change this table. That of diplomas is one for the nation:
    an académie that changed it would change what inspectors of all others see.
    """
    if table is Table.DIPLOMAS and not caller.may_in(Action.NAME_DIPLOMAS, academie):
        raise ProblemError(NATIONAL_TABLE)
    return caller


Sender = Annotated[Principal, Depends(may_send)]


class TableLine(BaseModel):
    """A line that is held, under the names of the columns of its table."""

    code: str | None = None
    libelle: str | None = None
    mef: list[str] | None = None
    adresse: str | None = None
    nom: str | None = None
    uai: str | None = None
    diplome: str | None = None
    debut: dt.date | None = None
    fin: dt.date | None = None


class Refused(BaseModel):
    """What is wrong with a line of a file (numbered from 1, the names of the columns included)."""

    line: int
    column: str
    message: str


class Effect(BaseModel):
    """What a file changes: so many lines are new, changed, as they were, or refused; so many mails
    tell inspectors that access is opened or closed. Lines that are refused change nothing.
    """

    new: int
    changed: int
    unchanged: int
    refused: int
    opened: int
    closed: int
    errors: list[Refused]


class Learnt(BaseModel):
    """What a Nomenclature has told: how many courses it lists, how many diplomas are new."""

    courses: int
    new_diplomas: int


def _body_of(media_type: str) -> dict[str, Any]:
    return {"requestBody": {"content": {media_type: {}}, "required": True}}


async def _body(request: Request, limit: int) -> bytes:
    request.scope[BODY_LIMIT] = limit
    try:
        return await request.body()
    except ClientDisconnect:
        raise ProblemError(INTERRUPTED) from None


def unreadable(error: UnreadableFileError) -> ProblemError:
    """The problem that tells what is wrong with a file."""
    return ProblemError(replace(UNREADABLE, detail=error.advice))


@router.get(
    "/academies/{academie}/tables/{table}",
    dependencies=[Depends(may_in_academie(Action.MANAGE_DIPLOMAS))],
    response_model_exclude_none=True,
)
async def list_lines(
    academie: Academie, table: Table, database: RequestDatabase
) -> list[TableLine]:
    """The lines of a table that are held of this académie (of diplomas: all)."""
    async with database.connection() as connection:
        lines = await store.present(connection, table, academie)
    return [_shown(line) for line in lines.values()]


_NAMES = {
    "code": "code", "label": "libelle", "mefs": "mef", "email": "adresse", "name": "nom",
    "uai": "uai", "diploma": "diplome",
}  # fmt: skip


def _shown(line: Line) -> TableLine:
    told = {name: getattr(line, own) for own, name in _NAMES.items() if hasattr(line, own)}
    if period := period_of(line):
        told |= {"debut": period.from_on, "fin": period.until_on}
    return TableLine.model_validate(told)


@router.post("/academies/{academie}/tables/{table}/preview", openapi_extra=_body_of("text/csv"))
async def preview_table(
    academie: Academie,
    table: Table,
    request: Request,
    caller: Sender,
    runtime: RequestRuntime,
    response: Response,
) -> Effect:
    """What a CSV would change; nothing is. The ETag stands for this file and this effect."""
    content, by = await _body(request, MAX_TABLE_BYTES), By.caller(caller, runtime)
    try:
        effect = await sending.preview(runtime.database, table, academie, content, by)
    except UnreadableFileError as error:
        raise unreadable(error) from None
    set_etag(response, effect.version)
    return _effect(effect)


@router.post("/academies/{academie}/tables/{table}", openapi_extra=_body_of("text/csv"))
async def apply_table(
    academie: Academie,
    table: Table,
    request: Request,
    caller: Sender,
    expected: Annotated[int, Depends(expected_version)],
    runtime: RequestRuntime,
) -> Effect:
    """Take in a CSV whose preview had this ETag. What a file does not name stays as it is."""
    content, by = await _body(request, MAX_TABLE_BYTES), By.caller(caller, runtime)
    try:
        effect = await sending.apply(runtime.database, table, academie, content, expected, by)
    except UnreadableFileError as error:
        raise unreadable(error) from None
    return _effect(effect)


def _effect(effect: sending.Effect) -> Effect:
    judged = effect.judged
    return Effect(
        new=len(judged.new),
        changed=len(judged.changed),
        unchanged=judged.unchanged,
        refused=judged.refused,
        opened=effect.opened,
        closed=effect.closed,
        errors=[
            Refused(line=one.line, column=one.column, message=one.message)
            for one in judged.findings
        ],
    )


@router.post("/academies/{academie}/referents/removal", status_code=204)
async def remove_referent(
    academie: Academie,
    referent: Referent,
    caller: Annotated[Principal, Depends(may_in_academie(Action.MANAGE_DIPLOMAS))],
    runtime: RequestRuntime,
) -> None:
    """Remove a referent at once (of one school, or of all the académie): his access ends, and he is
    told where it was open.
    """
    async with runtime.database.transaction() as transaction:
        await single_file(transaction.connection)
        removed = await store.remove_referent(
            transaction.connection, academie, referent.email, referent.diploma, referent.uai or ""
        )
        if not removed:
            raise ProblemError(UNKNOWN_REFERENT)
        schools = [referent.uai] if referent.uai else None
        await settle(transaction, By.caller(caller, runtime), schools)


@router.delete("/academies/{academie}/subscriptions/{uai}/{diploma}", status_code=204)
async def remove_subscription(
    academie: Academie,
    uai: Uai,
    diploma: DiplomaCode,
    caller: Annotated[Principal, Depends(may_in_academie(Action.MANAGE_DIPLOMAS))],
    runtime: RequestRuntime,
) -> None:
    """End a school's subscription at once: access is closed to all, and they are told."""
    async with runtime.database.transaction() as transaction:
        await single_file(transaction.connection)
        removed = await store.remove_subscription(transaction.connection, academie, uai, diploma)
        if not removed:
            raise NotSubscribedError
        await settle(transaction, By.caller(caller, runtime), [uai])


@router.post(
    "/academies/{academie}/nomenclature",
    dependencies=[Depends(may_in_academie(Action.MANAGE_DIPLOMAS))],
    openapi_extra=_body_of("application/xml"),
)
async def take_nomenclature(request: Request, database: RequestDatabase) -> Learnt:
    """Learn from a Nomenclature of SIECLE (XML, or the zip as it is) which MEF there are and which
    diplomas they lead to. Nothing that is known changes.
    """
    return await _learn(request, database)


@router.post(
    "/schools/{uai}/nomenclature",
    dependencies=[Depends(may(Action.IMPORT))],
    openapi_extra=_body_of("application/xml"),
)
async def take_nomenclature_of_school(request: Request, database: RequestDatabase) -> Learnt:
    """The same for the import page of a school, which passes on a Nomenclature that it is given."""
    return await _learn(request, database)


async def _learn(request: Request, database: Database) -> Learnt:
    content = await _body(request, nomenclature.MAX_BYTES)
    try:
        courses = await asyncio.to_thread(nomenclature.read, content)
    except UnreadableFileError as error:
        raise unreadable(error) from None
    async with database.transaction() as transaction:
        connection = transaction.connection
        await single_file(connection)
        found = diplomas(courses, await store.mefs(connection))
        made = await store.keep_nomenclature(connection, courses, found)
    return Learnt(courses=len(courses), new_diplomas=made)
