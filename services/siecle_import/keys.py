"""Match keys: digests by which `transfer` recognises a learner without knowing who it is.

Each is a BLAKE2b of 16 bytes under a secret that this service alone holds. All are bound to one
INE, so that names and birth dates of two learners can be compared only where an INE is equal.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Self

from services.siecle_import.folding import fold
from services.siecle_import.settings import ImportSettings
from shared.events import KEY_BYTES, MatchKeys
from shared.settings import Settings

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyMaker:
    """Makes keys under one secret; `version` tells under which."""

    secret: bytes
    version: int

    @classmethod
    @lru_cache(maxsize=8)  # the secret that the process began with goes with its version
    def from_file(cls, path: Path, version: int) -> Self:
        """The secret in a file of at least 32 bytes; those after the 64th do not count (BLAKE2b).

        Raises:
            ValueError: the file is shorter.
        """
        secret = path.read_bytes()
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"the match-key secret needs {SECRET_BYTES} bytes or more")
        return cls(secret[:64], version)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The secret that the settings of this service name."""
        if not isinstance(settings, ImportSettings):
            raise TypeError("these are the settings of another service")
        return cls.from_file(settings.match_key_file, settings.match_key_version)

    def keys(
        self, ine: str, birth_date: dt.date, family_names: Iterable[str], first_name: str
    ) -> MatchKeys:
        """The keys of one INE. A name that holds `?` was damaged by SIECLE and gives none."""
        families, first = _folded(family_names), _folded([first_name])
        return MatchKeys(
            ine_key=self.ine_key(ine),
            birth_key=self._digest("birth", ine, birth_date.isoformat()),
            family_keys=tuple(self._digest("family", ine, name) for name in families),
            first_keys=tuple(self._digest("first", ine, name) for name in first),
        )

    def ine_key(self, ine: str) -> bytes:
        """The key of an INE alone: equal ones mean equal INE."""
        return self._digest("ine", ine)

    def _digest(self, *parts: str) -> bytes:
        text = "\x1f".join(parts).encode()
        return blake2b(text, digest_size=KEY_BYTES, key=self.secret).digest()


def _folded(names: Iterable[str]) -> list[str]:
    """The names that can be compared, each once."""
    folded = dict.fromkeys(fold(name) for name in names if "?" not in name)
    return [name for name in folded if name]
