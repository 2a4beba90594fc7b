"""How often one address may try to sign in, and one person may send files or have documents made
(not one session: signing in again would begin anew).

Counted in the database, so that it holds over all replicas.
"""

import datetime as dt
import hashlib
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
"""By address; the schools of an académie may stand behind one."""

DOCUMENT: Final = Limit("document", 60, 60)
"""By person or learner: a PDF takes a second of computing."""

UPLOAD: Final = Limit("upload", 60, 60)
"""By person."""
