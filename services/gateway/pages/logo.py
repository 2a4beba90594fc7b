"""« Logo »: the logo and the cachet of the school, each shown, replaced, deleted."""

import asyncio
import mimetypes
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from services.gateway.clients.services import Answer, RefusedError
from services.gateway.web.uploads import Upload
from services.gateway.web.visit import Down, Visit, posting, uploading, visiting
from shared.rights import Action

router = APIRouter(include_in_schema=False)

PATH: Final = "/logo"
TEMPLATE: Final = "logo.html"
AT_MOST: Final = 20 * 1024 * 1024
"""Bytes of a file that is read to its end: beyond 5 MB the service says what to do."""

ACTS: Final = {"added": "Ajout", "replaced": "Remplacement", "deleted": "Suppression"}
FOR_EVER: Final = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Image:
    """One of the two images, in the words of the guide."""

    kind: str
    label: str
    button: str
    the: str
    seen_by: Action
    purpose: str


IMAGES: Final = {
    image.kind: image
    for image in (
        Image(
            "logo", "Logo de l'établissement", "Télécharger un logo", "le logo",
            Action.READ_SCHOOL, "Le logo est imprimé en haut des documents.",
        ),
        Image(
            "cachet", "Cachet de l'établissement", "Télécharger le cachet de l'établissement",
            "le cachet", Action.SEE_STAMP,
            "Le cachet est imprimé au bas des documents ; votre établissement et l'administration "
            "le voient, personne d'autre.",
        ),
    )
}  # fmt: skip
Kind = Annotated[str, Path(pattern="^(logo|cachet)$")]


@router.get(PATH)
async def show(visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))]) -> Response:
    """Both images, the forms that replace them, and the last changes."""
    return await visit.page(TEMPLATE, **await _both(visit))


@router.get(f"{PATH}/{{kind}}/historique")
async def show_history(
    visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))],
    kind: Kind,
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Who has changed one of the images, page by page."""
    params = {} if before is None else {"before": before}
    path = f"{visit.school}/{kind}/history"
    found = await visit.calls.get("etablissement", path, params=params)
    return await visit.page(
        "logo-historique.html", image=IMAGES[kind], history=found.json, acts=ACTS
    )


@router.get(f"{PATH}/{{kind}}/{{digest}}.png")
async def read_image(
    visit: Annotated[Visit, Depends(visiting(Action.READ_SCHOOL))],
    kind: Kind,
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
) -> Response:
    """The image with this digest; its address changes with it, so the browser keeps it. A cachet is
    as good as a signature: it does not stay in the cache of a shared machine.
    """
    found = await visit.calls.get("etablissement", f"{visit.school}/{kind}/{digest}")
    keep = FOR_EVER if kind == "logo" else "no-store"
    return Response(found.json, media_type="image/png", headers={"Cache-Control": keep})


@router.post(f"{PATH}/{{kind}}")
async def put_image(
    visit: Annotated[Visit, Depends(uploading(Action.EDIT_SCHOOL, at_most=AT_MOST))], kind: Kind
) -> Response:
    """« Télécharger un logo », « Télécharger le cachet de l'établissement »."""
    upload = visit.upload
    if upload is None or not upload.filename:
        return await _not_taken(visit, kind, "choisissez d'abord un fichier")
    try:
        await visit.calls.send(
            "etablissement", "PUT", f"{visit.school}/{kind}", upload.chunks(), _told(visit, upload)
        )
    except RefusedError as error:
        await upload.drain()
        if error.status in (403, 404, 412):
            return await visit.refused(TEMPLATE, error, **await _both(visit))
        return await _not_taken(visit, kind, error.detail)
    return await visit.redirect(PATH, f"{IMAGES[kind].label} : l'image est enregistrée.")


@router.get(f"{PATH}/{{kind}}/supprimer")
async def ask_to_delete(
    visit: Annotated[Visit, Depends(visiting(Action.EDIT_SCHOOL))], kind: Kind
) -> Response:
    """« supprimer »: what will be gone."""
    about = await visit.calls.get("etablissement", f"{visit.school}/{kind}/about")
    return await visit.page("logo-supprimer.html", image=IMAGES[kind], about=about)


@router.post(f"{PATH}/{{kind}}/supprimer")
async def delete(
    visit: Annotated[Visit, Depends(posting(Action.EDIT_SCHOOL))], kind: Kind
) -> Response:
    """The image that was seen is deleted."""
    path, etag = f"{visit.school}/{kind}", visit.text("version")
    try:
        await visit.calls.change("etablissement", "DELETE", path, etag=etag)
    except RefusedError as error:
        return await visit.refused(TEMPLATE, error, **await _both(visit))
    return await visit.redirect(PATH, f"{IMAGES[kind].label} : l'image est supprimée.")


def _told(visit: Visit, upload: Upload) -> dict[str, str]:
    """The headers of the file: the image that the person has seen, and the format that the file's
    name announces.
    """
    version = visit.text("version")
    seen = {"If-Match": f'"{version}"'} if version else {"If-None-Match": "*"}
    kind = mimetypes.guess_type(upload.filename)[0] or "application/octet-stream"
    return {**seen, "Content-Type": kind}


async def _not_taken(visit: Visit, kind: str, why: str) -> Response:
    return await visit.page(TEMPLATE, 422, **await _both(visit), errors={kind: why})


async def _both(visit: Visit) -> dict[str, Any]:
    """What the page shows: each image that the person may see, `None` where there is none."""
    shown = [image for image in IMAGES.values() if visit.may(image.seen_by)]
    found = await asyncio.gather(*(_about(visit, image) for image in shown))
    told = await asyncio.gather(*(_history(visit, image) for image in shown))
    return {
        "images": list(zip(shown, found, told, strict=True)),
        "labels": {image.kind: image.label for image in shown},
        "acts": ACTS,
        "editable": visit.may(Action.EDIT_SCHOOL),
    }


async def _about(visit: Visit, image: Image) -> Answer | None:
    try:
        return await visit.calls.get("etablissement", f"{visit.school}/{image.kind}/about")
    except RefusedError as error:
        if error.type != "image-absente":
            raise
        return None


async def _history(visit: Visit, image: Image) -> Answer | Down:
    path = f"{visit.school}/{image.kind}/history"
    return await visit.part(visit.calls.get("etablissement", path, params={"limit": 5}))
