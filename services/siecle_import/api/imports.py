"""Send a file, follow how it is read, confirm or give up; the history."""

import datetime as dt
import hashlib
import tempfile
from collections.abc import AsyncIterator
from email.message import Message
from typing import IO, Annotated
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from uuid_utils.compat import uuid7

from services.siecle_import import importing
from services.siecle_import.domain.imports import (
    AT_WORK,
    ConfirmationCode,
    ImportUnderWayError,
    NotConfirmedError,
    NotReadyError,
    State,
    UnknownImportError,
)
from services.siecle_import.domain.undoing import NotUndoableError
from services.siecle_import.files.catalogue import Level
from services.siecle_import.store import imports
from shared.clock import pause
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime
from shared.web.app import BODY_LIMIT, RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import Problem, ProblemError

PAGE = 50
MAX_FILE_BYTES = 100 * 1024 * 1024
SPOOL_BYTES = 1024 * 1024
FILE_NAME_LENGTH = 120
LOOK_SECONDS = 0.2

router = APIRouter(prefix="/schools/{uai}", tags=["imports"])

EMPTY_FILE = Problem(
    422, "fichier-vide", "Fichier vide", "Déposez le fichier .zip exporté de SIECLE, tel quel."
)
INTERRUPTED = Problem(
    400, "envoi-interrompu", "Envoi interrompu", "Le fichier n'est pas arrivé : renvoyez-le."
)
PROBLEMS = {
    UnknownImportError: Problem(
        404,
        "import-inconnu",
        "Import inconnu",
        "Cet établissement n'a pas cet import. Ouvrez l'historique de ses imports.",
    ),
    ImportUnderWayError: Problem(
        409,
        "import-en-cours",
        "Import en cours",
        "Un import de cet établissement est en cours : attendez qu'il soit terminé.",
    ),
    NotReadyError: Problem(
        409,
        "import-pas-en-attente",
        "Import déjà traité",
        "Cet import n'attend pas (ou plus) de confirmation : rechargez la page.",
    ),
    NotConfirmedError: Problem(
        422,
        "confirmation-manquante",
        "Confirmation manquante",
        "Confirmez chaque point signalé et, si un nombre d'élèves désactivés est indiqué, "
        "saisissez ce nombre.",
    ),
    NotUndoableError: Problem(
        409,
        "import-non-annulable",
        "Import non annulable",
        "Seul le dernier import appliqué peut être annulé, tant qu'aucun autre import ne l'a suivi "
        "ni n'a été annulé depuis. Corrigez dans SIECLE, puis faites un nouvel import.",
    ),
}


class Needed(BaseModel):
    """Something to confirm by its code and, where there is one, by typing the number."""

    code: str
    number: int | None
    message: str


class FindingGroup(BaseModel):
    """Findings of one kind: how many, the messages and lines of the first; `value` is what the very
    first names (of `other_school`: whose file it is). The report has them all.
    """

    level: Level
    code: str
    count: int
    messages: list[str]
    lines: list[int] = []
    value: str | None = None


class Import(BaseModel):
    """An import and what it would change, or has changed.

    `kind` is the kind of the file, `progress` the percent of it that is read. `same_as` is the
    applied import that had the same content. `sha256` is that of the unzipped XML, or of the CSV.
    `undoable`, told of a single import, says that nothing has followed it.
    """

    id: UUID
    state: State
    kind: str | None
    file_name: str | None
    sent_by: str
    received_at: dt.datetime
    progress: int
    horodatage: dt.datetime | None = None
    school_year: int | None = None
    counts: dict[str, int] | None = None
    confirmations: list[Needed] | None = None
    findings: list[FindingGroup] | None = None
    confirmed_by: str | None = None
    number: int | None = None
    same_as: UUID | None = None
    ended_by: str | None = None
    ended_at: dt.datetime | None = None
    sha256: str | None = None
    undoable: bool = False


class ImportPage(BaseModel):
    """Imports, newest first; `next` is the cursor of the page that follows, if any."""

    imports: list[Import]
    next: UUID | None


class Consent(BaseModel, extra="forbid"):
    """What the person confirms, the number of deactivations that was typed, and the learners who
    are not to be deactivated (from the list « deactivated »).
    """

    confirmations: list[ConfirmationCode] = Field(default=[], max_length=10)
    deactivations: int | None = None
    spared: list[UUID] = Field(default=[], max_length=5_000)


def shown(row: Record | None) -> Import:
    """An import as it is answered; none is the error that it is unknown."""
    if row is None:
        raise UnknownImportError
    return Import.model_validate(dict(row))


async def _file_name(content_disposition: Annotated[str | None, Header()] = None) -> str | None:
    """The name in `Content-Disposition: attachment; filename=…`, without its folders."""
    if not content_disposition:
        return None
    header = Message()
    header["Content-Disposition"] = content_disposition
    try:
        given = header.get_filename() or ""
    except (LookupError, TypeError, ValueError):  # an encoding that is none
        return None
    name = given.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:FILE_NAME_LENGTH] or None


async def _spool(request: Request, file: IO[bytes]) -> bytes:
    """Write the body to a file as it comes; returns its digest."""
    request.scope[BODY_LIMIT] = MAX_FILE_BYTES
    digest = hashlib.sha256()
    try:
        async for data in request.stream():
            file.write(data)
            digest.update(data)
    except ClientDisconnect:
        raise ProblemError(INTERRUPTED) from None
    if not file.tell():
        raise ProblemError(EMPTY_FILE)
    file.seek(0)
    return digest.digest()


@router.post(
    "/imports",
    status_code=202,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
async def send_file(
    uai: Uai,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.IMPORT))],
    key: Annotated[str, Depends(creation_key)],
    file_name: Annotated[str | None, Depends(_file_name)],
    runtime: RequestRuntime,
    response: Response,
) -> Import:
    """Send an export of SIECLE (zip or XML) or a CSV of learners outside SIECLE, as the body. It is
    safe when this is answered; it is read behind, and nothing changes before it is confirmed.
    """
    import_id = uuid7()
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        digest = await _spool(request, file)
        async with runtime.database.transaction() as transaction:
            connection = transaction.connection
            content = uai.encode() + digest
            before = await made_before(connection, caller.sub, key, content, import_id)
            if before is None:
                await importing.receive(
                    transaction,
                    uai,
                    file,
                    file_name=file_name,
                    sent_by=caller.sub,
                    received_at=runtime.clock.now(),
                    import_id=import_id,
                )
            row = await imports.import_run(connection, uai, before or import_id)
    runtime.wake.set()
    response.headers["Location"] = f"/schools/{uai}/imports/{before or import_id}"
    return shown(row)


@router.get("/imports", dependencies=[Depends(may(Action.READ_IMPORTS))])
async def list_imports(
    uai: Uai,
    database: RequestDatabase,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> ImportPage:
    """The history of the school's imports."""
    async with database.connection() as connection:
        rows = await imports.imports_of(connection, uai, before, limit)
    found = [shown(row) for row in rows]
    return ImportPage(imports=found, next=found[-1].id if len(found) == limit else None)


async def known_import(uai: Uai, import_id: UUID, database: RequestDatabase) -> Import:
    """The import that a route is about; a dependency of routes that answer piece by piece."""
    async with database.connection() as connection:
        return shown(await imports.import_run(connection, uai, import_id))


@router.get("/imports/{import_id}", dependencies=[Depends(may(Action.READ_IMPORTS))])
async def read_import(
    found: Annotated[Import, Depends(known_import)], uai: Uai, database: RequestDatabase
) -> Import:
    """One import: where it stands, what was found, what it would change."""
    if found.state is State.APPLIED:
        async with database.connection() as connection:
            last = await imports.last_applied(connection, uai)
        found.undoable = bool(last and last["id"] == found.id and last["undoable"])
    return found


@router.get(
    "/imports/{import_id}/progress",
    response_class=EventSourceResponse,
    dependencies=[Depends(may(Action.READ_IMPORTS))],
)
async def follow_import(
    found: Annotated[Import, Depends(known_import)], uai: Uai, runtime: RequestRuntime
) -> AsyncIterator[Import]:
    """The import each time that it changes (server-sent events), until nobody works on it.

    No connection to the database is held while the stream waits.
    """
    yield found
    while found.state in AT_WORK and not runtime.stop.is_set():
        await pause(runtime.stop, LOOK_SECONDS)
        now = await known_import(uai, found.id, runtime.database)
        if now != found:
            yield now
        found = now


@router.post("/imports/{import_id}/confirm", status_code=202)
async def confirm_import(
    uai: Uai,
    import_id: UUID,
    consent: Consent,
    caller: Annotated[Principal, Depends(may(Action.IMPORT))],
    runtime: RequestRuntime,
) -> Import:
    """Apply an import that was read; of two confirmations at once, one is told."""
    given = importing.Consent(consent.confirmations, consent.deactivations, consent.spared)
    async with runtime.database.transaction() as transaction:
        row = await importing.confirm(transaction, uai, import_id, given, confirmed_by=caller.sub)
    runtime.wake.set()
    return shown(row)


@router.post("/imports/{import_id}/cancel")
async def cancel_import(
    uai: Uai,
    import_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.IMPORT))],
    runtime: RequestRuntime,
) -> Import:
    """Give up an import that waits for a confirmation."""
    async with runtime.database.transaction() as transaction:
        row = await importing.cancel(
            transaction, uai, import_id, by=caller.sub, at=runtime.clock.now()
        )
    return shown(row)
