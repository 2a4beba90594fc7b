"""HTTP of `siecle_import`: send a file, see what it would change, confirm; read the pupil base."""

import datetime as dt
import hashlib
import tempfile
from email.message import Message
from typing import IO, Annotated, Any
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from uuid_utils.compat import uuid7

from services.siecle_import import domain, importing, store
from shared.identifiers import Uai
from shared.security import Action, Principal, may
from shared.web.app import BODY_LIMIT, RequestClock, RequestDatabase
from shared.web.preconditions import creation_key, made_before
from shared.web.problems import Problem, ProblemError

PAGE = 50
MAX_FILE_BYTES = 100 * 1024 * 1024
SPOOL_BYTES = 1024 * 1024
FILE_NAME_LENGTH = 120

router = APIRouter(prefix="/schools/{uai}", tags=["imports"])

EMPTY_FILE = Problem(
    422, "fichier-vide", "Fichier vide", "Déposez le fichier .zip exporté de SIECLE, tel quel."
)
INTERRUPTED = Problem(
    400, "envoi-interrompu", "Envoi interrompu", "Le fichier n'est pas arrivé : renvoyez-le."
)
PROBLEMS = {
    domain.UnknownImportError: Problem(
        404,
        "import-inconnu",
        "Import inconnu",
        "Cet établissement n'a pas cet import. Ouvrez l'historique de ses imports.",
    ),
    domain.ImportUnderWayError: Problem(
        409,
        "import-en-cours",
        "Import en cours",
        "Un import de cet établissement est en cours : attendez qu'il soit terminé.",
    ),
    domain.NotReadyError: Problem(
        409,
        "import-pas-en-attente",
        "Import déjà traité",
        "Cet import n'attend pas (ou plus) de confirmation : rechargez la page.",
    ),
    domain.NotConfirmedError: Problem(
        422,
        "confirmation-manquante",
        "Confirmation manquante",
        "Confirmez chaque point signalé et, si un nombre d'élèves désactivés est indiqué, "
        "saisissez ce nombre.",
    ),
}


class Import(BaseModel):
    """An import and what it would change, or has changed.

    `confirmations` names what must be confirmed, with the number to type where there is one.
    """

    id: UUID
    state: str
    file_name: str | None
    sent_by: str
    received_at: dt.datetime
    horodatage: dt.datetime | None = None
    school_year: int | None = None
    counts: dict[str, int] | None = None
    confirmations: dict[str, int | None] | None = None
    findings: list[dict[str, Any]] | None = None
    confirmed_by: str | None = None
    number: int | None = None
    ended_at: dt.datetime | None = None


class ImportPage(BaseModel):
    """Imports, newest first; `next` is the cursor of the page that follows, if any."""

    imports: list[Import]
    next: UUID | None


class Consent(BaseModel, extra="forbid"):
    """What the person confirms, and the number of deactivations that was typed."""

    confirmations: list[domain.Confirmation] = Field(default=[], max_length=10)
    deactivations: int | None = None


class Pupil(BaseModel):
    """A learner of the school, as staff know him."""

    id: UUID
    family_name: str
    usage_name: str | None
    first_name: str
    birth_date: dt.date
    rnie: str | None
    bea: str | None
    ina: str | None
    mef: str | None
    division: str | None
    source: str
    active: bool
    since: dt.datetime
    reason: str | None
    exit_date: dt.date | None
    exit_reason: str | None
    transferred: bool


class PupilPage(BaseModel):
    """Learners by id; `next` is the cursor of the page that follows, if any."""

    pupils: list[Pupil]
    next: UUID | None


def _import(row: Record | None) -> Import:
    if row is None:
        raise domain.UnknownImportError
    return Import.model_validate(dict(row))


def _file_name(content_disposition: Annotated[str | None, Header()] = None) -> str | None:
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
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> Import:
    """Send an export of SIECLE (zip or XML), as the body. It is safe when this is answered; it is
    read behind, and nothing changes before it is confirmed.
    """
    import_id = uuid7()
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        digest = await _spool(request, file)
        async with database.transaction() as transaction:
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
                    received_at=clock.now(),
                    import_id=import_id,
                )
            row = await store.import_run(connection, uai, before or import_id)
    response.headers["Location"] = f"/schools/{uai}/imports/{before or import_id}"
    return _import(row)


@router.get("/imports", dependencies=[Depends(may(Action.IMPORT))])
async def list_imports(
    uai: Uai,
    database: RequestDatabase,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> ImportPage:
    """The history of the school's imports."""
    async with database.connection() as connection:
        rows = await store.imports_of(connection, uai, before, limit)
    imports = [_import(row) for row in rows]
    return ImportPage(imports=imports, next=imports[-1].id if len(imports) == limit else None)


@router.get("/imports/{import_id}", dependencies=[Depends(may(Action.IMPORT))])
async def read_import(uai: Uai, import_id: UUID, database: RequestDatabase) -> Import:
    """One import: where it stands, what was found, what it would change."""
    async with database.connection() as connection:
        return _import(await store.import_run(connection, uai, import_id))


@router.post("/imports/{import_id}/confirm", status_code=202)
async def confirm_import(
    uai: Uai,
    import_id: UUID,
    consent: Consent,
    caller: Annotated[Principal, Depends(may(Action.IMPORT))],
    database: RequestDatabase,
) -> Import:
    """Apply an import that was read; of two confirmations at once, one is told."""
    async with database.transaction() as transaction:
        row = await importing.confirm(
            transaction,
            uai,
            import_id,
            given=consent.confirmations,
            number=consent.deactivations,
            confirmed_by=caller.sub,
        )
    return _import(row)


@router.get("/pupils", dependencies=[Depends(may(Action.READ_PUPILS))])
async def list_pupils(
    uai: Uai,
    database: RequestDatabase,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> PupilPage:
    """The learners of the school, those who left included."""
    async with database.connection() as connection:
        rows = await store.pupils_of(connection, uai, after, limit)
    pupils = [Pupil.model_validate(dict(row)) for row in rows]
    return PupilPage(pupils=pupils, next=pupils[-1].id if len(pupils) == limit else None)
