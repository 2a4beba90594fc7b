"""The pages and forms of the gateway, as its routes describe them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.gateway.__main__ import service as gateway
from shared.rights import Action


@dataclass(frozen=True)
class Way:
    """One page or form. `action` is None where it asks for no right; `queries` are the parameters
    that it reads.
    """

    method: str
    path: str
    action: Action | None
    takes_file: bool
    is_form: bool
    queries: tuple[str, ...]


def ways() -> Iterator[Way]:
    """All of them."""
    for router in gateway.routers:
        for route in router.routes:
            for method in getattr(route, "methods", ()):
                yield _way(route, method)


def _way(route: Any, method: str) -> Way:
    needs = [one.call for one in route.dependant.dependencies]
    names = {call.__qualname__.partition(".")[0] for call in needs}
    held = [
        cell.cell_contents
        for one in (*route.dependant.dependencies, *_inner(route.dependant.dependencies))
        for cell in getattr(one.call, "__closure__", None) or ()
    ]
    action = next((one for one in held if isinstance(one, Action)), None)
    queries = tuple(one.alias for one in route.dependant.query_params)
    return Way(
        method, route.path, action, "uploading" in names, bool(names & {"uploading", "posting"}),
        queries,
    )  # fmt: skip


def _inner(needs: list[Any]) -> Iterator[Any]:
    for one in needs:
        yield from one.dependencies
