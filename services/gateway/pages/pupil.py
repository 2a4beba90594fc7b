"""One learner: who he is, whether he is here, his records, remarks, transfers."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import Answer, RefusedError
from services.gateway.pages.pupils import PATH, SOURCES, Reading
from services.gateway.web import documents
from services.gateway.web.visit import Down, Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

TEMPLATE: Final = "apprenant.html"
BESIDE: Final = {
    "opposition": "/transferts/apprenant/{pupil_id}",
    "transfer": "/transferts/{transfer_id}",
    "passport": "/apprenants/{pupil_id}/passeport",
}
"""Pages of other tabs about this learner: linked where they are served."""

RecordReading = Annotated[Visit, Depends(visiting(Action.READ_RECORDS))]


async def _known(visit: Visit, asked: Awaitable[Answer]) -> Any:
    """What a service tells of the learner; None where it does not know him (yet)."""
    try:
        found = await visit.part(asked)
    except RefusedError as error:
        if error.status != 404:
            raise
        return None
    return found if isinstance(found, Down) else found.json


async def _nothing() -> None:
    """What is not for this person to read."""


@router.get(f"{PATH}/{{pupil_id}}")
async def show(visit: Reading, pupil_id: UUID, suite: UUID | None = None) -> Response:
    """The page of a learner; `suite` is where his records go on."""
    return await visit.page(TEMPLATE, **await _beside(visit, pupil_id, suite))


async def _beside(visit: Visit, pupil_id: UUID, suite: UUID | None = None) -> dict[str, Any]:
    path = f"{visit.school}/pupils/{pupil_id}"
    found = await visit.calls.get("siecle_import", path)
    get, reads = visit.calls.get, visit.may(Action.READ_RECORDS)
    after = {"after": str(suite)} if suite else {}
    records, remarks, transfers, opposition = await asyncio.gather(
        _known(visit, get("dossier", f"{path}/records", params=after)) if reads else _nothing(),
        _known(visit, get("dossier", f"{path}/remarks")) if reads else _nothing(),
        _known(visit, get("transfer", f"{path}/transfers")),
        _known(visit, get("transfer", f"{path}/opposition")),
    )
    authors = [] if remarks is None or isinstance(remarks, Down) else remarks["remarks"]
    served = visit.request.app.state.served
    return {
        "learner": found.json, "version": found.etag, "records": records, "remarks": remarks,
        "transfers": transfers, "opposition": opposition, "sources": SOURCES,
        "suite": suite, "reads": reads,
        "names": await visit.names(staff=(one["author"] for one in authors)),
        "linked": {name: page in served for name, page in BESIDE.items()},
        "editable": visit.may(Action.EDIT_PUPILS), "decides": visit.may(Action.DECIDE),
        "handles": visit.may(Action.HANDLE_DATA), "writes": visit.may(Action.TRANSFER_BY_HAND),
    }  # fmt: skip


@router.post(f"{PATH}/{{pupil_id}}/remarques")
async def write_remark(
    visit: Annotated[Visit, Depends(posting(Action.TRANSFER_BY_HAND))], pupil_id: UUID
) -> Response:
    """Note something for the school itself."""
    text, path = visit.text("text"), f"{visit.school}/pupils/{pupil_id}/remarks"
    if not text:
        beside = await _beside(visit, pupil_id)
        return await visit.page(TEMPLATE, 422, errors={"text": "à renseigner"}, **beside)
    try:
        await visit.calls.create("dossier", path, {"text": text}, key=visit.text("key"))
    except RefusedError as error:
        beside = await _beside(visit, pupil_id)
        return await visit.refused(TEMPLATE, error, **beside, typed=text)
    return await visit.redirect(f"{PATH}/{pupil_id}", "La remarque est enregistrée.")


@router.post(f"{PATH}/{{pupil_id}}/remarques/{{remark_id}}/suppression")
async def remove_remark(
    visit: Annotated[Visit, Depends(posting(Action.TRANSFER_BY_HAND))],
    pupil_id: UUID,
    remark_id: UUID,
) -> Response:
    """Remove a remark: its author, or the head."""
    path = f"{visit.school}/pupils/{pupil_id}/remarks/{remark_id}"
    await visit.calls.change("dossier", "DELETE", path)
    return await visit.redirect(f"{PATH}/{pupil_id}", "La remarque est supprimée.")


@router.get(f"{PATH}/{{pupil_id}}/dossier/{{record_id}}")
async def show_record(visit: RecordReading, pupil_id: UUID, record_id: UUID) -> Response:
    """One record with its attachments."""
    path = f"{visit.school}/pupils/{pupil_id}"
    record = await visit.calls.get("dossier", f"{path}/records/{record_id}")
    attached, learner, school = await asyncio.gather(
        visit.part(visit.calls.get("dossier", f"{path}/records/{record_id}/attachments")),
        visit.part(_identity(visit, pupil_id)),
        visit.part(_school(visit, record.json["origin_uai"])),
    )
    return await visit.page(
        "apprenant-document.html", record=record.json, attached=attached, learner=learner,
        school=school, pupil_id=pupil_id,
    )  # fmt: skip


async def _identity(visit: Visit, pupil_id: UUID) -> Mapping[str, Any] | None:
    """Whose record it is, for the title: no look at his page."""
    path = f"{visit.school}/pupils/by-ids"
    found = await visit.calls.search("siecle_import", path, {"ids": [str(pupil_id)]})
    return next(iter(found.json), None)


async def _school(visit: Visit, uai: str) -> Mapping[str, Any] | None:
    found = await visit.calls.search("etablissement", "/schools/by-uai", {"schools": [uai]})
    return next(iter(found.json), None)


@router.get(f"{PATH}/{{pupil_id}}/dossier/{{record_id}}/pieces/{{attachment_id}}")
async def download_attachment(
    visit: RecordReading, pupil_id: UUID, record_id: UUID, attachment_id: UUID
) -> Response:
    """The file of an attachment."""
    path = f"{visit.school}/pupils/{pupil_id}/records/{record_id}/attachments/{attachment_id}"
    return documents.passed_on(await visit.calls.get("dossier", path))
