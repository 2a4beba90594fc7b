"""The pages, one module a tab (docs/pages.md says how to add one)."""

from services.gateway.pages import card, guide, home, legal, notice, passeport, signing, version
from services.gateway.web import assets

ROUTERS = (
    assets.router,
    version.router,
    signing.router,
    home.router,
    card.router,
    legal.router,
    guide.router,
    notice.router,
    passeport.router,
)
