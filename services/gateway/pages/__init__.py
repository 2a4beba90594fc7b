"""The pages, one module a tab (docs/pages.md says how to add one)."""

from services.gateway.pages import (
    card,
    contacts,
    heads,
    home,
    logo,
    mails,
    modules,
    setting_up,
    signing,
    user_tables,
    users,
    version,
)
from services.gateway.web import assets

ROUTERS = (
    assets.router,
    version.router,
    signing.router,
    home.router,
    card.router,
    logo.router,
    contacts.router,
    modules.router,
    users.router,
    user_tables.router,
    heads.router,
    mails.router,
    setting_up.router,
)
