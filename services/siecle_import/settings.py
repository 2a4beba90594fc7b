"""The settings of `siecle_import`: those of any service, and the secret of the match keys."""

from pathlib import Path

from pydantic import Field

from shared.settings import Settings


class ImportSettings(Settings):
    """`CPRO_MATCH_KEY_FILE` and `CPRO_MATCH_KEY_VERSION` beside the common settings."""

    match_key_file: Path = Field(description="secret of the match keys, 32 bytes or more")
    match_key_version: int = Field(default=1, ge=1, description="one more at each new secret")
