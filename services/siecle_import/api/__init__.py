"""HTTP of `siecle_import`: imports, what they say in detail, learners, merges, inspections."""

from services.siecle_import.api import imports, inspection, merges, pupils, reports

ROUTERS = (imports.router, reports.router, pupils.router, merges.router, inspection.router)
PROBLEMS = {**imports.PROBLEMS, **pupils.PROBLEMS, **merges.PROBLEMS}
