"""Asks `transfer` who may not be erased just now: who is offered, or whose dossier is moving."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from uuid import UUID

import httpx

from services.siecle_import.settings import ImportSettings
from shared.settings import Settings
from shared.signing import NoSigningKeyError, Signer

AT_ONCE = 1_000

UnderWay = Callable[[Sequence[UUID]], Awaitable[Collection[UUID]]]
"""Those of learners who may not be erased.

Raises:
    CannotAskError
"""


class CannotAskError(Exception):
    """`transfer` does not answer, or nobody has said where it is: nobody is erased."""


def under_way_by(settings: Settings) -> UnderWay:
    """Asks the service that the settings name (`CPRO_TRANSFER_URL`), signing as this one."""

    async def ask(pupils: Sequence[UUID]) -> Collection[UUID]:
        if not isinstance(settings, ImportSettings) or settings.transfer_url is None:
            raise CannotAskError
        found: set[UUID] = set()
        try:
            async with Signer.from_settings(settings).client(settings.transfer_url) as client:
                for start in range(0, len(pupils), AT_ONCE):
                    found |= await _ask(client, pupils[start : start + AT_ONCE])
        except (NoSigningKeyError, httpx.HTTPError):
            raise CannotAskError from None
        return found

    return ask


async def _ask(client: httpx.AsyncClient, pupils: Sequence[UUID]) -> set[UUID]:
    body = {"pupils": [str(pupil) for pupil in pupils]}
    answer = await client.post("/transfers/under-way", json=body)
    try:
        return {UUID(one) for one in answer.raise_for_status().json()["under_way"]}
    except (KeyError, TypeError, ValueError):
        raise CannotAskError from None
