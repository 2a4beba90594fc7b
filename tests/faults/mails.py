"""What must hold of mails when all is calm again: each recipient of each event was told, the last
word to everyone was sent, and no copy came too often (docs/mails.md).
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from asyncpg import Record

from shared.events import InspectorAccessToggled
from tests.faults.matrix import Cell
from tests.faults.promises import nothing, promised
from tests.faults.stage import CONNECTIONS, MAILER, SMTP, Stage
from tests.faults.story import concerned
from tests.support.mail import Copy

CLOCKS_DIFFER = dt.timedelta(hours=1)
"""A change that happened so long before an older one overtakes nothing (docs/mails.md)."""

_LEDGER = """
    SELECT id::text, kind, topic, version, happened_at, lower(address) AS address, state, reason,
        (content->>'active')::bool AS active,
        (SELECT count(*) FROM mail_history h WHERE h.mail_id = mail.id AND h.state = 'deferred')
            AS doubts
    FROM mail
    """


async def check_mails(
    stage: Stage, toggles: Sequence[InspectorAccessToggled], cells: Sequence[Cell]
) -> None:
    """Check the ledger against the events, and what the mail server got against the ledger.

    Raises:
        BrokenPromiseError
    """
    ledger = await stage.rows(MAILER, _LEDGER)
    access = [row for row in ledger if row["kind"] == "access"]
    _check_everyone_has_a_mail(access, toggles)
    _check_last_words(access)
    copies = defaultdict(list)
    for copy in stage.mails.copies:
        copies[copy.id.strip("<>").partition("@")[0]].append(copy)
    _check_arrivals(ledger, copies)
    _check_second_copies(stage, ledger, copies, cells)


def _check_everyone_has_a_mail(
    access: Sequence[Record], toggles: Sequence[InspectorAccessToggled]
) -> None:
    """Each event names those whom it concerns, and each of them has his mail about it, once."""
    due = Counter[tuple[object, ...]]()
    for event in toggles:
        addresses = {one.email.lower() for one in event.recipients}
        right = addresses == concerned(event.uai, event.diploma)
        promised(right, f"an event about {event.diploma} in {event.uai} for {len(addresses)}")
        topic = f"access {event.uai} {event.diploma}"
        told_of = (topic, event.version, event.at, event.active)
        due.update((*told_of, address) for address in addresses)
    columns = ("topic", "version", "happened_at", "active", "address")
    made = Counter(tuple(row[name] for name in columns) for row in access)
    promised(not due - made, f"{(due - made).total()} mails that were not made")
    promised(not made - due, f"{(made - due).total()} mails of which no event tells")


def _check_last_words(access: Sequence[Record]) -> None:
    """The newest mail about each thing to each address was sent; an older one was sent as well, or
    is overtaken by a newer one.
    """
    for mail in access:
        newer = [
            other
            for other in access
            if (other["topic"], other["address"]) == (mail["topic"], mail["address"])
            and other["version"] > mail["version"]
        ]
        promised(bool(newer) or mail["state"] == "sent", f"a last word that is {mail['state']}")
        overtaken = mail["state"] == "suppressed" and mail["reason"] == "overtaken"
        promised(overtaken or mail["state"] == "sent", f"a mail {mail['state']}: {mail['reason']}")
        by = [one for one in newer if one["happened_at"] > mail["happened_at"] - CLOCKS_DIFFER]
        promised(bool(by) or not overtaken, "a mail overtaken by none")


def _check_arrivals(ledger: Sequence[Record], copies: Mapping[str, Sequence[Copy]]) -> None:
    """What was sent has arrived where it should, each copy word for word the same."""
    addresses = {row["id"]: row["address"] for row in ledger}
    promised(copies.keys() <= addresses.keys(), "mails that the ledger does not know")
    lost = [row["id"] for row in ledger if row["state"] == "sent" and row["id"] not in copies]
    promised(not lost, f"{len(lost)} mails sent that have not arrived")
    for mail, came in copies.items():
        promised(len({copy.content for copy in came}) == 1, "a mail came twice, in other words")
        right = {copy.recipient.lower() for copy in came} == {addresses[mail]}
        promised(right, "a mail has come to somebody else")


def _check_second_copies(
    stage: Stage,
    ledger: Sequence[Record],
    copies: Mapping[str, Sequence[Copy]],
    cells: Sequence[Cell],
) -> None:
    """A mail comes again once for each answer that the ledger says was missed, which only faults of
    SMTP explain; and one for each connection when its sender was killed.
    """
    cut = any(cell.service == MAILER and cell.fault.name.startswith(SMTP) for cell in cells)
    doubts = {row["id"]: row["doubts"] for row in ledger}
    promised(cut or not any(doubts.values()), "an answer was missed, and nothing was in its way")
    again = {mail: len(came) - 1 for mail, came in copies.items()}
    unknown = sum(max(0, number - doubts[mail]) for mail, number in again.items())
    killed = stage.fleet.killed[MAILER]
    nothing(
        unknown > killed * CONNECTIONS and unknown, f"mails came twice, {killed} senders killed"
    )
