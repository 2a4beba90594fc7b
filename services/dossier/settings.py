"""The settings of `dossier`: those of any service, and whom it asks."""

from pydantic import Field

from shared.settings import Settings


class DossierSettings(Settings):
    """`CPRO_SIECLE_IMPORT_URL` and `CPRO_TRANSFER_URL` beside the common settings."""

    siecle_import_url: str | None = Field(
        default=None, description="`siecle_import`, which `load` asks for learners by INE"
    )
    transfer_url: str | None = Field(
        default=None, description="`transfer`, which `catch-up` asks after a restore"
    )
