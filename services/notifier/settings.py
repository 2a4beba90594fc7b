"""The settings of `notifier`: those of any service, and the server that takes its mails."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from services.notifier.domain.text import is_address
from shared.settings import Settings

NO_SENDER = "ne-pas-repondre@localhost.localdomain"


class NotifierSettings(Settings):
    """`CPRO_SMTP_*`, `CPRO_MAIL_FROM` and the addresses of others beside the common settings."""

    smtp_host: str | None = Field(
        default=None, description="the relay that takes the mails; without one they wait"
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="the port of the relay")
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        default="starttls", description="`starttls` is required of the server; `none` is local only"
    )
    smtp_ca_file: Path | None = Field(
        default=None, description="certificates to trust beside the system's (PEM)"
    )
    smtp_user: str | None = Field(default=None, description="log-in to the relay")
    smtp_password: SecretStr | None = Field(
        default=None, description="log-in to the relay; never sent unencrypted"
    )
    smtp_connections: int = Field(default=16, ge=1, le=50, description="at once, in each process")
    smtp_seconds: float = Field(
        default=60, gt=0, le=600, description="bound of one attempt; a claim lasts four times this"
    )
    mail_from: str = Field(
        default=NO_SENDER, description="the sender's address; its domain ends every Message-ID"
    )
    console_url: str = Field(
        default="http://localhost", pattern="^https?://", description="where links lead"
    )
    transfer_url: str | None = Field(default=None, description="`transfer`, for « À faire »")
    etablissement_url: str | None = Field(
        default=None, description="`etablissement`, for who is told on Mondays"
    )

    @field_validator("mail_from")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if not (is_address(value) and value.isascii()):
            raise ValueError("CPRO_MAIL_FROM : une adresse électronique seule, sans accent")
        return value

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.environment == "production" and self.smtp_security == "none":
            raise ValueError("CPRO_SMTP_SECURITY=none est refusé en production")
        if self.environment == "production" and self.smtp_host and self.mail_from == NO_SENDER:
            raise ValueError("CPRO_MAIL_FROM : indiquez l'adresse qui envoie")
        if self.smtp_password is not None and self.smtp_security == "none":
            raise ValueError("un mot de passe ne part pas en clair : CPRO_SMTP_SECURITY")
        return self
