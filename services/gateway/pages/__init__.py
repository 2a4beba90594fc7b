"""The pages, one module a tab (docs/pages.md says how to add one)."""

from services.gateway.pages import (
    administered_school,
    administration,
    card,
    directory,
    figures,
    home,
    import_run,
    imports,
    merges,
    pupil,
    pupil_acts,
    pupil_data,
    pupils,
    registry_tables,
    signing,
    version,
)
from services.gateway.web import assets

ROUTERS = (
    assets.router,
    version.router,
    signing.router,
    home.router,
    card.router,
    imports.router,
    import_run.router,
    pupils.router,
    merges.router,
    pupil_acts.router,
    pupil_data.router,
    pupil.router,
    administered_school.router,
    directory.router,
    figures.router,
    registry_tables.router,
    administration.router,
)
