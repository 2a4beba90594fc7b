"""What happens around each request, in all services."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from docs.reference import SERVICES, service


def routes_of(routes: list[BaseRoute]) -> Iterator[APIRoute]:
    """The routes of an application, those of its routers included."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif router := getattr(route, "original_router", None):
            yield from routes_of(router.routes)


def called(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    """What answers a route, and all that it depends on."""
    if dependant.call:
        yield dependant.call
    for needed in dependant.dependencies:
        yield from called(needed)


@pytest.mark.parametrize("name", SERVICES)
def test_no_request_hops_through_threads(name: str) -> None:
    # FastAPI runs what is not « async » in a thread: dearer than any of our checks.
    routes = list(routes_of(service(name).app().routes))
    assert len(routes) > 3
    for route in routes:
        for call in called(route.dependant):
            function = call if inspect.isroutine(call) else type(call).__call__
            in_the_loop = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(
                function
            )
            assert in_the_loop, f"{route.path}: {call}"
