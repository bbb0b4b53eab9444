"""Making an operator known: the account, and a new key set signed by the firm's root."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from console.hub.ca import OPERATOR_SECONDS, Kind, Term, key_pem
from console.hub.home import Home
from console.hub.store import operators
from console.operator import NewIdentity
from protocol.errors import UsageProblem
from protocol.keyset import DEFAULT_POLICY, KeySet, Operator, sign_keyset
from protocol.limits import MAX_OPERATORS
from protocol.signing import Signer, public_hex
from protocol.vocabulary import Role


def found(connection: Connection, root: Signer, now: int) -> None:
    """The first key set: the default policy, and nobody who may decide."""
    first = KeySet(version=1, operators=(), policy=DEFAULT_POLICY, issued_at=now)
    operators.add_keyset(connection, sign_keyset(first, root))


def enlist(connection: Connection, account: operators.Account, root: Signer, now: int) -> int:
    """Adds an operator and publishes the key set that names them; returns its version."""
    newest = operators.newest_keyset(connection)
    if newest is None:
        raise UsageProblem("the hub has no key set", next_step="run bitewing-console --home DIR init first")
    operators.add(connection, account, now)
    everyone = operators.everyone(connection)
    if len(everyone) > MAX_OPERATORS:
        raise UsageProblem(
            f"a key set holds at most {MAX_OPERATORS} operators, revoked ones included",
            next_step="let one of the operators there are decide; see bitewing-console operator list",
        )
    known = tuple(Operator(one.id, one.public_key, one.role, one.revoked) for one in everyone)
    following = KeySet(newest.keyset.version + 1, known, newest.keyset.policy, now)
    operators.add_keyset(connection, sign_keyset(following, root))
    return following.version


@dataclass(frozen=True, slots=True)
class Person:
    """A new operator, before there are keys."""

    id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Equipped:
    """What the hub keeps of a new operator, and what the operator gets."""

    account: operators.Account
    identity: NewIdentity


def operator_term(now: int, serial: int) -> Term:
    """How long an operator's link certificate is valid."""
    return Term(now, OPERATOR_SECONDS, serial)


def equip(person: Person, home: Home, passphrase: str, term: Term) -> Equipped:
    """Keys and link certificate for a new operator; the signing key leaves here encrypted only."""
    signing, link = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    certificate = home.authority.issue_client(Kind.OPERATOR, person.id, link.public_key(), term)
    identity = NewIdentity(
        id=person.id,
        name=person.name,
        role=person.role,
        hub=home.settings.url,
        key=key_pem(signing, passphrase.encode()),
        link_key=key_pem(link),
        link_certificate=certificate.public_bytes(Encoding.PEM),
        ca=home.authority.certificate_pem,
    )
    keys = public_hex(signing), public_hex(link)
    return Equipped(operators.Account(person.id, person.name, person.role, *keys), identity)
