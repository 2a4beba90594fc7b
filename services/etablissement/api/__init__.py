"""HTTP of `etablissement`: one module a subject, and the problems that all of them answer with."""

from services.etablissement.api import (
    cards,
    directory,
    problems,
    schools,
    signin,
    user_tables,
    users,
)

ROUTERS = (
    schools.search,
    schools.router,
    directory.router,
    cards.router,
    users.router,
    user_tables.router,
    signin.router,
)
PROBLEMS = problems.PROBLEMS
