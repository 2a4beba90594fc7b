"""When a mail is tried again, when it is given up, and when the rounds are due."""

import datetime as dt

import pytest

from services.notifier.domain import delivery
from services.notifier.domain.delivery import Answer
from services.notifier.domain.mails import Reason, State
from services.notifier.domain.schedule import day_due, week_due
from services.notifier.settings import NotifierSettings

LATER = Answer(451, "try later")
HOUR = dt.timedelta(hours=1)


def test_pauses_grow_to_their_bound_and_differ_by_chance() -> None:
    pauses = [delivery.delay(attempts, 0.5) for attempts in range(30)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[1], pauses[-1]) == (HOUR / 60, HOUR / 30, 2 * HOUR)
    assert delivery.delay(0, 0) < delivery.delay(0, 1)
    assert delivery.pause_after(1, 0.5) == 1
    assert delivery.pause_after(100, 0.5) == 60


@pytest.mark.parametrize(
    ("answer", "age", "state", "reason"),
    [
        (LATER, 47 * HOUR, State.DEFERRED, None),
        (LATER, 48 * HOUR, State.FAILED, Reason.EXPIRED),
        (Answer(None, "cut"), HOUR, State.DEFERRED, None),
        (Answer(None, "cut"), 49 * HOUR, State.FAILED, Reason.EXPIRED),
        (Answer(550, "no"), HOUR * 0, State.FAILED, Reason.REFUSED),
        (Answer(499, "odd"), HOUR * 0, State.DEFERRED, None),
    ],
)
def test_what_becomes_of_a_mail_that_was_not_taken(
    answer: Answer, age: dt.timedelta, state: State, reason: Reason | None
) -> None:
    outcome = delivery.refused(answer, 3, age, 0.5)
    assert (outcome.state, outcome.reason) == (state, reason)
    assert (outcome.delay is not None) == (state is State.DEFERRED)


def test_an_answer_of_any_bytes_can_be_kept() -> None:
    assert str(Answer(550, "a\x00b\udcff" + "x" * 1000)).startswith("550 a?b?x")
    assert len(str(Answer(550, "x" * 1000))) == delivery.LONGEST_ANSWER


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        ("2026-01-19T05:59:00Z", None),  # a Monday, 6.59 in Paris
        ("2026-01-19T06:00:00Z", "2026-W04"),
        ("2026-01-19T22:59:00Z", "2026-W04"),
        ("2026-01-19T23:00:00Z", None),  # Tuesday there
        ("2026-07-06T05:00:00Z", "2026-W28"),  # summer time
        ("2025-12-29T08:00:00Z", "2026-W01"),
        ("2026-01-20T08:00:00Z", None),
    ],
)
def test_to_do_is_due_on_monday_mornings_in_paris(moment: str, week: str | None) -> None:
    assert week_due(dt.datetime.fromisoformat(moment)) == week


def test_the_digest_is_due_each_morning_in_paris() -> None:
    assert day_due(dt.datetime(2026, 1, 20, 5, 59, tzinfo=dt.UTC)) is None
    assert day_due(dt.datetime(2026, 1, 20, 6, 0, tzinfo=dt.UTC)) == dt.date(2026, 1, 20)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"environment": "production", "smtp_security": "none"}, "refusé en production"),
        ({"smtp_security": "none", "smtp_password": "x"}, "en clair"),
        ({"environment": "production", "smtp_host": "relay"}, "CPRO_MAIL_FROM"),
        ({"mail_from": "CPro <a@b.fr>"}, "adresse électronique seule"),
    ],
)
def test_settings_that_would_leak_or_break_are_refused(changed: dict[str, str], said: str) -> None:
    usual = {"environment": "local", "database_url": "x", "amqp_url": "x"}
    with pytest.raises(ValueError, match=said):
        NotifierSettings.model_validate(usual | changed)
