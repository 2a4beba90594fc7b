"""Gathers what a passeport professionnel is made of, in the name of whoever asks for it."""

import asyncio
import datetime as dt
from typing import Final

from services.gateway.clients import naming
from services.gateway.clients.services import Calls, RefusedError
from services.gateway.domain.passeport import Contents, Owner, Stamp
from services.gateway.web.patience import Patience

RECORDS: Final = 20
"""Records that are asked for at once: each may have 256 KiB."""

AT_ONCE: Final = asyncio.Semaphore(2)
"""Documents that a process draws at once."""


async def made(calls: Calls, uai: str, pupil: str, now: dt.datetime) -> bytes:
    """The passeport of a learner of this school.

    Raises:
        RefusedError: 409, the card lacks something; 404, the school has no such learner; 403.
        ServiceDownError
    """
    path = f"/schools/{uai}"
    await calls.get("etablissement", f"{path}/readiness", params={"for": "passeport"})
    found = await calls.get("siecle_import", f"{path}/pupils/{pupil}")
    # What draws it takes 25 MB: a gateway has it once someone asks for a document.
    from services.gateway.documents.passeport import passeport

    async with AT_ONCE:
        stamp, contents = await asyncio.gather(
            stamp_of(calls, path), _contents(calls, f"{path}/pupils/{pupil}/records")
        )
        until = Patience().until()
        named = await naming.names(calls, uai, until, schools=contents.schools)
        names = {one: told["name"] for one, told in named.schools.items()}
        owner = Owner.of(found.json)
        return await asyncio.to_thread(passeport, owner, stamp, contents, names, now)


async def stamp_of(calls: Calls, path: str) -> Stamp:
    """Card, logo and cachet of a school; the images may be missing."""
    card, logo, cachet = await asyncio.gather(
        calls.get("etablissement", f"{path}/card"),
        image_of(calls, f"{path}/logo"),
        image_of(calls, f"{path}/cachet"),
    )
    return Stamp(card.json, logo, cachet)


async def image_of(calls: Calls, path: str) -> bytes | None:
    """An image of the school (PNG); None if it has none, or if whoever asks may not see it."""
    try:
        found = await calls.get("etablissement", path)
    except RefusedError as error:
        if error.status in (403, 404):
            return None
        raise
    png: bytes = found.json
    return png


async def _contents(calls: Calls, path: str) -> Contents:
    contents, after = Contents(), None
    while True:
        params = {"limit": RECORDS} | ({"after": after} if after else {})
        page = await calls.get("dossier", path, params=params)
        contents.take(page.json["records"])
        after = page.json["next"]
        if after is None:
            return contents
