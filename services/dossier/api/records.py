"""Records of one learner: the other modules write them; staff and modules read them."""

import datetime as dt
import json
from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Record as Row
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from uuid_utils.compat import uuid7

from services.dossier import domain, writing
from services.dossier.api.held import holder_of
from services.dossier.store import looks
from services.dossier.store import records as store
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestDatabase
from shared.web.preconditions import (
    CHANGED_MEANWHILE,
    creation_key,
    expected_version,
    made_before,
    set_etag,
)
from shared.web.problems import Problem, ProblemError

PAGE = 50

router = APIRouter(prefix="/schools/{uai}/pupils/{pupil_id}/records", tags=["dossier"])

PROBLEMS = {
    domain.UnknownLearnerError: Problem(
        404,
        "apprenant-inconnu",
        "Apprenant inconnu",
        "Cet apprenant n'est pas dans la base de l'établissement. S'il vient d'y être ajouté, "
        "réessayez dans quelques secondes.",
    ),
    domain.UnknownRecordError: Problem(
        404,
        "document-inconnu",
        "Document inconnu",
        "Cet apprenant n'a pas ce document. Rechargez la liste de ses documents.",
    ),
    domain.RecordsMovedError: Problem(
        409,
        "dossier-transmis",
        "Dossier transmis",
        "L'apprenant a quitté l'établissement et son dossier a été transmis : il se complète dans "
        "son nouvel établissement.",
    ),
}


def storable(text: str) -> str:
    """A text that the database takes."""
    if "\x00" in text:
        raise ValueError("caractère nul refusé")
    return text


def _bounded(body: dict[str, Any]) -> dict[str, Any]:
    if _depth(body) > domain.BODY_DEPTH:
        raise ValueError(f"contenu limité à {domain.BODY_DEPTH} niveaux")
    try:
        data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:  # a lone surrogate, or a number that JSON does not have
        raise ValueError("valeur refusée dans le contenu") from error
    if b"\\u0000" in data:
        raise ValueError("caractère nul refusé dans le contenu")
    if len(data) > domain.BODY_BYTES:
        raise ValueError(f"contenu limité à {domain.BODY_BYTES // 1024} Kio")
    return body


def _depth(body: dict[str, Any]) -> int:
    """How deep lists and objects are nested; counted level by level, not by recursion."""
    depth = 0
    level: list[Any] = [body]
    while level:
        depth += 1
        inner = [child for node in level for child in _children(node)]
        level = [child for child in inner if isinstance(child, dict | list)]
    return depth


def _children(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(storable),
]  # fmt: skip


class RecordContent(BaseModel, extra="forbid"):
    """What the author of a record gives."""

    kind: domain.Kind
    title: Text
    diploma: Text | None = None
    body: Annotated[dict[str, Any], AfterValidator(_bounded)]
    author: Text
    written_on: dt.date


class Record(RecordContent):
    """A record as it is kept: who holds it, and the school it was written in."""

    id: UUID
    pupil_id: UUID
    origin_uai: str
    version: int = Field(ge=1)
    created_at: dt.datetime
    updated_at: dt.datetime


class RecordPage(BaseModel):
    """Records of one learner; `next` is the cursor of the page that follows, if any."""

    records: list[Record]
    next: UUID | None


def _record(row: Row | None) -> Record:
    if row is None:
        raise domain.UnknownRecordError
    return Record.model_validate(dict(row))


@router.post("", status_code=201)
async def write_record(
    uai: Uai,
    pupil_id: UUID,
    content: RecordContent,
    caller: Annotated[Principal, Depends(may(Action.WRITE_RECORDS))],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
    response: Response,
) -> Record:
    """Add a record to a learner of the school; repeating the request adds nothing. If his dossier
    has gone on to another school, the record follows it there.
    """
    record_id = uuid7()
    fingerprint = f"{uai} {pupil_id} {content.model_dump_json()}".encode()
    async with database.transaction() as transaction:
        connection = transaction.connection
        before = await made_before(connection, caller.sub, key, fingerprint, record_id)
        if before is None:
            made = await writing.add(transaction, uai, pupil_id, record_id, content.model_dump())
            record = _record(made)
        else:
            record = _record(await store.record_written(connection, uai, before))
    set_etag(response, record.version)
    return record


@router.put("/{record_id}", dependencies=[Depends(may(Action.WRITE_RECORDS))])
async def rewrite_record(
    uai: Uai,
    pupil_id: UUID,
    record_id: UUID,
    content: RecordContent,
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    response: Response,
) -> Record:
    """Change a record that the learner holds; its school and its date of creation stay."""
    async with database.transaction() as transaction:
        row = await writing.change(
            transaction, uai, pupil_id, record_id, version, content.model_dump()
        )
    if row is None:
        raise ProblemError(CHANGED_MEANWHILE)
    record = _record(row)
    set_etag(response, record.version)
    return record


@router.get("")
async def list_records(
    uai: Uai,
    pupil_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.READ_RECORDS))],
    database: RequestDatabase,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> RecordPage:
    """The records that a learner of the school holds, wherever they were written."""
    async with database.connection() as connection:
        holder = await holder_of(connection, uai, pupil_id)
        rows = await store.records_of(connection, holder, after, limit)
        await looks.note(connection, uai, caller.sub, looks.What.LIST, [holder])
    return page([_record(row) for row in rows], limit)


def page(records: list[Record], limit: int) -> RecordPage:
    """A page of at most `limit` records."""
    return RecordPage(records=records, next=records[-1].id if len(records) == limit else None)


@router.get("/{record_id}")
async def read_record(
    uai: Uai,
    pupil_id: UUID,
    record_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.READ_RECORDS))],
    database: RequestDatabase,
    response: Response,
) -> Record:
    """One record that a learner of the school holds."""
    async with database.connection() as connection:
        holder = await holder_of(connection, uai, pupil_id)
        record = _record(await store.record_of(connection, holder, record_id))
        await looks.note(connection, uai, caller.sub, looks.What.RECORD, [holder])
    set_etag(response, record.version)
    return record
