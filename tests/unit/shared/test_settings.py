"""Settings that would be dangerous are refused at the start."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from shared.clock import Clock
from shared.settings import Settings

DAY = dt.date(2026, 1, 20)


def settings(environment: str) -> Settings:
    return Settings.model_validate(
        {
            "environment": environment,
            "database_url": SecretStr("postgresql://x"),
            "amqp_url": SecretStr("amqp://x"),
            "today": DAY,
        }
    )


def test_a_fixed_day_is_refused_in_production() -> None:
    assert settings("local").today == DAY
    with pytest.raises(ValueError, match="CPRO_TODAY est refusé en production"):
        settings("production")


def test_the_fixed_day_is_the_day_everywhere_and_keeps_the_time_of_day() -> None:
    clock = Clock(DAY)
    assert clock.today(ZoneInfo("Indian/Reunion")) == DAY
    assert clock.now().utcoffset() == dt.timedelta(0)
    assert abs((clock.now().date() - DAY).days) <= 1


def test_secrets_are_not_shown() -> None:
    assert "postgresql" not in repr(settings("local"))
