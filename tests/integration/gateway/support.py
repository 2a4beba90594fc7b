"""A browser without a screen: cookies, redirects followed by hand."""

import re
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from shared.database import Database
from tests.support.persons import invited
from tests.support.provider import FakeProvider
from tests.support.system import System

SCHOOL, OTHER = "9990001X", "9990002Y"


@dataclass
class Place:
    """The gateway, its provider, its database, and one browser."""

    system: System
    provider: FakeProvider
    database: Database
    http: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    async def sign_in(self, *, state: str | None = None) -> httpx.Response:
        """Go to the provider and come back, with another `state` if a test wants it."""
        gone = await self.http.get("/connexion/aller")
        assert gone.status_code == 303, gone.text
        self.provider.visited(gone.headers["location"])
        back = {"code": "abc", "state": state or self.provider.asked["state"]}
        return await self.http.get("/connexion/retour", params=back)

    async def csrf(self) -> str:
        """The token of the session's forms."""
        page = await self.http.get("/etablissement")
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found, page.text
        return found[1]


async def newcomer(place: Place, registry: Database, role: str) -> None:
    """Have someone sign in who has this role for the school, and a small right in another one."""
    name = f"sortant-{uuid4()}"
    where = (None, "*") if role == "admin-national" else (SCHOOL, None)
    rights = (role, *where), ("delegation", OTHER, None)
    await invited(registry, f"{name}@demo.example", rights)
    place.provider.claims = {"sub": name, "email": f"{name}@demo.example"}
    await place.sign_in()
    choice = {"csrf": await token(place), "pour": OTHER, "uai": SCHOOL}
    chosen = await place.http.post("/choix-etablissement", data=choice)
    if chosen.status_code == 409:  # the session was about no school yet
        chosen = await place.http.post("/choix-etablissement", data=choice | {"pour": ""})
    assert chosen.status_code == 303, chosen.text


async def token(place: Place) -> str:
    found: str = await place.database.pool.fetchval("SELECT csrf FROM sessions")
    return found
