"""An operator's own folder: who they are, the key that signs decisions, and the certificate for the link.

operator.json   id, name, role, address of the hub
key.pem         Ed25519 signing key, encrypted with the operator's passphrase
link.key/.pem   key and certificate for the connection; it lets one watch, never decide
ca.pem          the hub's authority: the only one trusted
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from console.wire import OperatorName
from protocol.errors import EnvironmentProblem, UsageProblem
from protocol.signing import Signer
from protocol.values import Id, Value
from protocol.vocabulary import Role

HubUrl = Annotated[str, msgspec.Meta(pattern=r"\Awss://[^\s/]+:[0-9]{1,5}\Z", max_length=300)]


class _Card(Value, frozen=True):
    """What operator.json holds."""

    id: Id
    name: OperatorName
    role: Role
    hub: HubUrl


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """Everything `save` writes for a new operator; `key` is the encrypted PEM."""

    id: str
    name: str
    role: Role
    hub: str
    key: bytes
    link_key: bytes
    link_certificate: bytes
    ca: bytes


@dataclass(frozen=True, slots=True)
class OperatorIdentity:
    """An operator as their folder names them. The role that counts is the one in the key set."""

    folder: Path
    id: str
    name: str
    role: Role
    hub: str

    @classmethod
    def load(cls, folder: Path) -> OperatorIdentity:
        """Reads operator.json; UsageProblem when it is missing or not one of ours."""
        card = _read_card(folder / "operator.json")
        return cls(folder, card.id, card.name, card.role, card.hub)

    def unlock(self, passphrase: str) -> Signer:
        """The signing key, for as long as the caller keeps it; UsageProblem when the passphrase is wrong."""
        return Signer(load_key(self.folder / "key.pem", passphrase))

    def tls(self, now: int) -> ssl.SSLContext:
        """TLS 1.3 to the hub: trusts its authority alone, shows the link's certificate.

        UsageProblem when that has expired at `now` (UTC seconds) or is of another authority: the hub would hang up.
        """
        _demand_certificate(self.folder, now)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(self.folder / "ca.pem")
            context.load_cert_chain(self.folder / "link.pem", self.folder / "link.key")
        except OSError as problem:
            raise _unreadable(self.folder, "the link's certificate or the hub's authority cannot be read") from problem
        return context


def save(identity: NewIdentity, folder: Path) -> None:
    """Writes a new operator's folder, keys readable by this user only; UsageProblem when one is already there."""
    card = _Card(identity.id, identity.name, identity.role, identity.hub)
    files = {
        "key.pem": identity.key,
        "link.key": identity.link_key,
        "link.pem": identity.link_certificate,
        "ca.pem": identity.ca,
        "operator.json": msgspec.json.format(msgspec.json.encode(card)) + b"\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_private(folder / name, content)
    except FileExistsError as problem:
        raise UsageProblem(
            "an operator's keys are already there", where=str(folder), next_step="give a new folder with --out"
        ) from problem
    except OSError as problem:
        raise EnvironmentProblem(
            "the operator's folder cannot be written", where=str(folder), next_step="check permissions and free space"
        ) from problem


def write_private(path: Path, content: bytes) -> None:
    """Creates a file that only this user may read; never replaces one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def load_key(path: Path, passphrase: str) -> Ed25519PrivateKey:
    """The Ed25519 key in an encrypted PEM; UsageProblem when the passphrase is wrong or the file is not one."""
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase.encode())
    except OSError as problem:
        raise _unreadable(path, "the key cannot be read") from problem
    except (ValueError, TypeError) as problem:
        raise UsageProblem(
            "the passphrase does not open this key", where=str(path), next_step="type it again"
        ) from problem
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageProblem("not an Ed25519 key", where=str(path), next_step="restore the file from backup")
    return key


def _demand_certificate(folder: Path, now: int) -> None:
    try:
        authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        certificate = x509.load_pem_x509_certificate((folder / "link.pem").read_bytes())
        certificate.verify_directly_issued_by(authority)
    except (OSError, ValueError, TypeError, InvalidSignature) as problem:
        raise _unreadable(folder, "the link's certificate is not of the hub's authority") from problem
    if now >= certificate.not_valid_after_utc.timestamp():
        raise _unreadable(folder, "the link's certificate has expired")


def _read_card(path: Path) -> _Card:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Card)
    except OSError as problem:
        raise _unreadable(path, "no operator is here") from problem
    except msgspec.MsgspecError as problem:
        raise UsageProblem(
            "this is not an operator's card", where=str(path), next_step="take the folder as operator add made it"
        ) from problem


def _unreadable(path: Path, what: str) -> UsageProblem:
    return UsageProblem(what, where=str(path), next_step="give the folder that bitewing-console operator add made")
