"""Refusals are told beside attempts, for the domains that refuse."""

import pytest
from prometheus_client import REGISTRY

from services.notifier import metrics


def told(name: str, domain: str) -> float:
    return REGISTRY.get_sample_value(f"cpro_mail_{name}_total", {"domain": domain}) or 0


def test_a_domain_is_told_from_its_first_refusal_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_domains", set())
    others = told("attempts", "other")
    metrics.answered("a@one.example", refused=False)
    assert told("attempts", "other") == others + 1
    metrics.answered("a@one.example", refused=True)
    metrics.answered("b@One.example", refused=False)
    assert told("attempts", "one.example") == 2
    assert told("refusals", "one.example") == 1


def test_domains_over_the_limit_share_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_domains", {str(i) for i in range(metrics.DOMAINS)})
    before = told("refusals", "other")
    metrics.answered("a@late.example", refused=True)
    assert told("refusals", "late.example") == 0
    assert told("refusals", "other") == before + 1
