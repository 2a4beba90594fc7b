"""No learner's identity leaves `siecle_import`: not into another database, onto the broker, into a
log, a metric, a trace or an address.
"""

from base64 import b64encode
from hashlib import sha256
from urllib.parse import quote

import pytest

from deploy.local.stack import SERVICES
from tests.integration.identity.conftest import Traces
from tests.integration.identity.learners import EVERYONE, FAMILY, FIRST, MARKS, USAGE
from tests.integration.identity.search import found_in

OTHERS = tuple(name for name in SERVICES if name != "siecle_import")
SOMEONE = EVERYONE[20]


@pytest.mark.parametrize("word", [FAMILY, FIRST, USAGE, FAMILY.upper(), USAGE.lower()])
@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-15", "utf-16-le", "utf-16-be"])
def test_the_search_finds_a_name_in_whatever_writing(word: str, encoding: str) -> None:
    data = f"avant {word} après".encode(encoding)
    everywhere = (data, data.hex().encode(), data.hex().upper().encode(), b64encode(data))
    assert all(found_in(one) & set(MARKS) for one in everywhere)


def test_the_search_finds_numbers_and_dates_in_whatever_writing() -> None:
    day, ine = SOMEONE.born, SOMEONE.ine
    for text in (f"{day}", f"{day:%d/%m/%Y}", f"{day:%d%m%Y}", "21 janvier 2010"):
        for data in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode()):
            assert found_in(b"le " + data), data
    assert found_in(quote(f"{day:%d/%m/%Y}", safe="").encode())
    for data in (ine.encode(), ine.lower().encode("utf-16-be"), b64encode(ine.encode())):
        assert found_in(data) == {"INE"}, data
    assert found_in(sha256(ine.encode()).hexdigest().encode()) == {"digest of an INE"}


def test_all_identities_are_in_the_pupil_base(left: Traces) -> None:
    base = left.dumps["siecle_import"]
    assert found_in(base) >= {*MARKS, "INE", f"{SOMEONE.born}"}
    missing = [one for one in EVERYONE if one.family.encode() not in base]
    assert len(missing) <= 1, "all but the one who was erased"
    raw = left.files(f"postgres/data/base/{left.databases['siecle_import']}")
    assert found_in(b"\n".join(raw.values())) >= {*MARKS, "INE"}


@pytest.mark.parametrize("service", OTHERS)
def test_no_other_database_holds_an_identity(left: Traces, service: str) -> None:
    assert len(left.dumps[service]) > 1000, "the story has come here"
    assert found_in(left.dumps[service]) == set()
    for name, data in left.files(f"postgres/data/base/{left.databases[service]}").items():
        assert found_in(data) == set(), name


def test_the_brokers_disk_holds_no_identity(left: Traces) -> None:
    files = left.files("rabbitmq")
    assert any(left.story.moved.encode() in data for data in files.values()), "events were there"
    for name, data in files.items():
        assert found_in(data) == set(), name


def test_no_log_and_no_mail_holds_an_identity(left: Traces) -> None:
    logs = left.files("logs")
    assert {f"{name}-serve.log" for name in SERVICES} <= logs.keys()
    told = logs["siecle_import-serve.log"]
    assert b"CheckViolationError" in told, "an error was told, without its message"
    assert b"consumer.parked" in logs["transfer-serve.log"]
    servers = {
        str(path.relative_to(left.folder)): path.read_bytes() for path in left.folder.rglob("*.log")
    }
    assert b"violates check constraint" in servers["postgres/postgres.log"]
    mails = left.files("mails")
    assert mails
    for name, data in (logs | servers | mails).items():
        assert found_in(data) == set(), name


def test_no_metric_holds_an_identity(left: Traces) -> None:
    assert b"cpro_events_parked_total" in left.metrics["transfer"]
    for service, data in left.metrics.items():
        assert found_in(data) == set(), service


def test_no_trace_holds_an_identity(left: Traces) -> None:
    spans = b"\n".join(left.wire.spans)
    for service in SERVICES:
        assert f"cpro-{service}".encode() in spans, "spans were exported"
    assert found_in(spans) == set()


def test_no_address_holds_an_identity(left: Traces) -> None:
    addresses = left.wire.addresses
    for part in (b"/apprenants/", b"/pupils/search", b"/console/schools/", b"/learners/", b".pdf"):
        assert any(part in one for one in addresses), f"{part!r} was asked for"
    assert {one for one in addresses if found_in(one)} == set()


def test_pages_were_seen(left: Traces) -> None:
    """The addresses above are worth something only if people have been everywhere."""
    for browser in left.story.seen:
        answered = [status for status in browser.seen.values() if status == 200]
        print(f"\n{browser.person.subject}: {len(answered)} pages of {len(browser.seen)} addresses")
        assert len(answered) > 15, (browser.person.subject, browser.seen)
        broken = {path: status for path, status in browser.seen.items() if status >= 500}
        assert broken == {}, browser.person.subject
