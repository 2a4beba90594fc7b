"""The tab « Logo »: the logo and the cachet of a school, each added, replaced, seen, deleted."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from asyncpg import Record
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from services.etablissement.api.fields import PAGE, Cursor, Limit
from services.etablissement.api.refusals import REFUSED
from services.etablissement.domain.errors import UnknownSchoolError
from services.etablissement.domain.image_files import format_of
from services.etablissement.domain.images import (
    MAX_BYTES,
    MEDIA_TYPES,
    Kind,
    Picture,
    Refusal,
    RefusedImageError,
    check_told,
)
from services.etablissement.imaging.decoder import DecoderUnavailableError, decoded
from services.etablissement.store import images as store
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import FORBIDDEN, Principal, may, principal
from shared.web.app import BODY_LIMIT, RequestClock, RequestDatabase
from shared.web.preconditions import CHANGED_MEANWHILE
from shared.web.problems import Problem, ProblemError

FOR_EVER = "private, max-age=31536000, immutable"
"""How long a browser keeps what an address with the digest of the content gives."""

INTERRUPTED = Problem(
    400, "envoi-interrompu", "Envoi interrompu", "L'image n'est pas arrivée : renvoyez-la."
)
IMAGE_REQUIRED = Problem(
    428,
    "version-requise",
    "Version requise",
    "Envoyez l'en-tête If-Match avec la valeur ETag de la dernière lecture ; pour une première "
    "image, l'en-tête « If-None-Match: * ».",
)


class NoImageError(Exception):
    """The school has no such image."""


PROBLEMS: dict[type[Exception], Problem] = {
    NoImageError: Problem(
        404,
        "image-absente",
        "Pas d'image",
        "L'établissement n'a pas (ou plus) cette image. Rechargez la page.",
    ),
    DecoderUnavailableError: Problem(
        503,
        "images-indisponibles",
        "Images momentanément indisponibles",
        "L'image n'a pas pu être traitée : réessayez dans quelques minutes ; si l'erreur persiste, "
        "prévenez l'assistance.",
    ),
}


class About(BaseModel):
    """The present image: SHA-256 of the PNG that is given, pixels, `size` in bytes, who put it."""

    digest: str
    width: int
    height: int
    size: int
    changed_by: str
    changed_at: dt.datetime


class Change(BaseModel):
    """One change: `act` is added, replaced or deleted; `name` and `function` are those of who did
    it, while the person is known here.
    """

    id: int
    act: str
    digest: str
    changed_by: str
    changed_at: dt.datetime
    name: str | None
    function: str | None


class History(BaseModel):
    """Changes, newest first; `next` is the cursor of the page that follows, if any."""

    changes: list[Change]
    next: int | None


def _about(row: Record) -> About:
    return About(**{**row, "digest": row["digest"].hex()})


async def kind_of(request: Request) -> Kind:
    """Which of the two images the address is about: what follows the UAI in it."""
    parts = request.url.path.split("/")
    return Kind(parts[parts.index("schools") + 2])


RequestKind = Annotated[Kind, Depends(kind_of)]

_SEEN_BY = {Kind.LOGO: Action.READ_SCHOOL, Kind.CACHET: Action.SEE_STAMP}


async def may_see(
    uai: Uai, kind: RequestKind, caller: Annotated[Principal, Depends(principal)]
) -> None:
    """Who may see the image: the cachet is for staff, administrators and documents."""
    if not caller.may(_SEEN_BY[kind], uai):
        raise ProblemError(FORBIDDEN)


async def expected(
    if_match: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> bytes | None:
    """The digest of the image that the caller has seen, from `If-Match`; None if there was none, as
    `If-None-Match: *` says. Two people who change it at once: the second is told.
    """
    if if_match is None:
        if (if_none_match or "").strip() == "*":
            return None
        raise ProblemError(IMAGE_REQUIRED)
    try:
        return bytes.fromhex(if_match.strip().removeprefix("W/").strip('"'))
    except ValueError:
        raise ProblemError(CHANGED_MEANWHILE) from None


Expected = Annotated[bytes | None, Depends(expected)]


@contextmanager
def in_french() -> Iterator[None]:
    """Tells why a file is refused."""
    try:
        yield
    except RefusedImageError as error:
        raise ProblemError(REFUSED[error.refusal]) from None


async def _body(request: Request) -> bytes:
    """The body, refused while it comes once it is too long."""
    request.scope[BODY_LIMIT] = MAX_BYTES
    try:
        return await request.body()
    except ClientDisconnect:
        raise ProblemError(INTERRUPTED) from None
    except HTTPException:
        raise RefusedImageError(Refusal.TOO_BIG) from None


async def _uploaded(request: Request) -> Picture:
    with in_french():
        data = await _body(request)
        check_told(request.headers.get("content-type"), format_of(data))
        return await decoded(data)


async def _check_known(database: RequestDatabase, uai: Uai) -> None:
    async with database.connection() as connection:
        if not await store.school_is_known(connection, uai):
            raise UnknownSchoolError


async def _digest(connection: Connection, uai: Uai, kind: Kind) -> bytes:
    """The digest of the present image.

    Raises:
        UnknownSchoolError, NoImageError
    """
    found = await store.digest(connection, uai, kind)
    if found is not None:
        return found
    raise NoImageError if await store.school_is_known(connection, uai) else UnknownSchoolError


_each = APIRouter()
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The image", "content": {"image/png": {}}},
    304: {"description": "It is the one that If-None-Match names"},
}


@_each.put(
    "",
    openapi_extra={
        "requestBody": {"content": {told: {} for told in MEDIA_TYPES}, "required": True}
    },
)
async def put_image(
    uai: Uai,
    kind: RequestKind,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.EDIT_SCHOOL))],
    seen: Expected,
    database: RequestDatabase,
    clock: RequestClock,
    response: Response,
) -> About:
    """Add or replace the image by the one that is the body: PNG, JPEG or WebP, up to 5 MB. It is
    kept as a PNG of 1200 pixels at most, without metadata. Repeating the request changes nothing.
    """
    await _check_known(database, uai)
    picture = await _uploaded(request)
    async with database.transaction() as transaction:
        row = await store.put(
            transaction.connection, uai, kind, seen, picture, by=caller.sub, at=clock.now()
        )
        row = row or await store.the_same(transaction.connection, uai, kind, picture)
    if row is None:
        raise ProblemError(CHANGED_MEANWHILE)
    response.headers["ETag"] = f'"{row["digest"].hex()}"'
    return _about(row)


@_each.get("", response_class=Response, responses=_IMAGE, dependencies=[Depends(may_see)])
async def read_image(
    uai: Uai,
    kind: RequestKind,
    database: RequestDatabase,
    if_none_match: Annotated[str | None, Header()] = None,
    *,
    thumbnail: bool = False,
) -> Response:
    """The present image, or its thumbnail of 240 pixels at most, as PNG."""
    async with database.connection() as connection:
        present = await _digest(connection, uai, kind)
        etag = _etag(present, thumbnail=thumbnail)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if _is_known(etag, if_none_match):
            return Response(status_code=304, headers=headers)
        data = await store.png(connection, uai, kind, present, thumbnail=thumbnail)
    if data is None:  # replaced just now
        raise NoImageError
    return Response(data, media_type="image/png", headers=headers)


def _etag(digest: bytes, *, thumbnail: bool) -> str:
    return f'"{digest.hex()}-thumbnail"' if thumbnail else f'"{digest.hex()}"'


def _is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether an `If-None-Match` names this tag (RFC 9110, 13.1.2: weak comparison)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "*" in tags or etag in tags


@_each.delete("", status_code=204)
async def delete_image(
    uai: Uai,
    kind: RequestKind,
    caller: Annotated[Principal, Depends(may(Action.EDIT_SCHOOL))],
    seen: Expected,
    database: RequestDatabase,
    clock: RequestClock,
) -> None:
    """« Supprimer »: delete the image; its bytes are not kept."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        await _digest(connection, uai, kind)
        if seen is None or not await store.remove(
            connection, uai, kind, seen, by=caller.sub, at=clock.now()
        ):
            raise ProblemError(CHANGED_MEANWHILE)


@_each.get("/about", dependencies=[Depends(may_see)])
async def read_about(
    uai: Uai, kind: RequestKind, database: RequestDatabase, response: Response
) -> About:
    """What there is to say of the present image; the tag is the one that changes ask for."""
    async with database.connection() as connection:
        await _digest(connection, uai, kind)
        row = await store.about(connection, uai, kind)
    if row is None:  # deleted just now
        raise NoImageError
    response.headers["ETag"] = f'"{row["digest"].hex()}"'
    return _about(row)


@_each.get("/history", dependencies=[Depends(may_see)])
async def read_history(
    uai: Uai,
    kind: RequestKind,
    database: RequestDatabase,
    before: Cursor = None,
    limit: Limit = PAGE,
) -> History:
    """Who has changed the image, newest first."""
    await _check_known(database, uai)
    async with database.connection() as connection:
        rows = await store.history(connection, uai, kind, before, limit)
    changes = [Change(**{**row, "digest": row["digest"].hex()}) for row in rows]
    return History(changes=changes, next=changes[-1].id if len(changes) == limit else None)


@_each.get("/{digest}", response_class=Response, responses=_IMAGE, dependencies=[Depends(may_see)])
async def read_this_image(
    uai: Uai,
    kind: RequestKind,
    digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    database: RequestDatabase,
    *,
    thumbnail: bool = False,
) -> Response:
    """The image with this digest while it is the present one, to be kept by browsers for ever."""
    wanted = bytes.fromhex(digest)
    async with database.connection() as connection:
        data = await store.png(connection, uai, kind, wanted, thumbnail=thumbnail)
    if data is None:
        await _check_known(database, uai)
        raise NoImageError
    headers = {"ETag": _etag(wanted, thumbnail=thumbnail), "Cache-Control": FOR_EVER}
    return Response(data, media_type="image/png", headers=headers)


router = APIRouter(prefix="/schools/{uai}", tags=["logo et cachet"])
for _kind in Kind:
    router.include_router(_each, prefix=f"/{_kind}")
