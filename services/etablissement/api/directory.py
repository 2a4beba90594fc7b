"""The import of the public directory of schools, by the national administrator."""

import datetime as dt
import hashlib
import tempfile
from typing import IO, Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from uuid_utils.compat import uuid7

from services.etablissement import importing
from services.etablissement.directory import UnreadableDirectoryError
from services.etablissement.domain.errors import UnknownDirectoryImportError
from services.etablissement.registry import By
from services.etablissement.store import directory as store
from shared.database import Connection
from shared.rights import Action
from shared.security import EVERYWHERE, FORBIDDEN, Principal, principal
from shared.web.app import BODY_LIMIT, RequestClock, RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import Problem, ProblemError

MAX_FILE_BYTES = 200 * 1024 * 1024
SPOOL_BYTES = 1024 * 1024

INTERRUPTED = Problem(
    400, "envoi-interrompu", "Envoi interrompu", "Le fichier n'est pas arrivé : renvoyez-le."
)


async def national(caller: Annotated[Principal, Depends(principal)]) -> Principal:
    """The caller, who manages the schools of all académies."""
    if not caller.may_in(Action.MANAGE_SCHOOLS, EVERYWHERE):
        raise ProblemError(FORBIDDEN)
    return caller


router = APIRouter(prefix="/directory", tags=["registre"])


class RefusedLine(BaseModel):
    """A line of the file that can't be used, and why."""

    line: int
    reason: str


class DirectoryImport(BaseModel):
    """A file of the directory and what it would change, or has changed. `counts`: lines `read`,
    schools `new`, `changed`, `unchanged`, lines `refused`, and by field the values `left_out_…`
    because they can't be right. The first refused lines are listed.
    """

    id: UUID
    state: Literal["ready", "applied"]
    sent_at: dt.datetime
    sent_by: str
    counts: dict[str, int]
    refused: list[RefusedLine]
    applied_at: dt.datetime | None
    applied_by: str | None


@router.post("", status_code=201)
async def send_directory(
    request: Request,
    caller: Annotated[Principal, Depends(national)],
    key: Annotated[str, Depends(creation_key)],
    database: RequestDatabase,
    clock: RequestClock,
) -> DirectoryImport:
    """Send the file as the body; it is read at once, and nothing changes before it is applied."""
    by, import_id = By(caller.sub, clock.now()), uuid7()
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as content:
        digest = await _spool(request, content)
        try:
            async with database.transaction() as transaction:
                connection = transaction.connection
                before = await made_before(connection, caller.sub, key, digest, import_id)
                if before is None:
                    await importing.receive(transaction, import_id, content, by)
                return await _read(connection, before or import_id)
        except UnreadableDirectoryError as error:
            raise ProblemError(
                Problem(422, "annuaire-illisible", "Annuaire illisible", str(error))
            ) from None


async def _spool(request: Request, content: IO[bytes]) -> bytes:
    """Put the body into a file; returns its digest."""
    digest = hashlib.sha256()
    request.scope[BODY_LIMIT] = MAX_FILE_BYTES
    try:
        async for chunk in request.stream():
            content.write(chunk)
            digest.update(chunk)
    except ClientDisconnect:
        raise ProblemError(INTERRUPTED) from None
    content.seek(0)
    return digest.digest()


@router.get("/{import_id}", dependencies=[Depends(national)])
async def read_directory(import_id: UUID, database: RequestDatabase) -> DirectoryImport:
    """A file that was sent."""
    async with database.connection() as connection:
        return await _read(connection, import_id)


@router.post("/{import_id}/application")
async def apply_directory(
    import_id: UUID,
    caller: Annotated[Principal, Depends(national)],
    database: RequestDatabase,
    clock: RequestClock,
) -> DirectoryImport:
    """Write what a file says into the registry, once; schools that it does not name stay as they
    are.
    """
    by = By(caller.sub, clock.now())
    async with database.transaction() as transaction:
        await importing.apply(transaction, import_id, by)
        return await _read(transaction.connection, import_id)


async def _read(connection: Connection, import_id: UUID) -> DirectoryImport:
    row = await store.one(connection, import_id)
    if row is None:
        raise UnknownDirectoryImportError
    return DirectoryImport(**row)
