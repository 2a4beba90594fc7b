"""The identifier that every service knows: the code of a school."""

import re
from functools import lru_cache
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

_SHAPE = re.compile(r"[0-9]{7}[A-Z]")
KEY_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
"""The alphabet of keys, without I, O and Q, which are read as figures."""


class InvalidUai(ValueError):  # noqa: N818 - named as the domain says it
    """The text is not the code of a school: wrong shape or wrong key letter."""


class Uai(str):
    """The code of a school: seven figures and a key letter, checked by `parse` and by pydantic."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Trim, upper, check shape and key; raise `InvalidUai`."""
        code = text.strip().upper()
        if not _SHAPE.fullmatch(code):
            raise InvalidUai("UAI attendu : 7 chiffres et une lettre")
        if code[7] != KEY_LETTERS[int(code[:7]) % 23]:
            raise InvalidUai(f"UAI {code} : la lettre ne correspond pas aux chiffres")
        return cls(code)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            _parsed,
            core_schema.str_schema(max_length=64),
            serialization=core_schema.to_string_ser_schema(),
        )


_parsed = lru_cache(maxsize=20_000)(Uai.parse)
"""Each event names schools, and they are few."""
