"""The settings that the legal pages are made of: who publishes, who hosts, whom to ask."""

import datetime as dt
import re
from typing import Final, Self

from pydantic import Field, model_validator

from shared.settings import Settings

WHOLLY: Final = 100
PARTLY: Final = 50
"""Per cent of the criteria of the RGAA from which a site conforms partly."""


class Publishing(Settings):
    """Who answers for the pages. Production needs publisher and contact."""

    publisher: str = Field(default="", description="who publishes the pages (name, legal form)")
    publisher_address: str = Field(default="", description="its postal address")
    publication_director: str = Field(default="", description="who answers for what is published")
    hosting: str = Field(default="", description="who hosts: name, address, telephone")
    contact: str = Field(default="", description="e-mail address for questions and accessibility")
    security_contact: str = Field(
        default="", description="e-mail address for weaknesses; the contact without one"
    )
    accessibility_rate: int | None = Field(
        default=None, ge=0, le=100, description="per cent of the criteria met, by the last audit"
    )
    accessibility_audited_on: dt.date | None = Field(default=None, description="day of the audit")
    accessibility_auditor: str = Field(default="", description="who has audited")

    @property
    def accessibility(self) -> str:
        """The state that the law (2005-102, art. 47) wants on the first page: « non conforme »
        until an audit is entered.
        """
        rate = self.accessibility_rate
        if rate == WHOLLY:
            return "totalement conforme"
        return "partiellement conforme" if rate is not None and rate >= PARTLY else "non conforme"

    @model_validator(mode="after")
    def _whole_audit(self) -> Self:
        told = (
            self.accessibility_rate is not None,
            self.accessibility_audited_on is not None,
            bool(self.accessibility_auditor.strip()),
        )
        if any(told) and not all(told):
            raise ValueError("un audit d'accessibilité a un taux, une date et un auteur")
        return self

    @model_validator(mode="after")
    def _answered_for_in_production(self) -> Self:
        if self.environment == "production":
            needed = ("publisher", "contact")
            empty = [f"CPRO_{name.upper()}" for name in needed if not getattr(self, name).strip()]
            if empty:
                raise ValueError(f"mentions légales à renseigner : {', '.join(empty)}")
        for address in (self.contact, self.security_contact):
            if address and not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
                raise ValueError("CPRO_CONTACT, CPRO_SECURITY_CONTACT : une adresse électronique")
        return self
