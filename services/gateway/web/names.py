"""Who has done something: the names behind the accounts that the trails of services hold."""

from collections.abc import Iterable, Mapping
from typing import Final

from services.gateway.web.visit import Down, Visit

AT_ONCE: Final = 100


async def names_of(visit: Visit, accounts: Iterable[str | None]) -> Mapping[str, str]:
    """« Claire Martin (proviseure) » by account: of those that have or had a right in the school.
    Empty while the service that knows them does not answer.
    """
    asked = sorted({one for one in accounts if one})[:AT_ONCE]
    if not asked or visit.uai is None:
        return {}
    path = f"{visit.school}/staff"
    found = await visit.part(visit.calls.search("etablissement", path, {"accounts": asked}))
    if isinstance(found, Down):
        return {}
    return {account: _told(**one) for account, one in found.json.items()}


def _told(name: str, function: str) -> str:
    return f"{name} ({function})" if function else name
