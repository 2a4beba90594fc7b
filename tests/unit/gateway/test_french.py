"""Dates, numbers and counts are written as in French."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from services.gateway.domain import french
from services.gateway.domain.sessions import person_of
from services.gateway.settings import GatewaySettings


def test_dates() -> None:
    assert french.day("2025-10-03") == "3 octobre 2025"
    assert french.day(dt.date(2026, 3, 1)) == "1er mars 2026"
    assert french.day("2025-12-31T23:30:00+00:00") == "1er janvier 2026", "the day in Paris"
    assert french.moment("2025-10-03T12:05:00Z") == "3 octobre 2025 à 14 h 05"
    assert french.day(None) == french.moment("") == ""


def test_numbers() -> None:
    assert french.number(1250) == "1\u202f250"
    assert french.number(12.5) == "12,5"
    assert french.count(0, "élève") == "0 élève"
    assert french.count(1250, "élève") == "1\u202f250 élèves"
    assert french.count(2, "cheval", "chevaux") == "2 chevaux"
    assert french.telephone("+33472000000") == "04 72 00 00 00"
    assert french.telephone("+687123456") == "+687123456"


def test_a_person_is_the_account_of_one_issuer() -> None:
    assert person_of("https://a.example", "1") == person_of("https://a.example", "1")
    assert person_of("https://a.example", "1") != person_of("https://b.example", "1")


def test_production_needs_a_provider_keys_https_and_who_answers_for_the_pages() -> None:
    answering = {"publisher": "Éditeur", "contact": "aide@pages.example"}
    common = {"database_url": SecretStr("x"), "amqp_url": SecretStr("y"), **answering}
    with pytest.raises(ValidationError, match="CPRO_OIDC_ISSUER"):
        GatewaySettings.model_validate(common)
    complete: dict[str, Any] = {
        **common, "oidc_issuer": "https://a.example", "person_key_file": Path("x"),
        "signing_key_file": Path("y"),
    }  # fmt: skip
    with pytest.raises(ValidationError, match="https://"):
        GatewaySettings.model_validate({**complete, "public_url": "http://pages.example"})
    complete["public_url"] = "https://pages.example"
    for empty in ({"publisher": " "}, {"contact": ""}):
        with pytest.raises(ValidationError, match="mentions légales à renseigner"):
            GatewaySettings.model_validate({**complete, **empty})
    settings = GatewaySettings.model_validate(complete)
    assert settings.accessibility == "non conforme"
    with pytest.raises(ValidationError, match="un taux, une date et un auteur"):
        GatewaySettings.model_validate({**complete, "accessibility_rate": 100})
    audit = {"accessibility_audited_on": "2026-10-01", "accessibility_auditor": "Cabinet"}
    for rate, state in ((49, "non"), (50, "partiellement"), (100, "totalement")):
        told = {**complete, **audit, "accessibility_rate": rate}
        assert GatewaySettings.model_validate(told).accessibility == f"{state} conforme"
    with pytest.raises(ValidationError, match="une adresse électronique"):
        GatewaySettings.model_validate({**complete, "contact": "personne"})
