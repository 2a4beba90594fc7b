"""Asks their owners for the names of a page's learners, schools and staff, as the person may.

Names are a part of the page only: an owner that does not answer is noted, and codes are shown.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from services.gateway.clients.services import Calls, RefusedError, ServiceDownError
from services.gateway.domain.names import Names

AT_ONCE = 100
"""How many ids the owners take in one question."""

Known = Mapping[str, Mapping[str, Any]]


async def names(
    calls: Calls,
    uai: str,
    until: float,
    *,
    learners: Iterable[str | None] = (),
    schools: Iterable[str] = (),
    staff: Iterable[str | None] = (),
) -> Names:
    """The names of learners of the school `uai`, of schools, of its staff by their accounts, as far
    as they come before the loop's clock shows `until`.
    """
    found = await asyncio.gather(
        _ask("siecle_import", until, _learners(calls, uai, _distinct(learners))),
        _ask("etablissement", until, _schools(calls, _distinct(schools))),
        _ask("etablissement", until, _staff(calls, uai, _distinct(staff))),
    )
    (people, _), (places, _), (members, _) = found
    away = frozenset(service for _, service in found if service)
    return Names(people, places, members, away)


def _distinct(codes: Iterable[str | None]) -> Sequence[str]:
    return list(dict.fromkeys(code for code in codes if code))


def _batches(codes: Sequence[str]) -> Iterator[Sequence[str]]:
    return (codes[at : at + AT_ONCE] for at in range(0, len(codes), AT_ONCE))


async def _ask(service: str, until: float, asked: Any) -> tuple[Known, str]:
    try:
        async with asyncio.timeout_at(until):
            return await asked, ""
    except (ServiceDownError, TimeoutError, RefusedError):  # no right to names: codes are shown
        return {}, service


async def _learners(calls: Calls, uai: str, ids: Sequence[str]) -> Known:
    path = f"/schools/{uai}/pupils/by-ids"
    pages = await asyncio.gather(
        *(calls.search("siecle_import", path, {"ids": list(some)}) for some in _batches(ids))
    )
    return {one["id"]: one for page in pages for one in page.json}


async def _schools(calls: Calls, uais: Sequence[str]) -> Known:
    pages = await asyncio.gather(
        *(
            calls.search("etablissement", "/schools/by-uai", {"schools": list(some)})
            for some in _batches(uais)
        )
    )
    return {one["uai"]: one for page in pages for one in page.json}


async def _staff(calls: Calls, uai: str, accounts: Sequence[str]) -> Known:
    found: dict[str, Mapping[str, Any]] = {}
    for some in _batches(accounts):
        asked = {"accounts": list(some)}
        path = f"/schools/{uai}/staff"
        found |= (await calls.search("etablissement", path, asked)).json
    return found
