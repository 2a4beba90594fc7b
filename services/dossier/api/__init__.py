"""HTTP of `dossier`: one module a subject, the problems that all of them answer with."""

from services.dossier.api import records

ROUTERS = (records.router,)
PROBLEMS = records.PROBLEMS
