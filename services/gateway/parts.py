"""What the running gateway has beside what every service has."""

from dataclasses import dataclass

import httpx
from fastapi import Request

from services.gateway.clients.rights import Knowers
from services.gateway.clients.services import PersonSigner, Services
from services.gateway.clients.to_do import ToDo
from services.gateway.oidc import Provider
from services.gateway.settings import GatewaySettings
from shared.service import Runtime
from shared.signing import Signer

CONNECTIONS = 100
"""At once: for what pages ask, and as many for files that are passed on (slow lines hold them)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The provider, the services, who knows the rights, and what waits for schools."""

    settings: GatewaySettings
    provider: Provider
    services: Services
    knowers: Knowers
    to_do: ToDo

    @classmethod
    def of(cls, settings: GatewaySettings) -> "Parts":
        """The parts that these settings describe."""
        limits = httpx.Limits(max_connections=CONNECTIONS)
        http, uploads = httpx.AsyncClient(limits=limits), httpx.AsyncClient(limits=limits)
        own = None if settings.signing_key_file is None else Signer.from_settings(settings)
        file = settings.person_key_file
        persons = None if file is None else PersonSigner.from_file(file)
        return cls(
            settings, Provider(settings, http), Services(settings, http, uploads, persons),
            Knowers(settings, own), ToDo(),
        )  # fmt: skip


def parts_of(request: Request) -> Parts:
    """The parts of the gateway that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


def runtime_of(request: Request) -> Runtime:
    """The running service."""
    runtime: Runtime = request.app.state.runtime
    return runtime
