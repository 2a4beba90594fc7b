"""The catalogue of modules: read once, at the start, which one that is wrong stops."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from services.etablissement.domain.modules import Catalogue

FILE = Path(__file__).with_name("catalogue.toml")


class BrokenCatalogueError(Exception):
    """The catalogue can't be used; the message says where and why."""


def read(file: Path) -> Catalogue:
    """The catalogue in a file.

    Raises:
        BrokenCatalogueError
    """
    try:
        return Catalogue.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
        )
        raise BrokenCatalogueError(f"{file.name}: {found}") from None
    except (OSError, ValueError) as error:  # not there, not UTF-8, not TOML
        raise BrokenCatalogueError(f"{file.name}: {error}") from None


CATALOGUE = read(FILE)
