"""HTTP of `transfer`: one module a subject, and the problems that all of them answer with."""

from services.transfer.api import (
    departures,
    offers,
    participation,
    problems,
    pupils,
    reviews,
    transfers,
)

ROUTERS = (
    participation.router,
    departures.router,
    transfers.router,
    offers.router,
    reviews.router,
    pupils.router,
)
PROBLEMS = problems.PROBLEMS
