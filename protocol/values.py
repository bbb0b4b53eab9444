"""The scalar types of which every statement and message is made. There is no other kind of string.

Patterns are anchored with \\A and \\Z, because $ also matches before a newline, and name the digits 0-9,
because \\d also matches the digits of other scripts.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from protocol import limits

Id = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z", max_length=32)]
"""128 random bits: practice, run, operator, order, nonce."""

Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z", max_length=64)]
"""256 bits: a statement's SHA-256, a profile's SHA-256, or a blinded set digest. Never the digest of one record."""

PublicKey = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z", max_length=64)]
"""A raw Ed25519 public key."""

KeyId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z", max_length=64)]
"""The SHA-256 of a raw public key."""

SignatureHex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{128}\Z", max_length=128)]
"""A raw Ed25519 signature."""

Secret = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z", max_length=64)]
"""256 random bits of an enrolment token."""

Version = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,4}(\.[0-9]{1,4}){0,3}\Z", max_length=19)]
"""A release of Bitewing, such as 0.1.0."""

Certificate = Annotated[
    str,
    msgspec.Meta(
        pattern=r"\AMII[A-Za-z0-9+/](?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z",
        max_length=(limits.MAX_CERTIFICATE_BYTES + 2) // 3 * 4,
    ),
]
"""Base64 of a DER certificate (MII opens every one of 256 bytes or more). It travels from the hub to the agent only."""

Count = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_COUNT)]
"""An exact total of the practice; never broken down by anything about a person."""

ByteCount = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_BYTES)]
"""A number of bytes."""

Sequence = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_SEQUENCE)]
"""A sequence number or a ledger index."""

Number = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_VERSION)]
"""The version of a policy, a key set or a checklist; 0 means none yet."""

ProtocolVersion = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_PROTOCOL_VERSION)]
"""A version of this protocol."""

Approvals = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_APPROVALS)]
"""How many distinct people must approve."""

Timestamp = Annotated[int, msgspec.Meta(ge=limits.EARLIEST, le=limits.LATEST)]
"""When a process did something, in whole UTC seconds. Never a date from a record."""

Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=limits.MAX_SECONDS)]
"""A length of time in seconds, on a grain of a thousandth."""

Rate = Annotated[float, msgspec.Meta(ge=0.0, le=limits.MAX_RATE)]
"""Images per second, on a grain of a thousandth."""

GRAIN_DIGITS = 3
"""Decimal places that a float keeps; further digits would be a channel and nothing else."""


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every value that is signed or sent: immutable, and closed to fields it does not name."""


def set_grain(value: msgspec.Struct, *fields: str) -> None:
    """Round float fields while `value` is being built, so that finer digits never equal their own re-encoding."""
    for name in fields:
        number = getattr(value, name)
        if number is not None:
            msgspec.structs.force_setattr(value, name, round(float(number), GRAIN_DIGITS) + 0.0)


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, no space, ASCII by construction of the types. Raises TypeError on a foreign type."""
    return msgspec.json.encode(value, order="sorted")
