"""The settings of `inspector_access`: those of any service, and where data are asked for."""

from pydantic import Field

from shared.settings import Settings


class AccessSettings(Settings):
    """`CPRO_SIECLE_IMPORT_URL` and `CPRO_DOSSIER_URL` beside the common settings."""

    siecle_import_url: str | None = Field(
        default=None, description="`siecle_import`, which holds the learners"
    )
    dossier_url: str | None = Field(default=None, description="`dossier`, which holds the records")
