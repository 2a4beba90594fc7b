"""What several pages of transfers read alike: lists of `transfer`, with the names beside them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query

from services.gateway.domain.names import Names
from services.gateway.web.visit import Visit

Json = Mapping[str, Any]
SERVICE: Final = "transfer"
PATH: Final = "/transferts"
MOST_PAGES: Final = 40
"""How many pages of a list go into a download."""

After = Annotated[UUID | None, Query()]


async def read(visit: Visit, path: str, **params: Any) -> Any:
    """What `transfer` answers about the school."""
    given = {name: value for name, value in params.items() if value is not None}
    return (await visit.calls.get(SERVICE, f"{visit.school}{path}", params=given)).json


async def whole(visit: Visit, path: str, key: str, cursor: str, **params: Any) -> list[Json]:
    """All pages of a list, one after the other, up to `MOST_PAGES`."""
    found: list[Json] = []
    at: str | None = None
    for _ in range(MOST_PAGES):
        page = await read(visit, path, **params, **{cursor: at})
        found += page[key]
        at = page["next"]
        if at is None:
            break
    return found


async def names_of(
    visit: Visit, rows: Iterable[Json], *, staff: Iterable[str | None] = ()
) -> Names:
    """Who the learners and schools of these rows are."""
    learners: list[str | None] = []
    schools: list[str] = []
    for row in rows:
        learners.append(row.get("pupil_id"))
        schools += row.get("schools", ())
        schools += (row[name] for name in _SCHOOLS if name in row)
    return await visit.names(learners=learners, schools=schools, staff=staff)


_SCHOOLS = ("other_uai", "from_uai", "origin_uai", "destination_uai", "previous_uai", "uai")


def by_name(rows: Iterable[Json], names: Names, *, reverse: bool = False) -> list[Json]:
    """The rows in the order of the learners' names."""
    return sorted(rows, key=lambda row: names.learner(row["pupil_id"]).casefold(), reverse=reverse)
