"""The settings of `gateway`: who signs people in, whom it asks, what its pages tell."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from services.gateway.publishing import Publishing


class GatewaySettings(Publishing):
    """Beside the common settings and those of the legal pages. Production needs the provider, both
    keys and the address.
    """

    etablissement_url: str | None = Field(default=None, description="who may do what; the card")
    inspector_access_url: str | None = Field(default=None, description="inspectors, their console")
    siecle_import_url: str | None = Field(default=None, description="imports and learners")
    transfer_url: str | None = Field(default=None, description="transfers")
    dossier_url: str | None = Field(default=None, description="dossiers")
    notifier_url: str | None = Field(default=None, description="mails and reminders")

    public_url: str | None = Field(
        default=None,
        description="where staff reach the pages (`https://…`, no slash at its end); register "
        "`…/connexion/retour` and `…/` at the provider; required in production",
    )
    oidc_issuer: str | None = Field(
        default=None, description="issuer of the identity provider; required in production"
    )
    oidc_client_id: str = Field(default="cpro", description="our name at the provider")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="our secret there")
    oidc_scope: str = Field(default="openid email profile", description="scopes that are asked for")
    oidc_emails_verified: bool = Field(
        default=False,
        description="the provider vouches for every address and sends no `email_verified`",
    )
    person_key_file: Path | None = Field(
        default=None,
        description="private key (JWK) that signs the tokens of persons; its public half stands in "
        "`CPRO_JWKS_FILE` of all, its id does not begin with `service:`; required in production",
    )

    product_name: str = Field(default="CPro éducation", description="name in the header")
    version: str = Field(default="dev", description="told in the footer and by `/version`")

    @property
    def address(self) -> str:
        """Where staff reach the pages."""
        return self.public_url or f"http://{self.http_host}:{self.http_port}"

    @property
    def secure(self) -> bool:
        """Whether cookies are for https alone: everywhere but in the local stack."""
        return self.environment == "production"

    def url_of(self, service: str) -> str | None:
        """The base URL of another service, if the settings name it."""
        url: str | None = getattr(self, f"{service}_url")
        return url

    @model_validator(mode="after")
    def _complete_in_production(self) -> Self:
        if self.environment == "production":
            needed = ("public_url", "oidc_issuer", "person_key_file", "signing_key_file")
            missing = [f"CPRO_{name.upper()}" for name in needed if getattr(self, name) is None]
            if missing:
                raise ValueError(f"à renseigner en production : {', '.join(missing)}")
            if not str(self.public_url).startswith("https://"):
                raise ValueError("CPRO_PUBLIC_URL doit commencer par https:// en production")
        return self
