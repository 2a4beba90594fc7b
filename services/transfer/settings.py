"""The settings of `transfer`: those of any service, and whom it asks."""

from pydantic import Field

from shared.settings import Settings


class TransferSettings(Settings):
    """`CPRO_SIECLE_IMPORT_URL` and `CPRO_DOSSIER_URL` beside the common settings."""

    siecle_import_url: str | None = Field(
        default=None, description="`siecle_import`, which makes the match keys of an INE"
    )
    dossier_url: str | None = Field(
        default=None, description="`dossier`, which tells what it could not handle"
    )
