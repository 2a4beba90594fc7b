"""Signs the short-lived tokens that the services accept, in the place of an identity provider; and
makes the keys with which services sign what they send to each other.
"""

import json
import secrets
import time
from collections.abc import Iterable, Mapping
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


def signer(folder: Path, services: Iterable[str]) -> Signer:
    """The signer whose key is kept in `folder`, beside those of `services`; new ones the first
    time. The file of public keys holds all of them.
    """
    key = _kept(folder / "signing.jwk", secrets.token_hex(8))
    own = [_kept(service_key_file(folder, name), f"service:{name}") for name in services]
    jwks_file = folder / "jwks.json"
    jwks_file.write_text(json.dumps(KeySet([key, *own]).as_dict(private=False)))
    return Signer(key, jwks_file)


def service_key_file(folder: Path, service: str) -> Path:
    """Where the private key of a service is kept."""
    return folder / f"{service}.jwk"


def _kept(file: Path, kid: str) -> OKPKey:
    def new() -> bytes:
        key = OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})
        return json.dumps(key.as_dict(private=True)).encode()

    return OKPKey.import_key(json.loads(kept.secret(file, new)))
