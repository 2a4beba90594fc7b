"""The pages, one module a tab (docs/pages.md says how to add one)."""

from services.gateway.pages import card, console, home, inspectors, signing, transfers, version
from services.gateway.web import assets

ROUTERS = (
    assets.router,
    version.router,
    signing.router,
    home.router,
    card.router,
    *transfers.ROUTERS,
    inspectors.router,
    console.router,
)
