"""The settings of any service, read once at the start from `CPRO_*` variables.

`CPRO_SECRETS_DIR` names a folder of files called as the variables are (`cpro_database_url`).
"""

import datetime as dt
import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What every service needs; a service with more of its own derives from this class."""

    # (An error about one setting would show all others.)
    model_config = SettingsConfigDict(env_prefix="CPRO_", frozen=True, hide_input_in_errors=True)
    model_config["secrets_dir"] = os.environ.get("CPRO_SECRETS_DIR")

    environment: Literal["local", "production"] = Field(
        default="production", description="`local` allows `CPRO_TODAY` and readable logs"
    )
    database_url: SecretStr = Field(description="PostgreSQL of this service alone")
    database_pool_size: int = Field(default=8, ge=2, description="connections at the most")
    amqp_url: SecretStr = Field(description="RabbitMQ, with the virtual host")
    http_host: str = Field(default="127.0.0.1", description="where it listens")
    http_port: int = Field(default=8000, ge=0, le=65535, description="where it listens")
    jwks_file: Path | None = Field(
        default=None, description="public keys that sign the tokens (JSON Web Key Set)"
    )
    signing_key_file: Path | None = Field(
        default=None,
        description="private key (JWK, id `service:<name>`) that signs what it sends to services",
    )
    stop_seconds: float = Field(default=10, gt=0, description="bound of a graceful stop")
    training: bool = Field(
        default=False, description="« Formation »: told on each page, and no mail is sent"
    )
    today: dt.date | None = Field(
        default=None, description="the day that demonstrations and tests play on"
    )

    @model_validator(mode="after")
    def _no_fixed_day_in_production(self) -> Self:
        if self.environment == "production" and self.today is not None:
            raise ValueError("CPRO_TODAY est refusé en production : retirez cette variable")
        return self
