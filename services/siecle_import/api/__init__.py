"""HTTP of `siecle_import`: imports, what they say in detail, learners and their data, merges, whom
other schools offer, what other services ask, and inspections.
"""

from services.siecle_import.api import (
    data,
    for_services,
    imports,
    inspection,
    merges,
    offers,
    pupils,
    reports,
)
from shared.web.problems import Problem

ROUTERS = (
    imports.router,
    reports.router,
    pupils.router,
    data.router,
    merges.router,
    offers.router,
    for_services.router,
    inspection.router,
)
PROBLEMS: dict[type[Exception], Problem] = {
    **imports.PROBLEMS,
    **pupils.PROBLEMS,
    **data.PROBLEMS,
    **merges.PROBLEMS,
    **offers.PROBLEMS,
}
