"""Signs the short-lived tokens that the services accept, in the place of an identity provider."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from deploy.local import kept

ISSUER = "cpro-local"
AUDIENCE = "cpro"
LIFETIME = 300
"""Seconds."""


@dataclass(frozen=True)
class Signer:
    """A private key and the file that publishes its public half."""

    key: OKPKey
    jwks_file: Path

    def token(self, claims: Mapping[str, object]) -> str:
        """A token of these claims, valid for five minutes; they win over the usual ones."""
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME}
        header = {"alg": "Ed25519", "kid": self.key.kid}
        return jwt.encode(header, {**usual, **claims}, self.key, algorithms=["Ed25519"])


def signer(folder: Path) -> Signer:
    """The signer whose key is kept in `folder`; a new one the first time."""
    key = OKPKey.import_key(json.loads(kept.secret(folder / "signing.jwk", _new_key)))
    jwks_file = folder / "jwks.json"
    jwks_file.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    return Signer(key, jwks_file)


def _new_key() -> bytes:
    key = OKPKey.generate_key("Ed25519", {"kid": secrets.token_hex(8), "use": "sig"})
    return json.dumps(key.as_dict(private=True)).encode()
