"""What becomes of a mail after an attempt: which answers are final, and when to try again."""

import datetime as dt
from dataclasses import dataclass

from services.notifier.domain.mails import Reason, State

PATIENCE = dt.timedelta(days=2)
FIRST_DELAY = dt.timedelta(minutes=1)
LONGEST_DELAY = dt.timedelta(hours=2)
JITTER = 0.25
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
PERMANENT = 500
CLOSING = 421
"""RFC 5321, 4.2: 5yz is permanent; 421 ends the connection and says nothing of the mail."""

LONGEST_ANSWER = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt met: the server's code and text, or no code when none came."""

    code: int | None
    text: str

    def __str__(self) -> str:
        """The form in which the ledger keeps it."""
        line = f"{self.code or ''} {self.text}".replace("\x00", "?").strip()
        return line.encode(errors="replace").decode()[:LONGEST_ANSWER]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state that a mail goes into, and after how long it is tried again, if it is."""

    state: State
    answer: str
    reason: Reason | None = None
    delay: dt.timedelta | None = None


def accepted(answer: Answer) -> Outcome:
    """The server has taken the mail."""
    return Outcome(State.SENT, str(answer))


def unsendable(reason: Reason, why: str) -> Outcome:
    """The mail can't be put into the words of the server: no attempt will change that."""
    return Outcome(State.FAILED, why, reason)


def refused(answer: Answer, attempts: int, age: dt.timedelta, chance: float) -> Outcome:
    """The server refused the mail, or no answer came: 5yz is final, the rest is tried again, later
    and later, for two days. `attempts` are those before this one, `age` is how long the mail has
    been tried, `chance` is between 0 and 1.
    """
    if answer.code is not None and answer.code >= PERMANENT:
        return Outcome(State.FAILED, str(answer), Reason.REFUSED)
    if age >= PATIENCE:
        return Outcome(State.FAILED, str(answer), Reason.EXPIRED)
    return Outcome(State.DEFERRED, str(answer), delay=delay(attempts, chance))


def delay(attempts: int, chance: float) -> dt.timedelta:
    """The pause after so many earlier attempts: it doubles, give or take a quarter."""
    grown = min(FIRST_DELAY * (1 << min(attempts, 20)), LONGEST_DELAY)
    return grown * (1 - JITTER + 2 * JITTER * chance)


def pause_after(failures: int, chance: float) -> float:
    """Seconds to leave a server alone that could not be used so many times running."""
    grown: float = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE)
    return grown * (1 - JITTER + 2 * JITTER * chance)
