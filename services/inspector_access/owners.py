"""Asks the owners of learners and records, in the name of an inspector or of this service.

An inspector's read carries a token for one school and the MEF of one diploma, valid for a minute:
owners accept inspectors no other way.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import structlog
from asyncpg import Record

from services.inspector_access.domain.errors import (
    CardsAwayError,
    LearnersAwayError,
    ListChangedError,
    NotThereError,
    OwnerAwayError,
    RecordsAwayError,
)
from services.inspector_access.settings import AccessSettings
from shared.identifiers import Uai
from shared.service import Runtime
from shared.settings import Settings
from shared.signing import CALL_SECONDS, Inspection, Signer, certificates
from shared.telemetry import trace_headers

log = structlog.get_logger()

Json = Any

COUNT_SECONDS = 3.0
"""How long the tab of a school waits for its MEF: it can be shown without."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A service that owns what is asked for: the setting that says where it is, and the error that
    says that it does not answer.
    """

    setting: str
    away: type[OwnerAwayError]

    def url(self, settings: Settings) -> str:
        """Where it listens.

        Raises:
            OwnerAwayError
        """
        url: str | None = getattr(settings, self.setting)
        if not isinstance(settings, AccessSettings) or url is None:
            raise self.away
        return url


LEARNERS = Owner("siecle_import_url", LearnersAwayError)
CARDS = Owner("etablissement_url", CardsAwayError)
RECORDS = Owner("dossier_url", RecordsAwayError)


async def read(
    runtime: Runtime, owner: Owner, access: Record, viewer: str, method: str, path: str,
    *, mefs: tuple[str, ...], json: Mapping[str, object] | None = None,
    params: Mapping[str, str] | None = None,
) -> Json:  # fmt: skip
    """What an owner answers to the inspector `viewer`, to whom `access` is open.

    Raises:
        OwnerAwayError, NotThereError, ListChangedError
    """
    right = Inspection(viewer=viewer, uai=Uai(access["uai"]), diploma=access["diploma"], mefs=mefs)
    token = Signer.from_settings(runtime.settings).inspection(right)
    headers = {"Authorization": f"Bearer {token}", **trace_headers()}
    async with _answering(owner), httpx.AsyncClient(
        base_url=owner.url(runtime.settings), headers=headers, timeout=CALL_SECONDS,
        verify=certificates(),
    ) as client:  # fmt: skip
        response = await client.request(method, f"/inspection{path}", json=json, params=params)
        return _answer(response)


async def mefs_of(runtime: Runtime, uai: Uai) -> list[Json]:
    """The MEF of the school's active learners with how many follow each (null: no MEF).

    Raises:
        LearnersAwayError
    """
    signer = Signer.from_settings(runtime.settings)
    async with _answering(LEARNERS), signer.client(LEARNERS.url(runtime.settings)) as client:
        answer = await client.get(f"/schools/{uai}/mefs", timeout=COUNT_SECONDS)
        found: list[Json] = answer.raise_for_status().json()
        return found


def _answer(response: httpx.Response) -> Json:
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NotThereError
    if response.status_code == httpx.codes.CONFLICT:
        raise ListChangedError
    return response.raise_for_status().json()


@asynccontextmanager
async def _answering(owner: Owner) -> AsyncIterator[None]:
    """Turn what can go wrong between services into the owner's own error."""
    try:
        yield
    except (httpx.HTTPError, ValueError) as error:
        log.warning("owner.away", owner=owner.setting, error=type(error).__name__)
        raise owner.away from None
