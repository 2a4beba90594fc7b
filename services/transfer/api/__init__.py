"""HTTP of `transfer`: one module a subject, and the problems that all of them answer with."""

from services.transfer.api import (
    counts,
    departures,
    offers,
    overview,
    participation,
    problems,
    pupils,
    restores,
    reviews,
    transfers,
    why,
)

ROUTERS = (
    overview.router,
    participation.router,
    departures.router,
    transfers.router,
    offers.router,
    reviews.router,
    pupils.router,
    why.router,
    counts.router,
    restores.router,
)
PROBLEMS = problems.PROBLEMS
