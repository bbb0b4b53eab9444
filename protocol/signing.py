"""Ed25519 signatures over DSSE's pre-authentication encoding, made and checked by securesystemslib.

A signature covers its payload's type and length as well as its bytes, so a signature over one kind of
statement is never one over another. The libraries are loaded on first use: they take longer to load than
the rest of the protocol together, and most commands never sign.
"""

# ruff: noqa: PLC0415 - securesystemslib loads on first use; see the docstring of protocol.signing
from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from protocol.values import KeyId, SignatureHex, Value

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Signature(Value, frozen=True):
    """A detached DSSE signature: which key, and 64 bytes. The payload is the value that travels beside it."""

    keyid: KeyId
    sig: SignatureHex


def keyid_of(public_key: str) -> str:
    """The SHA-256 of a raw public key given as 64 hex digits."""
    return sha256(bytes.fromhex(public_key)).hexdigest()


def public_hex(private: Ed25519PrivateKey) -> str:
    """The raw public key of a private key, as 64 hex digits."""
    return private.public_key().public_bytes_raw().hex()


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """The bytes that a DSSE signature covers."""
    from securesystemslib.dsse import Envelope

    encoded: bytes = Envelope(payload, payload_type, {}).pae()
    return encoded


class Signer:
    """An Ed25519 private key that signs payloads. `public_key` and `keyid` name it."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        from securesystemslib.signer import CryptoSigner, SSlibKey

        self.public_key = public_hex(private)
        self.keyid = keyid_of(self.public_key)
        self._signer = CryptoSigner(private, SSlibKey.from_crypto(private.public_key(), self.keyid))

    def sign(self, payload_type: str, payload: bytes) -> Signature:
        """Sign `payload` as `payload_type`."""
        made = self._signer.sign(pre_authentication_encoding(payload_type, payload))
        return Signature(keyid=made.keyid, sig=made.signature)


def is_signed(signature: Signature, public_key: str, payload_type: str, payload: bytes) -> bool:
    """Whether `signature` is `public_key`'s own over exactly this payload and type."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature as LibrarySignature
    from securesystemslib.signer import SSlibKey

    if signature.keyid != keyid_of(public_key):
        return False
    key = SSlibKey(signature.keyid, "ed25519", "ed25519", {"public": public_key})
    made = LibrarySignature(signature.keyid, signature.sig)
    try:
        key.verify_signature(made, pre_authentication_encoding(payload_type, payload))
    except UnverifiedSignatureError:
        return False
    return True
