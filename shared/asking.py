"""What a restored service asks of the others: lists longer than one answer, by pages."""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from shared.settings import Settings
from shared.signing import NoSigningKeyError, Signer


class CannotAskError(Exception):
    """The other service does not answer as expected, or nobody has said where it is."""


async def pages(
    settings: Settings, url: str | None, path: str, **asked: str
) -> AsyncIterator[list[dict[str, Any]]]:
    """The pages of a list at `path` of the service at `url`: `rows`, and what `next` is asked.

    Raises:
        CannotAskError
    """
    cursor: dict[str, str] = {}
    while url is not None:
        try:
            async with Signer.from_settings(settings).client(url) as client:
                answer = await client.get(path, params=asked | cursor)
            page = answer.raise_for_status().json()
        except (NoSigningKeyError, httpx.HTTPError, ValueError):
            break
        yield page["rows"]
        if page["next"] is None:
            return
        cursor = page["next"]
    raise CannotAskError
