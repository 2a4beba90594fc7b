"""What an import says in detail: its lists, its report; its undoing; how a school wants imports."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Record
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.siecle_import import importing
from services.siecle_import.api.imports import Import, known_import, shown
from services.siecle_import.domain.pupils import Change
from services.siecle_import.domain.undoing import Kept
from services.siecle_import.files.catalogue import LEVELS, Level
from services.siecle_import.files.table import COLUMNS
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import Listing
from services.siecle_import.store import imports, pupils
from services.siecle_import.store.imports import Preferences
from shared.database import Database
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime
from shared.web.app import RequestClock, RequestDatabase
from shared.web.preconditions import CHANGED_MEANWHILE, expected_version, set_etag
from shared.web.problems import ProblemError
from shared.web.tables import harmless

PAGE = 200
REPORT_PAGE = 2_000

router = APIRouter(prefix="/schools/{uai}", tags=["imports"])
_reader = Depends(may(Action.READ_IMPORTS))


class FieldChange(BaseModel):
    """A field that changes, old and new as staff read them."""

    field: str
    label: str
    old: str | None
    new: str | None


class Entry(BaseModel):
    """A learner in a list of an import, why he is in it, and what changes of him.

    `end_of_course` tells apart, among those deactivated, who was in the last year of his course.
    """

    position: int
    pupil_id: UUID | None
    eleve_id: str | None
    name: str | None
    ine: str | None
    division: str | None
    why: str | None = None
    end_of_course: bool = False
    changes: list[FieldChange] = []


class EntryPage(BaseModel):
    """A part of a list; `next` is the cursor of the part that follows, if any."""

    entries: list[Entry]
    next: int | None


class FindingLine(BaseModel):
    """One thing that was said about a file: of whom (none: the file), which line, which value."""

    position: int
    level: Level
    code: str
    pupil: str | None
    name: str | None
    ine: str | None
    value: str | None
    line: int | None
    message: str


class FindingPage(BaseModel):
    """What was said about a file, the gravest first; `next` is the cursor of the page that follows,
    if any.
    """

    findings: list[FindingLine]
    next: int | None


class KeptLearner(BaseModel):
    """A learner whom the undoing leaves as he is; where a transfer is why, a return can be asked
    of `transfer` by its id.
    """

    pupil_id: UUID
    name: str
    why: Kept
    transfer_id: UUID | None
    other_uai: str | None


class Undoing(BaseModel):
    """What the undoing of an import does: counts by kind of change, and whom it leaves as is."""

    counts: dict[str, int]
    kept: list[KeptLearner]


class ImportPreferences(BaseModel, extra="forbid"):
    """Whether an import that needs no confirmation is applied at once."""

    apply_at_once: bool


@router.get("/imports/{import_id}/lists/{name}", dependencies=[_reader])
async def read_list(
    found: Annotated[Import, Depends(known_import)],
    name: Listing,
    database: RequestDatabase,
    after: Annotated[int, Query(ge=-1, le=1_000_000)] = -1,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> EntryPage:
    """The list behind a count of the import: what it would do, then what it has done."""
    async with database.connection() as connection:
        rows = await imports.list_of(connection, found.id, name, after, limit)
    entries = [
        Entry(position=row["position"], pupil_id=row["pupil_id"], **row["shown"]) for row in rows
    ]
    return EntryPage(entries=entries, next=entries[-1].position if len(entries) == limit else None)


@router.get("/imports/{import_id}/findings", dependencies=[_reader])
async def read_findings(
    found: Annotated[Import, Depends(known_import)],
    database: RequestDatabase,
    code: Annotated[str | None, Query(pattern=r"^[a-z_]{1,40}$")] = None,
    after: Annotated[int, Query(ge=-1, le=1_000_000)] = -1,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> FindingPage:
    """All that was said of the file, or all of one kind (`code`), one by one."""
    async with database.connection() as connection:
        rows = await imports.findings_of(connection, found.id, after, limit, code)
    findings = [FindingLine.model_validate(dict(row)) for row in rows]
    following = findings[-1].position if len(findings) == limit else None
    return FindingPage(findings=findings, next=following)


_REPORT = ("Gravité", "Code", "Élève", "Nom", "INE", "Ligne", "Message")


@router.get(
    "/imports/{import_id}/report.csv",
    dependencies=[_reader],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
async def read_report(
    found: Annotated[Import, Depends(known_import)], database: RequestDatabase
) -> Response:
    """All that was said of the file, to open in a spreadsheet: `;` and UTF-8 with its mark."""
    return StreamingResponse(
        _report(database, found.id),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="rapport-import-{found.id}.csv"'},
    )


async def _report(database: Database, import_id: UUID) -> AsyncIterator[str]:
    yield "\ufeff" + _csv([_REPORT])
    after = -1
    while True:
        async with database.connection() as connection:
            rows = await imports.findings_of(connection, import_id, after, REPORT_PAGE)
        if not rows:
            return
        yield _csv([_line(row) for row in rows])
        after = rows[-1]["position"]


def _line(row: Record) -> Sequence[Any]:
    values = (row["code"], row["pupil"], row["name"], row["ine"], row["line"], row["message"])
    return [LEVELS[row["level"]], *map(harmless, values)]


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue()


@router.get("/imports/{import_id}/undoing", dependencies=[Depends(may(Action.DECIDE))])
async def preview_undoing(
    uai: Uai, import_id: UUID, database: RequestDatabase, clock: RequestClock
) -> Undoing:
    """What undoing this import would do; only the last one can be undone."""
    async with database.connection() as connection:
        undoing, transferred = await importing.what_undoing_does(
            connection, uai, import_id, clock.now()
        )
    kept = []
    for pupil, why in undoing.kept:
        transfer = transferred.get(pupil.id)
        kept.append(
            KeptLearner(
                pupil_id=pupil.id,
                name=pupil.name,
                why=why,
                transfer_id=transfer and transfer["transfer_id"],
                other_uai=transfer and transfer["other_uai"],
            )
        )
    counts = {kind.value: sum(c.kind is kind for c in undoing.changes) for kind in Change}
    return Undoing(counts=counts, kept=kept)


@router.post("/imports/{import_id}/undo")
async def undo_import(
    uai: Uai,
    import_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.DECIDE))],
    runtime: RequestRuntime,
) -> Import:
    """Undo the last applied import; the one before it is in force again."""
    keys = KeyMaker.from_settings(runtime.settings)
    async with runtime.database.transaction() as transaction:
        row = await importing.undo_import(
            transaction, uai, import_id, keys, by=caller.sub, at=runtime.clock.now()
        )
    return shown(row)


@router.get(
    "/import-model.csv",
    dependencies=[_reader],
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
async def read_model() -> Response:
    """The table to fill in for learners outside SIECLE: its columns."""
    return Response(
        "\ufeff" + _csv([COLUMNS]),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="apprenants.csv"'},
    )


@router.get("/import-preferences", dependencies=[_reader])
async def read_preferences(
    uai: Uai, database: RequestDatabase, response: Response
) -> ImportPreferences:
    """How the school wants its imports."""
    async with database.connection() as connection:
        found = await imports.preferences(connection, uai)
    set_etag(response, found.version)
    return ImportPreferences(apply_at_once=found.apply_at_once)


@router.put("/import-preferences", dependencies=[Depends(may(Action.IMPORT))])
async def set_preferences(
    uai: Uai,
    wanted: ImportPreferences,
    version: Annotated[int, Depends(expected_version)],
    database: RequestDatabase,
    response: Response,
) -> ImportPreferences:
    """Say how the school wants its imports."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        await pupils.lock_school(connection, uai)
        preferences = Preferences(wanted.apply_at_once, version)
        if not await imports.set_preferences(connection, uai, preferences):
            raise ProblemError(CHANGED_MEANWHILE)
    set_etag(response, version + 1)
    return wanted
