"""Who this agent is: the run's key, its certificate for the link, and the four words people compare aloud."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.home import Home
from engine import identity
from protocol.errors import UsageProblem
from protocol.fourwords import four_words
from protocol.signing import Signer


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the firm's authority certified: the key (64 hex digits) and until when (UTC seconds)."""

    public_key: str
    expires_at: int


def load_signer(home: Home) -> Signer:
    """The run's key, made by `bitewing-engine init`. Raises UsageProblem."""
    return Signer(identity.load(home.identity))


def words(public_key: str) -> str:
    """The four words of a key: the same at the firm and here, or somebody stands between."""
    return " ".join(four_words(bytes.fromhex(public_key)))


def key_of(certificate: x509.Certificate) -> str:
    """The raw public key in a certificate, as 64 hex digits. Raises ValueError if it is no Ed25519 key."""
    key = certificate.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key.public_bytes_raw().hex()


def read_certificate(home: Home) -> Certificate:
    """The certificate that enrolment left. Raises UsageProblem."""
    try:
        certificate = x509.load_pem_x509_certificate(home.certificate.read_bytes())
        key = key_of(certificate)
    except (OSError, ValueError) as problem:
        raise UsageProblem(
            "the agent's certificate is missing or damaged", where=str(home.certificate), next_step="enroll again"
        ) from problem
    return Certificate(key, int(certificate.not_valid_after_utc.timestamp()))
