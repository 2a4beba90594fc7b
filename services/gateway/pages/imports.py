"""« Import SIECLE »: where a file is dropped, what earlier ones have done, how imports are wanted.

What one import says is in `import_run.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from starlette.exceptions import HTTPException

from services.gateway.clients.services import RefusedError
from services.gateway.domain import french
from services.gateway.domain.bars import HEIGHT, STEP, stacked
from services.gateway.domain.french import count
from services.gateway.domain.siecle import HEAD_BYTES, is_nomenclature
from services.gateway.web import documents, downloads
from services.gateway.web.visit import Down, Visit, posting, uploading, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/import"
TEMPLATE: Final = "import.html"
LATEST: Final = 10
MAX_BYTES: Final = 100 * 1024 * 1024
NOMENCLATURE_BYTES: Final = 5 * 1024 * 1024
AT_WORK: Final = ("received", "confirmed")
STATES: Final = {
    "received": ("en cours de lecture", "info"),
    "ready": ("à confirmer", "warning"),
    "confirmed": ("en cours d'application", "info"),
    "applied": ("appliqué", "success"),
    "seen": ("déjà importé, rien à changer", "neutral"),
    "refused": ("fichier refusé", "error"),
    "failed": ("échec", "error"),
    "cancelled": ("abandonné", "neutral"),
    "superseded": ("remplacé par un autre envoi", "neutral"),
    "undone": ("annulé", "neutral"),
}
"""What staff read of the state of an import, and how its badge looks."""
DRAWN: Final = {"created": "nouveaux", "updated": "modifiés", "deactivated": "désactivés"}
"""What the picture of imports shows, from the ground up."""

Reading = Annotated[Visit, Depends(visiting(Action.READ_IMPORTS))]


@router.get(PATH)
async def show(visit: Reading) -> Response:
    """Drop a file, for who may; the latest imports."""
    return await visit.page(TEMPLATE, **await _beside(visit))


@router.post(PATH)
async def send(
    visit: Annotated[Visit, Depends(uploading(Action.IMPORT, at_most=MAX_BYTES))],
) -> Response:
    """Pass the file on as it comes: an export to the pupil base, a Nomenclature to the diplomas."""
    upload = visit.upload
    if upload is None or not upload.filename:
        return await _again(visit, {"fichier": "choisissez le fichier exporté de SIECLE"})
    head, chunks = await _begun(upload.chunks())
    try:
        if is_nomenclature(head):
            return await _nomenclature(visit, chunks)
        name = f"attachment; filename*=UTF-8''{quote(upload.filename, safe='')}"
        headers = {"Idempotency-Key": visit.text("key"), "Content-Disposition": name}
        sent = await visit.calls.send(
            "siecle_import", "POST", f"{visit.school}/imports", chunks, headers
        )
    except RefusedError as error:
        await upload.drain()
        return await visit.refused(TEMPLATE, error, **await _beside(visit))
    return await visit.redirect(f"{PATH}/{sent.json['id']}")


async def _begun(chunks: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """How a file begins, and all of it."""
    pieces: list[bytes] = []
    async for piece in chunks:
        pieces.append(piece)
        if sum(map(len, pieces)) >= HEAD_BYTES:
            break

    async def whole() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        async for piece in chunks:
            yield piece

    return b"".join(pieces), whole()


async def _bounded(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A file that is no larger than a Nomenclature may be."""
    size = 0
    async for piece in chunks:
        size += len(piece)
        if size > NOMENCLATURE_BYTES:
            raise HTTPException(413)
        yield piece


async def _nomenclature(visit: Visit, chunks: AsyncIterator[bytes]) -> Response:
    sent = await visit.calls.send(
        "inspector_access", "POST", f"{visit.school}/nomenclature", _bounded(chunks),
        {"Content-Type": "application/xml"},
    )  # fmt: skip
    courses, new = sent.json["courses"], sent.json["new_diplomas"]
    told = (
        f"Ce fichier est une Nomenclature : {count(courses, 'formation lue', 'formations lues')}, "
        f"{count(new, 'nouveau diplôme', 'nouveaux diplômes')}. Elle sert aux accès inspecteur ; "
        "la base des apprenants n'a pas changé."
    )
    return await visit.redirect(PATH, told)


async def _again(visit: Visit, errors: Mapping[str, str]) -> Response:
    return await visit.page(TEMPLATE, 422, errors=errors, **await _beside(visit))


async def _beside(visit: Visit) -> dict[str, Any]:
    """The latest imports and the preferences."""
    path = visit.school
    found, preferences = await asyncio.gather(
        visit.calls.get("siecle_import", f"{path}/imports", params={"limit": LATEST}),
        visit.calls.get("siecle_import", f"{path}/import-preferences"),
    )
    return {
        **await told(visit, found.json["imports"]), "more": found.json["next"],
        "preferences": preferences.json, "version": preferences.etag,
    }  # fmt: skip


async def told(visit: Visit, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a list of imports needs: who has sent them, their states in words, their picture."""
    return {
        "runs": runs, "states": STATES, "at_work": AT_WORK, "drawn": DRAWN,
        "imports": visit.may(Action.IMPORT),
        "names": await visit.names(staff=(run["sent_by"] for run in runs)),
        "picture": picture([run for run in runs if run["state"] == "applied"]),
    }  # fmt: skip


def picture(applied: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The bars of applied imports, the oldest first."""
    oldest_first = list(reversed(applied))
    columns = [
        [(kind, (run["counts"] or {}).get(kind, 0)) for kind in DRAWN] for run in oldest_first
    ]
    return {
        "bars": stacked(columns), "width": max(1, len(columns)) * STEP, "height": HEIGHT,
        "runs": oldest_first,
    }  # fmt: skip


@router.post(f"{PATH}/preferences")
async def prefer(visit: Annotated[Visit, Depends(posting(Action.IMPORT))]) -> Response:
    """How the school wants imports that need no confirmation."""
    body = {"apply_at_once": visit.text("apply_at_once") == "oui"}
    path = f"{visit.school}/import-preferences"
    try:
        await visit.calls.change("siecle_import", "PUT", path, body, etag=visit.text("version"))
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _beside(visit))
    return await visit.redirect(PATH, "La préférence est enregistrée.")


@router.get(f"{PATH}/modele.csv")
async def read_model(visit: Reading) -> Response:
    """The table for learners outside SIECLE."""
    found = await visit.calls.get("siecle_import", f"{visit.school}/import-model.csv")
    return documents.passed_on(found)


@router.get(f"{PATH}/historique")
async def show_history(visit: Reading, before: UUID | None = None) -> Response:
    """All imports, page by page."""
    found = await _page(visit, before)
    return await visit.page(
        "import-historique.html", next=found["next"], **await told(visit, found["imports"])
    )


async def _page(visit: Visit, before: UUID | str | None) -> Mapping[str, Any]:
    params = {} if before is None else {"before": str(before)}
    found = await visit.calls.get("siecle_import", f"{visit.school}/imports", params=params)
    page: Mapping[str, Any] = found.json
    return page


@router.get(f"{PATH}/historique.csv")
async def download_history(visit: Reading) -> Response:
    """All imports as a table."""
    runs: list[Mapping[str, Any]] = []
    following = None
    while not runs or following:
        page = await _page(visit, following)
        runs += page["imports"]
        following = page["next"]
        if not page["imports"]:
            break
    names = await visit.names(staff=(run["sent_by"] for run in runs))
    counted = ("read", "created", "updated", "reactivated", "deactivated", "ignored")
    rows = [
        [
            french.moment(run["received_at"]), names.member(run["sent_by"]), run["file_name"] or "",
            run["sha256"] or "", french.moment(run["horodatage"]), STATES[run["state"]][0],
            *((run["counts"] or {}).get(name, "") for name in counted),
        ]
        for run in runs
    ]  # fmt: skip
    headings = (
        "Reçu le", "Par", "Fichier", "Empreinte SHA-256", "Export du", "État", "Lus", "Nouveaux",
        "Modifiés", "Réactivés", "Désactivés", "Ignorés",
    )  # fmt: skip
    return downloads.table("imports.csv", headings, rows)


async def last_import(visit: Visit) -> Mapping[str, Any] | Down | None:
    """The latest import of the school, for the banner where its learners are listed."""
    if not visit.may(Action.READ_IMPORTS):
        return None
    found = await visit.part(
        visit.calls.get("siecle_import", f"{visit.school}/imports", params={"limit": 1})
    )
    if isinstance(found, Down):
        return found
    latest: Mapping[str, Any] | None = next(iter(found.json["imports"]), None)
    return latest
