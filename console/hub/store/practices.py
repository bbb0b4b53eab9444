"""Practices and the agents enrolled for them. Each function takes the connection of a running transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from console.hub.store.tables import latest, practices, tokens
from protocol.errors import UsageProblem
from protocol.vocabulary import EnrollRefusal

TOKEN_SECONDS = 3600
"""A token is read over the telephone or sent and used at once; after an hour a new one costs nothing."""


@dataclass(frozen=True, slots=True)
class Practice:
    """A practice as the hub knows it. `enrolment` counts agent keys; events up to `acked` of it are stored."""

    id: str
    code: str
    opens: str | None
    revision: int
    agent_key: str | None
    words: tuple[str, ...]
    enrolment: int
    acked: int
    agent_version: str | None
    last_heard: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """An agent that shows a token: for which practice, with which key (raw hex) and that key's four words."""

    practice: str
    secret: str
    public_key: str
    words: tuple[str, ...]


def add(connection: Connection, practice_id: str, code: str, opens: str | None, now: int) -> None:
    """A new practice without an agent; UsageProblem when the code is taken."""
    if connection.execute(select(practices.c.id).where(practices.c.code == code)).first():
        raise UsageProblem(
            f"the practice {code} is already there", next_step="choose another code, or see: practice list"
        )
    row = {"id": practice_id, "code": code, "opens": opens, "created_at": now}
    connection.execute(insert(practices).values(**row, revision=1, enrolment=0, acked=0))


def everyone(connection: Connection) -> tuple[Practice, ...]:
    """Every practice, by code."""
    return tuple(_practice(row) for row in connection.execute(select(practices).order_by(practices.c.code)))


def some(connection: Connection, ids: Iterable[str]) -> tuple[Practice, ...]:
    """Those of the practices that exist."""
    query = select(practices).where(practices.c.id.in_(list(ids))).order_by(practices.c.code)
    return tuple(_practice(row) for row in connection.execute(query))


def find(connection: Connection, code_or_id: str) -> Practice:
    """The practice of that code or id; UsageProblem when there is none."""
    either = (practices.c.code == code_or_id) | (practices.c.id == code_or_id)
    row = connection.execute(select(practices).where(either)).first()
    if row is None:
        raise UsageProblem(f"no practice {code_or_id}", next_step="see bitewing-console practice list")
    return _practice(row)


def by_id(connection: Connection, practice_id: str) -> Practice | None:
    """The practice, or None."""
    row = connection.execute(select(practices).where(practices.c.id == practice_id)).first()
    return None if row is None else _practice(row)


def revisions(connection: Connection) -> Mapping[str, int]:
    """The revision of every practice: what changed is what grew."""
    return {row.id: row.revision for row in connection.execute(select(practices.c.id, practices.c.revision))}


def touch(connection: Connection, practice_id: str, **changes: object) -> None:
    """Records `changes` and that an operator would see a difference."""
    statement = update(practices).where(practices.c.id == practice_id)
    connection.execute(statement.values(revision=practices.c.revision + 1, **changes))


def add_token(connection: Connection, practice_id: str, secret: str, now: int) -> int:
    """Remembers a token by its secret's digest; returns when it expires (UTC seconds)."""
    expires_at = now + TOKEN_SECONDS
    values = {"secret_digest": _digest(secret), "practice": practice_id, "expires_at": expires_at}
    connection.execute(insert(tokens).values(**values))
    return expires_at


def enrol(connection: Connection, claim: Claim, now: int) -> EnrollRefusal | None:
    """Uses the token up for the claim's key. The same token and key again is the same enrolment (a lost reply)."""
    secret_digest = _digest(claim.secret)
    query = select(tokens, practices.c.agent_key).join(practices).where(tokens.c.secret_digest == secret_digest)
    row = connection.execute(query.with_for_update()).first()
    fault = _token_fault(row, claim, now)
    if fault is None and row is not None and row.used_by is None:
        used = update(tokens).where(tokens.c.secret_digest == secret_digest)
        connection.execute(used.values(used_by=claim.public_key, used_at=now))
        _install(connection, claim)
    return fault


def _token_fault(row: Row[tuple[object, ...]] | None, claim: Claim, now: int) -> EnrollRefusal | None:
    if row is None:
        return EnrollRefusal.TOKEN_UNKNOWN
    if row.practice != claim.practice:
        return EnrollRefusal.WRONG_PRACTICE
    if row.used_by is not None and not row.used_by == claim.public_key == row.agent_key:
        return EnrollRefusal.TOKEN_USED
    return EnrollRefusal.TOKEN_EXPIRED if now >= row.expires_at else None


def _install(connection: Connection, claim: Claim) -> None:
    before = by_id(connection, claim.practice)
    if before is not None and before.agent_key == claim.public_key:
        return
    connection.execute(latest.delete().where(latest.c.practice == claim.practice))
    fresh = {"agent_key": claim.public_key, "words": " ".join(claim.words), "acked": 0}
    touch(connection, claim.practice, **fresh, enrolment=practices.c.enrolment + 1)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _practice(row: Row[tuple[object, ...]]) -> Practice:
    return Practice(
        id=row.id,
        code=row.code,
        opens=row.opens,
        revision=row.revision,
        agent_key=row.agent_key,
        words=tuple(row.words.split()) if row.words else (),
        enrolment=row.enrolment,
        acked=row.acked,
        agent_version=row.agent_version,
        last_heard=row.last_heard,
    )
