"""HTTP of `siecle_import`: imports, what they say in detail, learners, merges."""

from services.siecle_import.api import imports, merges, pupils, reports

ROUTERS = (imports.router, reports.router, pupils.router, merges.router)
PROBLEMS = {**imports.PROBLEMS, **pupils.PROBLEMS, **merges.PROBLEMS}
