"""The enrolment token: one line that takes a practice's agent to this hub, and to no other."""

from __future__ import annotations

import base64

from console.hub.home import Home
from console.operator import HubUrl
from protocol.values import Id, PublicKey, Secret, Timestamp, Value, canonical


class Token(Value, frozen=True):
    """Where the hub is, what proves it (its authority, PEM), the firm's root key, and a secret that is used once."""

    hub: HubUrl
    practice: Id
    secret: Secret
    ca: str
    root: PublicKey
    expires: Timestamp


def write_token(home: Home, practice: str, secret: str, expires: int) -> str:
    """The token as one line of base64url without padding."""
    ca = home.authority.certificate_pem.decode("ascii")
    token = Token(home.settings.url, practice, secret, ca, home.root_public, expires)
    return base64.urlsafe_b64encode(canonical(token)).rstrip(b"=").decode("ascii")
