"""Figures of the mails: counted as they end, and by state from the table (`docs/operations.md`)."""

from prometheus_client import Counter, Gauge, Histogram

from services.notifier.domain.mails import State
from services.notifier.store import mails, unaddressed
from shared.database import Database

DOMAINS = 50
"""Of refusing domains that have a counter of their own; the others share one."""

ENDED = Counter("cpro_mails_ended", "Attempts by what they ended in", ["state", "reason"])
DELAY = Histogram(
    "cpro_mail_delay_seconds",
    "From the mail's entry in the ledger to the server's acceptance",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400, 172800),
)
REFUSALS = Counter("cpro_mail_refusals", "Refused or deferred mails by domain", ["domain"])
ATTEMPTS = Counter("cpro_mail_attempts", "Mails that were answered, by domain", ["domain"])
SERVER_UP = Gauge("cpro_mail_server_up", "0 while the mail server can't be used: all mails wait")
BY_STATE = Gauge(
    "cpro_mails", "Mails by state: those that wait, and those that ended in 24 hours", ["state"]
)
WITHOUT_ADDRESS = Gauge("cpro_schools_without_address", "Schools that could not be told something")
NOBODY = Counter("cpro_mails_for_nobody", "Mails not made: nobody to send them to", ["kind"])

_domains: set[str] = set()


def answered(address: str, *, refused: bool) -> None:
    """Count an attempt for the domain of an address, and a refusal if it was one. A domain has
    figures of its own from its first refusal on.
    """
    domain = address.rpartition("@")[2].lower()
    if refused and len(_domains) < DOMAINS:
        _domains.add(domain)
    label = domain if domain in _domains else "other"
    ATTEMPTS.labels(label).inc()
    REFUSALS.labels(label).inc(refused)


async def refresh(database: Database) -> None:
    """Count the mails by state."""
    async with database.connection() as connection:
        counts = await mails.count_by_state(connection)
        WITHOUT_ADDRESS.set(await unaddressed.count(connection))
    for state in State:
        BY_STATE.labels(state).set(counts.get(state, 0))
