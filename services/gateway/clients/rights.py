"""Asks who a person is and what he may: `etablissement` for staff and administrators,
`inspector_access` for inspectors. These calls are signed with the gateway's own key.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from services.gateway.clients.services import ServiceDownError
from services.gateway.domain.sessions import Account, Rights, School
from services.gateway.settings import GatewaySettings
from shared.rights import Role
from shared.signing import Signer

CALL_SECONDS = 4.0


class Knowers:
    """The two services that know rights."""

    def __init__(self, settings: GatewaySettings, signer: Signer | None) -> None:
        self._settings = settings
        self._signer = signer

    async def rights(self, account: Account, before: Rights | None = None) -> Rights:
        """What the person may now.

        `inspector_access` may be away while nothing has come from it before: staff sign in. (Who is
        no staff may be an inspector.)

        Raises:
            ServiceDownError: who knows the rights does not answer.
        """
        body = {
            "person": str(account.person),
            "email": account.email,
            "email_verified": account.email_verified,
            "name": account.name,
        }
        staff, inspector = await asyncio.gather(
            self._ask("etablissement", "POST", "/sign-in", json=body), self._inspector(body)
        )
        rights = _rights(staff, inspector or {}, account)
        if inspector is None and (not rights.any or (before and before.inspects)):
            raise ServiceDownError("inspector_access")
        return rights

    async def _inspector(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What `inspector_access` tells; None while it is away."""
        try:
            return await self._ask("inspector_access", "POST", "/sign-in", json=body)
        except ServiceDownError:
            return None

    async def school(self, account: Account, uai: str) -> School | None:
        """The school, with what the person is there by his rights in its académie; None if nothing.

        Raises:
            ServiceDownError
        """
        path = f"/persons/{account.person}/rights"
        found = await self._ask("etablissement", "GET", path, params={"uai": uai})
        roles = _roles(found.get("roles", ()))
        return School(found["uai"], found["name"], roles) if roles else None

    async def _ask(self, service: str, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        base = self._settings.url_of(service)
        if base is None or self._signer is None:
            raise ServiceDownError(service)
        try:
            async with self._signer.client(base) as client:
                response = await client.request(method, path, timeout=CALL_SECONDS, **options)
        except httpx.HTTPError:
            raise ServiceDownError(service) from None
        if response.status_code in (404, 422):  # no such school, an address that is none
            return {}
        if response.is_error:
            raise ServiceDownError(service)
        found: Mapping[str, Any] = response.json()
        return found


def _rights(staff: Mapping[str, Any], inspector: Mapping[str, Any], account: Account) -> Rights:
    schools = {
        uai: School(uai, one["name"], _roles(one["roles"]))
        for uai, one in staff.get("schools", {}).items()
    }
    return Rights(
        name=staff.get("name") or inspector.get("name") or account.name,
        function=staff.get("function", ""),
        schools=schools,
        academies=_places(staff.get("academies", {})),
        inspects=_places(inspector.get("academies", {})),
        why=staff.get("why") or "",
    )


def _places(held: Mapping[str, list[str]]) -> dict[str, frozenset[Role]]:
    return {place: _roles(roles) for place, roles in held.items()}


def _roles(names: Any) -> frozenset[Role]:
    return frozenset(Role(name) for name in names)
