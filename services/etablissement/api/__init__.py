"""HTTP of `etablissement`: one module a subject, and the problems that all of them answer with."""

from services.etablissement.api import cards, directory, problems, schools

ROUTERS = (
    schools.search,
    schools.router,
    directory.router,
    cards.router,
)
PROBLEMS = problems.PROBLEMS
