"""HTTP of `inspector_access`: one module a subject, and the problems that all answer with."""

from services.inspector_access.api import console, problems, registry, sign_in, switches

ROUTERS = (switches.router, registry.router, sign_in.router, console.router)
PROBLEMS = problems.PROBLEMS
