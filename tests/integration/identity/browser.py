"""A browser without a screen that signs in at the provider and goes wherever a link leads."""

import html
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from deploy.local.people import Person

LINK = re.compile(r'(?:href|src|hx-get)="(/[^"#]*)')
TOKENS = re.compile(r'name="(csrf|pour)" value="([^"]*)"')
CHANGES = re.compile(r"[0-9a-f-]{32,}|\d{7}[A-Z]|\d+")
"""What differs between two addresses of one page: ids, UAI, numbers."""
VISITS = 2
"""Of each page."""


@dataclass
class Browser:
    """Someone at the pages; `seen` holds the answers' status by address."""

    url: str
    person: Person
    seen: dict[str, int] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        """Sign in."""
        self.http = httpx.AsyncClient(base_url=self.url, follow_redirects=True, timeout=60)
        asked = await self.http.get("/connexion/aller")
        home = await self.http.post(asked.url, data={"sub": self.person.subject})
        assert home.is_success, home.text
        self.home = home.text
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def send(self, path: str, **form: str) -> httpx.Response:
        """Fill in a form of this session."""
        return await self.http.post(path, data={**dict(TOKENS.findall(self.home)), **form})

    async def wander(self, pages: int) -> None:
        """Follow links, breadth first, until nothing new is found or so many pages were seen."""
        waiting, visits = deque(["/"]), Counter[str]()
        while waiting and len(self.seen) < pages:
            address = waiting.popleft()
            page = CHANGES.sub("*", address.partition("?")[0])
            if address in self.seen or visits[page] == VISITS or page.startswith("/static"):
                continue
            visits[page] += 1
            answer = await self.http.get(address)
            self.seen[address] = answer.status_code
            if "html" in answer.headers.get("content-type", ""):
                waiting.extend(html.unescape(link) for link in LINK.findall(answer.text))
