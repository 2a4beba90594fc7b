"""The frame of every page: one template makes the whole page, or what of it htmx replaces."""

from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.gateway.parts import parts_of
from services.gateway.web import tabs, templates

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Vary": "HX-Request, HX-Target",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
TARGET: Final = "div#page"
"""What htmx replaces (its `HX-Target`); anything else is answered with the whole page."""


def is_enhanced(request: Request) -> bool:
    """Whether htmx asks, and replaces the page's inside."""
    return request.headers.get("hx-request") == "true"


def answer(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. `visit` of the request's state, if any, fills header and tabs."""
    visit = getattr(request.state, "visit", None)
    settings = parts_of(request).settings
    served = request.app.state.served
    context: dict[str, Any] = {
        "errors": {},
        "refusal": None,
        "flash": (),
        "badges": {},
        "visit": visit,
        "path": request.url.path,
        "query": request.url.query,
        "tabs": list(tabs.shown(visit.person, visit.uai, served)) if visit else [],
        "legal": [
            (label.format(accessibility=settings.accessibility), href)
            for label, href in tabs.LEGAL
            if href in served
        ],
        "help": tabs.help_of(request.url.path) if visit else "",
        "settings": settings,
        "fragment": is_enhanced(request) and request.headers.get("hx-target") == TARGET,
    }
    text = templates.render(template, **(context | values))
    return HTMLResponse(text, status, headers=HEADERS)
