"""No route, and nothing that it depends on, leaves the event loop."""

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


def runs_in_the_loop(call: Callable[..., Any]) -> bool:
    """Whether FastAPI awaits it; all else it runs in a thread, which is dearer than our checks."""
    function = call if inspect.isroutine(call) else type(call).__call__
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


@pytest.mark.parametrize("name", SERVICES)
def test_no_request_hops_through_threads(name: str) -> None:
    routes = list(routes_of(service(name).app().routes))
    assert len(routes) > 3  # those of included routers stand behind a name inside of FastAPI
    for route in routes:
        for call in called(route.dependant):
            assert runs_in_the_loop(call), f"{route.path}: {call}"
