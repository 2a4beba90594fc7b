"""What travels between services stays readable: every version ever published has a golden file."""

import json
from pathlib import Path

import pytest

from docs import visit
from docs.reference import SERVICES, outdated, service
from shared.envelope import decode
from shared.events import CATALOGUE, heard_by, owned_by

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda p: p.stem)
def test_every_event_ever_published_is_still_read_whole(path: Path) -> None:
    envelope = json.loads(path.read_text())
    received = decode(envelope)
    assert json.loads(received.event.model_dump_json()).items() >= envelope["data"].items()


def test_every_event_of_the_catalogue_has_a_golden_file() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CATALOGUE)


def test_every_event_has_an_owner_and_listeners_that_exist() -> None:
    for event in CATALOGUE.values():
        assert {event.owner, *event.listeners} <= set(SERVICES)
        assert event.listeners


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_handles_events_exactly_if_it_hears_some(name: str) -> None:
    assert (service(name).handle is not None) == bool(heard_by(name))


def test_the_references_are_current() -> None:
    assert outdated() == [], "run `python -m docs.reference`"
    assert visit.missing() == [], "run `make pages`, then `python -m docs.visit`"


def test_nobody_publishes_what_is_not_in_the_catalogue() -> None:
    assert {kind for name in SERVICES for kind in owned_by(name)} == set(CATALOGUE)
