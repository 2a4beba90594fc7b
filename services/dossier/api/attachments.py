"""Files attached to a record: the module that writes the record adds and removes them."""

import datetime as dt
import hashlib
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Record as Row
from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from uuid_utils.compat import uuid7

from services.dossier import files
from services.dossier.api.held import check_changeable, check_held
from services.dossier.store import attachments as store
from services.dossier.store import looks
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import BODY_LIMIT, RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import Problem, ProblemError

router = APIRouter(
    prefix="/schools/{uai}/pupils/{pupil_id}/records/{record_id}/attachments",
    tags=["pièces jointes"],
)

EMPTY = Problem(
    422, "fichier-vide", "Fichier vide", "Ce fichier n'a pas de contenu : choisissez-en un autre."
)
INTERRUPTED = Problem(
    400, "envoi-interrompu", "Envoi interrompu", "Le fichier n'est pas arrivé : renvoyez-le."
)
FULL = Problem(
    409,
    "pieces-jointes-au-complet",
    "Trop de pièces jointes",
    f"Un document a {files.PER_RECORD} pièces jointes au plus : supprimez-en une.",
)


class UnknownAttachmentError(Exception):
    """The record has no such attachment."""


PROBLEMS = {
    UnknownAttachmentError: Problem(
        404,
        "piece-jointe-inconnue",
        "Pièce jointe inconnue",
        "Ce document n'a pas (ou plus) cette pièce jointe. Rechargez la page.",
    ),
    files.UnknownTypeError: Problem(
        415,
        "type-de-fichier-refuse",
        "Type de fichier refusé",
        "Envoyez un PDF, une image (PNG, JPEG, WebP), un texte, ou un document ODT, ODS, DOCX ou "
        "XLSX, avec l'en-tête Content-Type qui lui correspond.",
    ),
    files.OtherContentError: Problem(
        422,
        "contenu-different",
        "Contenu différent du type annoncé",
        "Le contenu de ce fichier n'est pas du type annoncé : enregistrez-le de nouveau depuis le "
        "logiciel d'origine, puis renvoyez-le.",
    ),
}


class Attachment(BaseModel):
    """A file attached to a record; `sha256` is the digest of its content, `size` in bytes."""

    id: UUID
    record_id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    added_by: str
    added_at: dt.datetime


class AttachmentList(BaseModel):
    """The attachments of a record."""

    attachments: list[Attachment]


def shown(row: Row | None) -> Attachment:
    """An attachment as it is answered; none is the error that it is unknown."""
    if row is None:
        raise UnknownAttachmentError
    return Attachment(**dict(row), sha256=row["digest"].hex())


async def _body(request: Request) -> bytes:
    """The body, up to its own limit."""
    request.scope[BODY_LIMIT] = files.MAX_BYTES
    try:
        data = await request.body()
    except ClientDisconnect:
        raise ProblemError(INTERRUPTED) from None
    if not data:
        raise ProblemError(EMPTY)
    return data


@router.post(
    "",
    status_code=201,
    openapi_extra={
        "requestBody": {"content": {told: {} for told in files.TYPES}, "required": True}
    },
)
async def attach(
    uai: Uai,
    pupil_id: UUID,
    record_id: UUID,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.WRITE_RECORDS))],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
    response: Response,
    content_disposition: Annotated[str | None, Header()] = None,
) -> Attachment:
    """Attach the file that is the body, up to 5 MB; its name is in `Content-Disposition`. The
    record gets a new version. Repeating the request adds nothing.
    """
    told = files.media_type(request.headers.get("content-type"))
    name = files.file_name(content_disposition, told)
    data = await _body(request)
    files.check(told, data)
    digest = hashlib.sha256(data).digest()
    content = f"{uai} {pupil_id} {record_id} {told} {name} {digest.hex()}".encode()
    attachment_id = uuid7()
    async with database.transaction() as transaction:
        connection = transaction.connection
        before = await made_before(connection, caller.sub, key, content, attachment_id)
        if before is None:
            await check_changeable(connection, uai, pupil_id, record_id)
            await _make_room(connection, record_id)
            await store.add(
                connection, attachment_id, record_id,
                name=name, media_type=told, digest=digest, added_by=caller.sub, data=data,
            )  # fmt: skip
        else:
            await check_held(connection, uai, pupil_id, record_id)
        made = shown(await store.one(connection, record_id, before or attachment_id))
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return made


async def _make_room(connection: Connection, record_id: UUID) -> None:
    """Lock the record and refuse one attachment too many."""
    await store.touch_record(connection, record_id)
    if await store.count(connection, record_id) >= files.PER_RECORD:
        raise ProblemError(FULL)


@router.get("", dependencies=[Depends(may(Action.READ_RECORDS))])
async def list_attachments(
    uai: Uai, pupil_id: UUID, record_id: UUID, database: RequestDatabase
) -> AttachmentList:
    """What is attached to a record that a learner of the school holds."""
    async with database.connection() as connection:
        await check_held(connection, uai, pupil_id, record_id)
        rows = await store.of_records(connection, [record_id])
    return AttachmentList(attachments=[shown(row) for row in rows])


_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {told: {} for told in files.TYPES}},
    304: {"description": "It is the one that If-None-Match names"},
}


@router.get("/{attachment_id}", response_class=Response, responses=_FILE)
async def read_attachment(
    uai: Uai,
    pupil_id: UUID,
    record_id: UUID,
    attachment_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.READ_RECORDS))],
    database: RequestDatabase,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The content of an attachment, to be saved as a file."""
    async with database.connection() as connection:
        holder = await check_held(connection, uai, pupil_id, record_id)
        found = shown(await store.one(connection, record_id, attachment_id))
        await looks.note(connection, uai, caller.sub, looks.What.ATTACHMENT, [holder])
        if _known(if_none_match, found.sha256):
            return Response(status_code=304, headers={"ETag": f'"{found.sha256}"'})
        data = await store.content(connection, attachment_id)
    if data is None:  # removed just now
        raise UnknownAttachmentError
    headers = {
        "Content-Type": found.media_type,
        "Content-Disposition": files.disposition(found.name),
        "ETag": f'"{found.sha256}"',
    }
    return Response(data, headers=headers)


def _known(if_none_match: str | None, digest: str) -> bool:
    """Whether an `If-None-Match` names this content (RFC 9110, 13.1.2: weak comparison)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "*" in tags or f'"{digest}"' in tags


@router.delete(
    "/{attachment_id}", status_code=204, dependencies=[Depends(may(Action.WRITE_RECORDS))]
)
async def remove_attachment(
    uai: Uai, pupil_id: UUID, record_id: UUID, attachment_id: UUID, database: RequestDatabase
) -> None:
    """Remove an attachment of a record that the learner holds; the record gets a new version."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        await check_changeable(connection, uai, pupil_id, record_id)
        if not await store.remove(connection, record_id, attachment_id):
            raise UnknownAttachmentError
        await store.touch_record(connection, record_id)
