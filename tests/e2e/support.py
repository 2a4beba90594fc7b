"""What tests of pages share: the site, people who sign in, and what must hold on every page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from deploy.local import LOCAL, ROOT
from deploy.local.people import Person
from tests.support.mail import MailServer
from tests.support.system import System

AXE = ROOT / "services/gateway/assets/node_modules/axe-core/axe.min.js"
SCREENSHOTS = LOCAL / "screenshots"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "RGAAv4", "best-practice")
NOT_OURS = "Failed to load resource: the server responded with a status of 4"
"""What the browser itself says of a form that is refused (422) or a page that is not there."""


@dataclass
class Site:
    """The running system, as people reach it."""

    system: System
    browser: Browser
    mails: MailServer
    states: dict[tuple[str, str], Any] = field(default_factory=dict)
    said: dict[Page, list[str]] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.system.urls["gateway"]

    async def new_page(self, **options: Any) -> Page:
        """A page of a browser of its own, its console listened to."""
        context = await self.browser.new_context(base_url=self.url, locale="fr-FR", **options)
        self.contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        self.said[page] = []

        def hear(message: ConsoleMessage) -> None:
            ours = message.location.get("url", "").startswith(self.url)
            if ours and not message.text.startswith(NOT_OURS):
                self.said[page].append(message.text)

        page.on("console", hear)
        page.on("pageerror", lambda error: self.said[page].append(str(error)))
        return page

    async def page_of(self, person: Person, **options: Any) -> Page:
        """A page of someone who has signed in (for real the first time; then the cookie is kept).
        `java_script_enabled=False` and other options of the browser's context may be given.
        """
        key = (person.subject, self.url)
        page = await self.new_page(**options, storage_state=self.states.get(key))
        await page.goto("/")
        if page.url.endswith("/connexion"):
            await sign_in(page, person)
            self.states[key] = await page.context.storage_state()
        return page

    async def check(self, page: Page, name: str) -> None:
        """What must hold on every page: axe-core finds nothing, the console is empty (so the policy
        was not violated), nothing runs out at the side. A screenshot is kept under `name`.
        """
        await page.evaluate(AXE.read_text())
        tags = {"runOnly": {"type": "tag", "values": RULES}}
        found = await page.evaluate("options => axe.run(document, options)", tags)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        # The usual ways to hide the caret and stop animations are inline styles.
        await page.screenshot(
            path=SCREENSHOTS / f"{name}.png", full_page=True, caret="initial", animations="allow"
        )
        violations = [_violation(one) for one in found["violations"]]
        assert violations == [], violations
        assert self.said[page] == [], self.said[page]
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(width) <= 0, "the page scrolls sideways"

    async def close(self) -> None:
        """Close the browsers of a test."""
        for context in self.contexts:
            await context.close()
        self.contexts.clear()
        self.said.clear()


def _violation(one: Mapping[str, Any]) -> str:
    places = [node["html"][:120] for node in one["nodes"]]
    return f"{one['id']}: {one['help']} {places}"


async def sign_in(page: Page, person: Person) -> None:
    """Sign in at the provider of the local stack."""
    await page.goto("/connexion")
    await (
        page.get_by_role("link", name="Se connecter")
        .or_(page.get_by_role("button", name="Se connecter"))
        .first.click()
    )
    await page.get_by_role("button", name=person.subject, exact=True).click()
