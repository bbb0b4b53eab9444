"""Orders that wait for an agent's answer, and the operators' decisions among them.

An order is durable from the moment it is queued until the agent answers; it is sent again on every new connection,
always under the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Row, case, func, insert, select, update

from console.hub.store.tables import decisions, orders
from protocol.messages import DecisionOrder, Order, OrderBody, OrderResult
from protocol.statements import SignedDecision, statement_digest
from protocol.vocabulary import DecisionVerdict, Gate, Refusal

_KEYSET = "keyset-order"


@dataclass(frozen=True, slots=True)
class Submission:
    """One decision as it was passed on. Times are UTC seconds; `applied_at` only if the agent took it."""

    decision: str
    gate: Gate
    operator: str
    verdict: DecisionVerdict
    evidence: str
    submitted_at: int
    expires_at: int
    delivered_at: int | None
    applied_at: int | None
    refusal: Refusal | None
    ledger: int | None


def queue(connection: Connection, practice: str, order: Order, now: int) -> None:
    """Makes an order durable."""
    kind, body = str(type(order.body).__struct_config__.tag), msgspec.json.encode(order.body).decode()
    row = {"id": order.id, "practice": practice, "kind": kind, "body": body, "queued_at": now}
    connection.execute(insert(orders).values(**row))


def queue_keyset(connection: Connection, practice: str, order: Order, now: int) -> None:
    """Queues a key set unless the same one already waits for this agent."""
    body = msgspec.json.encode(order.body).decode()
    waiting = (orders.c.practice == practice) & orders.c.answered_at.is_(None) & (orders.c.body == body)
    if connection.execute(select(orders.c.id).where(waiting)).first() is None:
        queue(connection, practice, order, now)


def queue_decision(connection: Connection, order_id: str, signed: SignedDecision, operator: str, now: int) -> None:
    """Stores a decision and queues it; the same decision again is the same order."""
    digest, decision = statement_digest(signed.decision), signed.decision
    if connection.execute(select(decisions.c.digest).where(decisions.c.digest == digest)).first():
        return
    queue(connection, decision.practice, Order(order_id, DecisionOrder(signed)), now)
    row = {"digest": digest, "practice": decision.practice, "gate": decision.gate.value, "operator": operator}
    row |= {"verdict": decision.verdict.value, "evidence": decision.evidence, "order_id": order_id}
    times = {"expires_at": decision.expires_at, "submitted_at": now}
    connection.execute(insert(decisions).values(**row, **times, signed=msgspec.json.encode(signed).decode()))


def waiting(connection: Connection, practice: str) -> tuple[Order, ...]:
    """Orders without an answer: key sets first, because decisions are judged by them, then by age."""
    keysets_first = case((orders.c.kind == _KEYSET, 0), else_=1)
    found = (orders.c.practice == practice) & orders.c.answered_at.is_(None)
    rows = connection.execute(select(orders).where(found).order_by(keysets_first, orders.c.number))
    return tuple(Order(row.id, msgspec.json.decode(row.body, type=OrderBody)) for row in rows)


def newest_waiting(connection: Connection) -> Mapping[str, int]:
    """For each practice with orders that wait, the number of the newest."""
    newest = select(orders.c.practice, func.max(orders.c.number).label("number"))
    rows = connection.execute(newest.where(orders.c.answered_at.is_(None)).group_by(orders.c.practice))
    return {row.practice: row.number for row in rows}


def mark_delivered(connection: Connection, order_ids: Iterable[str], now: int) -> None:
    """Records the first time an order was handed to the agent's connection."""
    first = orders.c.id.in_(list(order_ids)) & orders.c.delivered_at.is_(None)
    connection.execute(update(orders).where(first).values(delivered_at=now))


def settle(connection: Connection, practice: str, result: OrderResult, now: int) -> None:
    """Records the agent's answer; an answer to an order that is not this practice's changes nothing."""
    found = (orders.c.id == result.order) & (orders.c.practice == practice) & orders.c.answered_at.is_(None)
    refusal = result.refusal.value if result.refusal else None
    answer = {"answered_at": now, "outcome": result.outcome.value, "refusal": refusal, "ledger": result.ledger}
    connection.execute(update(orders).where(found).values(**answer))


def submissions(connection: Connection, practices: Iterable[str]) -> Mapping[str, tuple[Submission, ...]]:
    """Every practice's decisions, oldest first."""
    found: dict[str, tuple[Submission, ...]] = dict.fromkeys(practices, ())
    joined = select(decisions, orders).join(orders, decisions.c.order_id == orders.c.id)
    rows = connection.execute(joined.where(decisions.c.practice.in_(found)).order_by(decisions.c.submitted_at))
    for row in rows:
        found[row.practice] += (_submission(row),)
    return found


def _submission(row: Row[tuple[object, ...]]) -> Submission:
    return Submission(
        decision=row.digest,
        gate=Gate(row.gate),
        operator=row.operator,
        verdict=DecisionVerdict(row.verdict),
        evidence=row.evidence,
        submitted_at=row.submitted_at,
        expires_at=row.expires_at,
        delivered_at=row.delivered_at,
        applied_at=row.answered_at if row.outcome == "done" else None,
        refusal=Refusal(row.refusal) if row.refusal else None,
        ledger=row.ledger,
    )
