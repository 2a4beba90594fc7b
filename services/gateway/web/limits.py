"""How often one place may try to sign in, and one person may send files or have documents made
(not one session: signing in again would begin anew).

Counted in the database, so that it holds over all replicas.
"""

import datetime as dt
import hashlib
import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from services.gateway.store import attempts
from shared.database import Database


class TooManyError(Exception):
    """Tried too often; it goes on after `minutes`."""

    def __init__(self, minutes: int) -> None:
        super().__init__()
        self.minutes = minutes


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts in a window of so many minutes."""

    name: str
    at_most: int
    minutes: int

    async def count(self, database: Database, who: str, now: dt.datetime) -> None:
        """Count one more attempt.

        Raises:
            TooManyError
        """
        minute = now.minute + now.hour * 60
        begins = now.replace(second=0, microsecond=0) - dt.timedelta(minutes=minute % self.minutes)
        subject = hashlib.sha256(f"{self.name}\n{who}".encode()).digest()
        async with database.connection() as connection:
            number = await attempts.count(connection, subject, begins)
        if number > self.at_most:
            raise TooManyError(self.minutes - minute % self.minutes)


SIGN_IN: Final = Limit("sign-in", 600, 10)
"""By place (`place_of`); the schools of an académie may stand behind one address."""

OF_ONE_PLACE: Final = 64
"""Bits of an IPv6 address that are the same within one network: who has one has all of it."""


def place_of(address: str) -> str:
    """From where someone comes: an IPv4 address, the network of an IPv6 one."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket of this machine has none
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, OF_ONE_PLACE), strict=False))


DOCUMENT: Final = Limit("document", 60, 60)
"""By person or learner: a PDF takes a second of computing."""

UPLOAD: Final = Limit("upload", 60, 60)
"""By person."""

AT_ONCE: Final = 5
"""Files that a person sends at the same time to one process: slow ones hold connections that
others need.
"""

_under_way: Counter[str] = Counter()


@contextmanager
def one_upload(who: str) -> Iterator[None]:
    """While a file comes.

    Raises:
        TooManyError: others of this person are still coming.
    """
    if _under_way[who] >= AT_ONCE:
        raise TooManyError(1)
    _under_way[who] += 1
    try:
        yield
    finally:
        _under_way[who] -= 1
        if not _under_way[who]:
            del _under_way[who]
