"""HTTP of `etablissement`: one module a subject, and the problems that all of them answer with."""

from services.etablissement.api import (
    cards,
    contacts,
    directory,
    images,
    inspection,
    modules,
    names,
    problems,
    schools,
    setting_up,
    signin,
    user_tables,
    users,
)
from shared.web.problems import Problem

ROUTERS = (
    schools.academies,
    schools.search,
    names.router,
    schools.router,
    directory.router,
    cards.router,
    images.router,
    contacts.router,
    modules.router,
    setting_up.router,
    users.router,
    user_tables.router,
    signin.router,
    inspection.router,
)
PROBLEMS: dict[type[Exception], Problem] = {**problems.PROBLEMS, **images.PROBLEMS}
