"""Operators and the signed key sets that make them known to every practice."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, insert, select

from console.hub.store.tables import keysets, operators
from protocol.errors import UsageProblem
from protocol.keyset import SignedKeySet
from protocol.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Account:
    """An operator with the name only the firm knows, the signing key (raw hex) and the link's key (raw hex)."""

    id: str
    name: str
    role: Role
    public_key: str
    link_key: str
    revoked: bool = False


def add(connection: Connection, account: Account, now: int) -> None:
    """A new operator; UsageProblem when the name is taken."""
    if connection.execute(select(operators.c.id).where(operators.c.name == account.name)).first():
        raise UsageProblem(
            f"the operator {account.name} is already there", next_step="choose another name, or see: operator list"
        )
    row = {"id": account.id, "name": account.name, "role": account.role.value, "public_key": account.public_key}
    connection.execute(insert(operators).values(**row, link_key=account.link_key, revoked=False, created_at=now))


def everyone(connection: Connection) -> tuple[Account, ...]:
    """Every operator, by name."""
    rows = connection.execute(select(operators).order_by(operators.c.name))
    return tuple(
        Account(row.id, row.name, Role(row.role), row.public_key, row.link_key, bool(row.revoked)) for row in rows
    )


def add_keyset(connection: Connection, signed: SignedKeySet) -> None:
    """Publishes a key set; agents that hold an older one get it by order."""
    values = {"version": signed.keyset.version, "issued_at": signed.keyset.issued_at}
    connection.execute(insert(keysets).values(**values, signed=msgspec.json.encode(signed).decode()))


def newest_keyset(connection: Connection) -> SignedKeySet | None:
    """The key set of the highest version, or None before `init`."""
    row = connection.execute(select(keysets.c.signed).order_by(keysets.c.version.desc()).limit(1)).first()
    return None if row is None else msgspec.json.decode(row.signed, type=SignedKeySet)
