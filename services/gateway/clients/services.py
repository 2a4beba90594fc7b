"""Calls a service for the person of the request, with a token that lives five minutes.

Reads are tried twice; changes once, because nobody knows what became of the first.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import OKPKey

from services.gateway.settings import GatewaySettings
from shared.security import ALGORITHM, AUDIENCE, Principal
from shared.telemetry import trace_headers

TIMEOUT: Final = httpx.Timeout(10.0, connect=2.0)
TOKEN_SECONDS: Final = 300
READING: Final = 10.0
"""Seconds for a read, its second try included."""


class ServiceDownError(Exception):
    """A service does not answer, or with an error of its own; `service` names it."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class RefusedError(Exception):
    """A service has refused: its problem, in French, with what is wrong by field.

    `fields` has the message by the name of the form's field (`email`, `address.0`).
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("type", status)))
        self.status = status
        self.type = str(problem.get("type", "")).rpartition(":")[2]
        self.title = str(problem.get("title", "Refusé"))
        self.detail = str(problem.get("detail", ""))
        self.fields: dict[str, str] = {}
        for error in problem.get("errors", ()):
            name = str(error.get("field", "")).removeprefix("body.").removeprefix("query.")
            self.fields.setdefault(name, str(error.get("message", "")))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service has answered. `etag` is the version of what was read, without quotes."""

    status: int
    json: Any
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PersonSigner:
    """The key that signs the tokens of persons."""

    key: OKPKey

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The key of a JSON Web Key file."""
        return cls(OKPKey.import_key(json.loads(path.read_text())))

    def token(self, person: Principal) -> str:
        """A token of this person, for five minutes."""
        now = int(time.time())
        claims = person.model_dump(mode="json", exclude_defaults=True)
        claims |= {"aud": AUDIENCE, "iat": now, "exp": now + TOKEN_SECONDS}
        header = {"alg": ALGORITHM, "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[ALGORITHM])


class Services:
    """The services, as one person reaches them."""

    def __init__(
        self,
        settings: GatewaySettings,
        http: httpx.AsyncClient,
        uploads: httpx.AsyncClient,
        signer: PersonSigner | None,
    ) -> None:
        self._settings = settings
        self._http = http
        self._uploads = uploads
        self._signer = signer

    def of(self, person: Principal) -> "Calls":
        """The services for this person."""
        token = "" if self._signer is None else self._signer.token(person)
        return Calls(self._settings, self._http, self._uploads, token)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one person during one request.

    Each raises `ServiceDownError` when the service does not answer and `RefusedError` when it
    refuses.
    """

    _settings: GatewaySettings
    _http: httpx.AsyncClient
    _uploads: httpx.AsyncClient
    _token: str

    async def get(self, service: str, path: str, **options: Any) -> Answer:
        """Read; tried twice."""
        return await self._read(service, "GET", path, **options)

    async def search(
        self, service: str, path: str, body: Mapping[str, Any], **options: Any
    ) -> Answer:
        """Read by POST, because what is looked for does not belong into an address; tried twice."""
        return await self._read(service, "POST", path, json=body, **options)

    async def _read(self, service: str, method: str, path: str, **options: Any) -> Answer:
        try:
            async with asyncio.timeout(READING):
                try:
                    return await self._call(service, method, path, **options)
                except ServiceDownError:
                    return await self._call(service, method, path, **options)
        except TimeoutError:
            raise ServiceDownError(service) from None

    async def create(
        self, service: str, path: str, body: Mapping[str, Any], *, key: str | None = None
    ) -> Answer:
        """Create; `key` is the `Idempotency-Key`: that of the form, so that a button pressed twice
        creates once.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self._call(service, "POST", path, json=body, headers=headers)

    async def change(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        etag: str | None = None,
        ticket: str | None = None,
    ) -> Answer:
        """Change; `etag` is the version that the person has read, `ticket` what `transfer` has
        issued for this (docs/transfer.md, rule 14).
        """
        headers = {} if etag is None else {"If-Match": f'"{etag}"'}
        if ticket is not None:
            headers["Cpro-Ticket"] = ticket
        options = {} if body is None else {"json": body}
        return await self._call(service, method, path, headers=headers, **options)

    async def send(
        self,
        service: str,
        method: str,
        path: str,
        content: AsyncIterator[bytes],
        headers: Mapping[str, str],
    ) -> Answer:
        """Send a body as it comes, without holding it."""
        timeout = httpx.Timeout(120.0, connect=2.0)
        return await self._call(
            service, method, path, self._uploads, content=content, headers=headers, timeout=timeout
        )

    async def _call(
        self,
        service: str,
        method: str,
        path: str,
        http: httpx.AsyncClient | None = None,
        **options: Any,
    ) -> Answer:
        base = self._settings.url_of(service)
        if base is None:
            raise ServiceDownError(service)
        usual = {"Authorization": f"Bearer {self._token}", **trace_headers()}
        headers = usual | dict(options.pop("headers", {}))
        options.setdefault("timeout", TIMEOUT)
        try:
            response = await (http or self._http).request(
                method, base + path, headers=headers, **options
            )
        except httpx.HTTPError:
            raise ServiceDownError(service) from None
        if response.is_server_error:
            raise ServiceDownError(service)
        if response.is_error:
            raise RefusedError(response.status_code, _problem(response))
        return _answer(response)


def _answer(response: httpx.Response) -> Answer:
    kind = response.headers.get("content-type", "")
    content = response.json() if response.content and "json" in kind else response.content
    etag = response.headers.get("etag", "").removeprefix("W/").strip('"')
    return Answer(response.status_code, content, etag, dict(response.headers))


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
