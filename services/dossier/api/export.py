"""One learner's data, for who asks what is held about him (GDPR, articles 15 and 20)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from services.dossier.api.held import holder_of
from services.dossier.exporting import document
from services.dossier.store import looks
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.web.app import RequestDatabase

router = APIRouter(prefix="/schools/{uai}/pupils/{pupil_id}/export", tags=["dossier"])


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"description": "One JSON document", "content": {"application/json": {}}}},
)
async def export(
    uai: Uai,
    pupil_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.HANDLE_DATA))],
    database: RequestDatabase,
    *,
    attachments: bool = False,
) -> StreamingResponse:
    """All that is held of a learner of the school: records with the school they come from, their
    attachments (with the content in base64 if `attachments`), the school's remarks, the looks.
    """
    async with database.connection() as connection:
        holder = await holder_of(connection, uai, pupil_id)
        await looks.note(connection, uai, caller.sub, looks.What.EXPORT, [holder])
    return StreamingResponse(
        document(database, uai, holder, contents=attachments),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="dossier-{holder}.json"'},
    )
