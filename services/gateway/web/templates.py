"""Jinja: every value escaped, every missing one an error, French filters."""

from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.gateway.domain import bodies, french
from services.gateway.domain import transfers as words
from services.gateway.web import assets

T = TypeVar("T")


class MissingArgumentError(Exception):
    """A component lacks what accessibility needs of it: a caption, a label."""


def required(value: T, name: str) -> T:
    """The value of an argument that a component cannot do without.

    Raises:
        MissingArgumentError: it is empty.
    """
    if not value:
        raise MissingArgumentError(name)
    return value


@cache
def environment() -> Environment:
    """The templates of the pages."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "day": french.day,
        "moment": french.moment,
        "number": french.number,
        "counted": french.count,
        "telephone": french.telephone,
        "required": required,
        "part_label": bodies.label_of,
        "part_text": bodies.told,
    }
    found.globals |= {"asset": assets.url, "new_key": lambda: str(uuid4()), "words": words}
    return found


def render(template: str, **values: Any) -> str:
    """The text of a template."""
    return environment().get_template(template).render(**values)
