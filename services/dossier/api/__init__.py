"""HTTP of `dossier`: one module a subject, the problems that all of them answer with."""

from services.dossier.api import (
    attachments,
    export,
    inspection,
    looks,
    records,
    remarks,
    restores,
    search,
)
from shared.web.problems import Problem

ROUTERS = (
    records.router,
    attachments.router,
    search.router,
    remarks.router,
    looks.router,
    export.router,
    inspection.router,
    restores.router,
)
PROBLEMS: dict[type[Exception], Problem] = {
    **records.PROBLEMS,
    **attachments.PROBLEMS,
    **remarks.PROBLEMS,
    **looks.PROBLEMS,
}
