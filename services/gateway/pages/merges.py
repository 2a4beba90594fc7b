"""Two cards of one person: found, compared, merged, and for 30 days separated again."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.gateway.clients.services import RefusedError
from services.gateway.pages.pupils import PATH, SOURCES, found_by
from services.gateway.web.visit import Visit, posting, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

MERGES: Final = f"{PATH}/fusions"
REASONS: Final = {
    "double-siecle": "Doublon dans SIECLE",
    "double-saisie": "Doublon par saisie",
    "changement-de-nom": "Changement de nom",
}
MAY_BE: Final = 10

Deciding = Annotated[Visit, Depends(visiting(Action.DECIDE))]
Posting = Annotated[Visit, Depends(posting(Action.DECIDE))]


@router.get(MERGES)
async def show_merges(visit: Deciding, before: UUID | None = None) -> Response:
    """The merges of the school."""
    params = {} if before is None else {"before": str(before)}
    found = await visit.calls.get("siecle_import", f"{visit.school}/merges", params=params)
    merges = found.json["merges"]
    by = [one[field] for one in merges for field in ("merged_by", "undone_by")]
    return await visit.page(
        "apprenants-fusions.html", merges=merges, next=found.json["next"], reasons=REASONS,
        names=await visit.names(staff=by),
    )  # fmt: skip


@router.get(f"{PATH}/{{pupil_id}}/doublon")
async def ask_double(visit: Deciding, pupil_id: UUID) -> Response:
    """The search for the other card of this person: first those of the same name."""
    learner = await _one(visit, pupil_id)
    return await _choosing(visit, learner, f"{learner['family_name']} {learner['first_name']}")


@router.post(f"{PATH}/{{pupil_id}}/doublon")
async def find_double(visit: Posting, pupil_id: UUID) -> Response:
    """The same by another name."""
    return await _choosing(visit, await _one(visit, pupil_id), visit.text("nom"))


async def _one(visit: Visit, pupil_id: UUID) -> Mapping[str, Any]:
    found = await visit.calls.get("siecle_import", f"{visit.school}/pupils/{pupil_id}")
    learner: Mapping[str, Any] = found.json
    return learner


async def _choosing(visit: Visit, learner: Mapping[str, Any], name: str) -> Response:
    asked = {"name": name[:100], "limit": MAY_BE + 1}
    found = (await found_by(visit, asked))["pupils"] if name else []
    others = [one for one in found if one["id"] != learner["id"]]
    return await visit.page(
        "apprenant-doublon.html", learner=learner, others=others[:MAY_BE], name=name,
        sources=SOURCES,
    )  # fmt: skip


@router.post(f"{MERGES}/apercu")
async def preview(visit: Posting) -> Response:
    """What the merge of two cards would do; nothing changes."""
    return await _preview(visit, None)


async def _preview(visit: Visit, refusal: RefusedError | None) -> Response:
    """The comparison; what cannot be merged is told there."""
    pair = {"survivor": visit.text("survivor"), "merged": visit.text("merged")}
    found = None
    try:
        path = f"{visit.school}/merges/preview"
        found = (await visit.calls.search("siecle_import", path, pair)).json
    except RefusedError as error:
        refusal = refusal or error
    asked = {"ids": list(pair.values())}
    answer = await visit.calls.search("siecle_import", f"{visit.school}/pupils/by-ids", asked)
    cards = {one["id"]: one for one in answer.json}
    values: dict[str, Any] = {
        "pair": pair, "preview": found, "reasons": REASONS,
        "survivor": cards.get(pair["survivor"]), "merged": cards.get(pair["merged"]),
    }  # fmt: skip
    if refusal is None:
        return await visit.page("apprenant-fusion.html", **values)
    return await visit.refused("apprenant-fusion.html", refusal, **values)


@router.post(MERGES)
async def merge(visit: Posting) -> Response:
    """Merge them."""
    pair = {name: visit.text(name) for name in ("survivor", "merged", "reason")}
    try:
        await visit.calls.create(
            "siecle_import", f"{visit.school}/merges", pair, key=visit.text("key")
        )
    except RefusedError as error:
        return await _preview(visit, error)
    told = "Les deux fiches n'en font plus qu'une ; cela peut être défait pendant 30 jours."
    return await visit.redirect(f"{PATH}/{pair['survivor']}", told)


@router.post(f"{MERGES}/{{merge_id}}/annulation")
async def undo(visit: Posting, merge_id: UUID) -> Response:
    """Make both themselves again."""
    await visit.calls.change("siecle_import", "POST", f"{visit.school}/merges/{merge_id}/undo")
    told = "La fusion est défaite : chaque fiche a de nouveau ses documents."
    return await visit.redirect(MERGES, told)
