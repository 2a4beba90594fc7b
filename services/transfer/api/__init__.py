"""HTTP of `transfer`: one module a subject."""

from services.transfer.api import participation

ROUTERS = (participation.router,)
