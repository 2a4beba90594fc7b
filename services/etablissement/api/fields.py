"""The types of what people type: checked and brought to one form at the edge."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from services.etablissement.domain import contact
from services.etablissement.domain.academies import academie_named
from services.etablissement.domain.words import one_line


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _filled(lines: list[str]) -> list[str]:
    return [line for line in lines if line]


def _academie(text: str) -> str:
    name = academie_named(text)
    if name is None:
        raise ValueError("académie inconnue : écrivez son nom, par exemple « Lyon »")
    return name


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(one_line)
]
"""One line of text, perhaps empty."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(one_line),
]

Address = Annotated[list[Line], Field(max_length=4), AfterValidator(_filled)]
"""Lines of an address, without postcode and town; empty ones are left out."""

OptionalLine = Annotated[Line | None, BeforeValidator(_blank_is_none)]
Email = Annotated[str, StringConstraints(max_length=300), AfterValidator(contact.email)]
OptionalEmail = Annotated[Email | None, BeforeValidator(_blank_is_none)]
OptionalPhone = Annotated[
    Annotated[str, StringConstraints(max_length=40), AfterValidator(contact.phone)] | None,
    BeforeValidator(_blank_is_none),
]
OptionalPostcode = Annotated[
    Annotated[str, StringConstraints(max_length=20), AfterValidator(contact.postcode)] | None,
    BeforeValidator(_blank_is_none),
]
Academie = Annotated[str, StringConstraints(max_length=60), AfterValidator(_academie)]
OptionalAcademie = Annotated[Academie | None, BeforeValidator(_blank_is_none)]

AcademiePath = Annotated[str, Path(max_length=60)]
"""The académie that an administrator acts for, in the spelling of his right; `*`: schools without
one, for the national administrator."""

PAGE = 50

Limit = Annotated[int, Query(ge=1, le=PAGE)]
"""How many lines of a history are wanted."""

Cursor = Annotated[int | None, Query(ge=1, le=2**63 - 1)]
"""Where a page of a history begins: the id of the last line of the page before."""
