"""The firm's own certificate authority: Ed25519, three kinds of certificate, no name from outside ever trusted.

A certificate's subject says what its holder is (OU: hub, agent or operator) and which one (CN: an opaque id). Time and
serial numbers come from the caller.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.errors import ProtocolViolation
from protocol.vocabulary import Rule

DAY = 86_400
CA_SECONDS = 3650 * DAY
"""The authority outlives every migration and its archive period."""
HUB_SECONDS = 397 * DAY
"""The hub's own certificate; a new one is made at every start."""
AGENT_SECONDS = 30 * DAY
"""An agent's certificate covers one engagement; it enrols again for the next."""
OPERATOR_SECONDS = 365 * DAY
"""An operator's link certificate; the signing key is another and is ruled by the key set."""
CLOCK_SLACK = timedelta(minutes=10)
"""A practice's clock may be this far behind and still accept a new certificate."""


class Kind(StrEnum):
    """What the holder of a certificate is."""

    HUB = "hub"
    AGENT = "agent"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is on the other end, as its certificate says. `expires_at` is UTC seconds; `public_key` is raw hex."""

    kind: Kind
    id: str
    public_key: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Term:
    """What the caller's clock and entropy give a certificate: UTC second of issue, lifetime, serial number."""

    start: int
    seconds: int
    serial: int


@dataclass(frozen=True, slots=True)
class Authority:
    """The CA's key and certificate; `issue` signs."""

    key: Ed25519PrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, term: Term) -> Authority:
        """A new authority, self-signed."""
        key = Ed25519PrivateKey.generate()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bitewing hub authority")])
        builder = _builder(name, name, key.public_key(), term)
        usage = _key_usage(signs_certificates=True)
        ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage, critical=True).add_extension(ski, critical=False)
        return cls(key, builder.sign(key, None))

    @classmethod
    def from_pem(cls, key: bytes, certificate: bytes) -> Authority:
        """The authority as `init` wrote it; ValueError when the bytes are something else."""
        loaded = serialization.load_pem_private_key(key, None)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")
        return cls(loaded, x509.load_pem_x509_certificate(certificate))

    @property
    def certificate_pem(self) -> bytes:
        """What agents and operators trust, and nothing else."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue_hub(self, host: str, public_key: Ed25519PublicKey, term: Term) -> x509.Certificate:
        """The hub's server certificate for `host`, a DNS name or an address."""
        builder = self._leaf(Kind.HUB, host, public_key, term)
        names = x509.SubjectAlternativeName([_general_name(host)])
        return builder.add_extension(names, critical=False).sign(self.key, None)

    def issue_client(self, kind: Kind, holder: str, public_key: Ed25519PublicKey, term: Term) -> x509.Certificate:
        """A client certificate for agent or operator `holder`."""
        return self._leaf(kind, holder, public_key, term).sign(self.key, None)

    def _leaf(self, kind: Kind, holder: str, public_key: Ed25519PublicKey, term: Term) -> x509.CertificateBuilder:
        unit = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, kind.value)
        subject = x509.Name([unit, x509.NameAttribute(NameOID.COMMON_NAME, holder)])
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if kind is Kind.HUB else ExtendedKeyUsageOID.CLIENT_AUTH
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = _builder(subject, self.certificate.subject, public_key, term)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        return builder.add_extension(issuer_key, critical=False)


def read_peer(certificate: bytes) -> Peer:
    """Who a DER certificate, already verified by TLS, belongs to; ProtocolViolation when it is not one of ours."""
    parsed = x509.load_der_x509_certificate(certificate)
    key = parsed.public_key()
    units = parsed.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    names = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    kinds = {kind.value: kind for kind in Kind}
    if not isinstance(key, Ed25519PublicKey) or len(units) != 1 or len(names) != 1 or units[0].value not in kinds:
        raise ProtocolViolation(Rule.OUTSIDE_LANGUAGE, where="certificate")
    expires_at = int(parsed.not_valid_after_utc.timestamp())
    return Peer(kinds[str(units[0].value)], str(names[0].value), key.public_bytes_raw().hex(), expires_at)


def key_pem(key: Ed25519PrivateKey, passphrase: bytes | None = None) -> bytes:
    """PKCS#8 PEM of a private key, encrypted when there is a passphrase."""
    kind = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kind)


def _builder(subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey, term: Term) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(term.start, UTC)
    end = start + timedelta(seconds=term.seconds)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(term.serial).not_valid_before(start - CLOCK_SLACK).not_valid_after(end)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
