"""A browser without a screen: cookies, redirects followed by hand."""

import re
from dataclasses import dataclass, field

import httpx

from shared.database import Database
from tests.support.provider import FakeProvider
from tests.support.system import System


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
