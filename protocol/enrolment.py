"""Proof at enrolment that the agent holds the private half of the key it asks a certificate for."""

from __future__ import annotations

from protocol.messages import Enroll
from protocol.signing import Signer, is_signed
from protocol.values import canonical

PAYLOAD_TYPE = "application/vnd.bitewing.enrolment+json"
"""The DSSE payload type of the proof."""


def _proven(practice: str, secret: str, public_key: str) -> bytes:
    return canonical({"practice": practice, "secret": secret, "public_key": public_key})


def make_enroll(practice: str, secret: str, signer: Signer) -> Enroll:
    """The enrolment of `signer`'s key with a token's practice and secret."""
    proof = signer.sign(PAYLOAD_TYPE, _proven(practice, secret, signer.public_key))
    return Enroll(practice, secret, signer.public_key, proof)


def is_proven(enroll: Enroll) -> bool:
    """Whether the sender holds the private key, and made the proof for this practice and secret."""
    proven = _proven(enroll.practice, enroll.secret, enroll.public_key)
    return is_signed(enroll.proof, enroll.public_key, PAYLOAD_TYPE, proven)
