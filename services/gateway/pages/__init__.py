"""The pages, one module a tab (docs/pages.md says how to add one)."""

from services.gateway.pages import card, home, import_run, imports, signing, version
from services.gateway.web import assets

ROUTERS = (
    assets.router,
    version.router,
    signing.router,
    home.router,
    card.router,
    imports.router,
    import_run.router,
)
