"""What a person may ask about his own data: who has looked at it, all that is held, to be erased;
and whom the service is going to erase. For the head of the school.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.clients.services import RefusedError
from services.gateway.domain.looks import WHAT, joined
from services.gateway.pages.pupils import PATH
from services.gateway.web import documents
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PAGE: Final = 50
REASONS: Final = (
    ("", "Choisissez le motif"),
    ("demande-apprenant", "Demande de l'apprenant"),
    ("demande-responsable", "Demande du responsable légal"),
    ("decision-autorite", "Décision d'une autorité"),
    ("fiche-erronee", "Fiche erronée"),
)
BIGGEST: Final = 2**63 - 1

Cursor = Annotated[int | None, Query(ge=1, le=BIGGEST)]
Head = Annotated[Visit, Depends(visiting(Action.HANDLE_DATA))]


async def _learner(visit: Visit, pupil_id: UUID) -> tuple[Mapping[str, Any], str]:
    found = await visit.calls.get("siecle_import", f"{visit.school}/pupils/{pupil_id}")
    return found.json, found.etag


@router.get(f"{PATH}/{{pupil_id}}/consultations")
async def show_looks(
    visit: Head, pupil_id: UUID, fiche: Cursor = None, dossier: Cursor = None
) -> Response:
    """Who has seen the learner's identity and records in the last 12 months, newest first; `fiche`
    and `dossier` are where the two logs go on.
    """
    cursors = {"fiche": fiche, "dossier": dossier}
    (learner, _), (found, away) = await asyncio.gather(
        _learner(visit, pupil_id), _looks(visit, pupil_id, cursors)
    )
    shown, following = joined(found, PAGE)
    next_page = {name: following.get(name) or cursors[name] for name in cursors}
    query_of = "&".join(f"{name}={value}" for name, value in next_page.items() if value)
    return await visit.page(
        "apprenant-consultations.html", learner=learner, looks=shown, away=away, what=WHAT,
        names=await visit.names(staff=(look["viewer"] for look in shown)),
        following=f"{PATH}/{pupil_id}/consultations?{query_of}" if following else "",
    )  # fmt: skip


async def _looks(
    visit: Visit, pupil_id: UUID, cursors: Mapping[str, int | None]
) -> tuple[dict[str, list[Mapping[str, Any]]], bool]:
    """A page of each log, one look more than is shown; and whether one of them does not answer."""
    services = {"fiche": "siecle_import", "dossier": "dossier"}
    path = f"{visit.school}/pupils/{pupil_id}/looks"
    pages = await asyncio.gather(
        *(
            visit.part(
                visit.calls.get(
                    service, path, params={"before": cursors[name]} if cursors[name] else {}
                )
            )
            for name, service in services.items()
        )
    )
    told = zip(services, pages, strict=True)
    found = {name: getattr(page, "json", {"looks": []})["looks"] for name, page in told}
    return found, any(not hasattr(page, "json") for page in pages)


@router.get(f"{PATH}/{{pupil_id}}/export.json")
async def export(visit: Head, pupil_id: UUID) -> Response:
    """All that the services hold of the learner, as one document; complete or not at all."""
    path = f"{visit.school}/pupils/{pupil_id}/export"
    services = {"apprenant": "siecle_import", "dossier": "dossier", "transferts": "transfer"}
    answers = await asyncio.gather(
        *(visit.calls.get(service, path) for service in services.values())
    )
    held = {name: answer.json for name, answer in zip(services, answers, strict=True)}
    text = json.dumps(held, ensure_ascii=False, indent=2)
    return documents.saved(f"apprenant-{pupil_id}.json", "application/json", text.encode())


@router.get(f"{PATH}/{{pupil_id}}/effacement")
async def ask_erasure(visit: Head, pupil_id: UUID) -> Response:
    """What erasing the learner does, before it is done."""
    return await visit.page("apprenant-effacement.html", **await _erasing(visit, pupil_id))


async def _erasing(visit: Visit, pupil_id: UUID) -> dict[str, Any]:
    learner, version = await _learner(visit, pupil_id)
    return {"learner": learner, "version": version, "reasons": REASONS}


@router.post(f"{PATH}/{{pupil_id}}/effacement")
async def erase(
    visit: Annotated[Visit, Depends(posting(Action.HANDLE_DATA))], pupil_id: UUID
) -> Response:
    """Erase a learner who has left, for good."""
    template, reason = "apprenant-effacement.html", visit.text("reason")
    if not reason:
        errors = {"reason": "choisissez le motif"}
        return await visit.page(template, 422, errors=errors, **await _erasing(visit, pupil_id))
    path = f"{visit.school}/pupils/{pupil_id}/erasure"
    try:
        await visit.calls.change(
            "siecle_import", "POST", path, {"reason": reason}, etag=visit.text("version")
        )
    except RefusedError as error:
        return await visit.refused(template, error, **await _erasing(visit, pupil_id))
    told = "Les données de l'apprenant sont effacées ici ; son dossier l'est dans la minute."
    return await visit.redirect(PATH, told)


@router.get(f"{PATH}/effacements")
async def show_planned(
    visit: Annotated[Visit, Depends(visiting(Action.EDIT_PUPILS))], suite: UUID | None = None
) -> Response:
    """Whom the service erases within 30 days, because they left long ago."""
    params = {"after": str(suite)} if suite else {}
    found = await visit.calls.get(
        "siecle_import", f"{visit.school}/erasures/planned", params=params
    )
    return await visit.page("apprenants-effacements.html", page=found.json, suite=suite)
