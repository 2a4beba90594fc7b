"""The settings of `siecle_import`: those of any service, the secret of the match keys, and more."""

from pathlib import Path

from pydantic import Field

from shared.settings import Settings


class ImportSettings(Settings):
    """`CPRO_MATCH_KEY_FILE` and the others below, beside the common settings."""

    match_key_file: Path = Field(description="secret of the match keys, 32 bytes or more")
    match_key_version: int = Field(default=1, ge=1, description="one more at each new secret")
    transfer_url: str | None = Field(
        default=None, description="`transfer`, asked before anybody is erased: without it nobody is"
    )
    inactive_months: int = Field(
        default=24, ge=1, description="how long who has left is kept after his last deactivation"
    )
