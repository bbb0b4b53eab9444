"""The tables as they now are. Migrations build them; nothing else may.

Signed statements and events are kept as the exact JSON that was received, so that a reader can verify them again.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

practices = Table(
    "practices",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("code", String(25), nullable=False, unique=True),
    Column("opens", String(5)),
    Column("created_at", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),  # grows with every change an operator could see
    Column("agent_key", String(64)),  # of the agent enrolled now
    Column("words", String(64)),  # its four words
    Column("enrolment", BigInteger, nullable=False),  # grows when another agent key enrols; events count anew
    Column("acked", BigInteger, nullable=False),  # every event up to here is stored
    Column("agent_version", String(19)),
    Column("last_heard", BigInteger),
)

operators = Table(
    "operators",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("public_key", String(64), nullable=False),
    Column("link_key", String(64), nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

keysets = Table(
    "keysets",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("signed", Text, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("secret_digest", String(64), primary_key=True),
    Column("practice", String(32), ForeignKey("practices.id"), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_by", String(64)),  # public key of the agent that used it
    Column("used_at", BigInteger),
)

events = Table(
    "events",
    metadata,
    Column("practice", String(32), ForeignKey("practices.id"), primary_key=True),
    Column("enrolment", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

latest = Table(
    "latest",
    metadata,
    Column("practice", String(32), ForeignKey("practices.id"), primary_key=True),
    Column("topic", String(48), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("practice", String(32), ForeignKey("practices.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("delivered_at", BigInteger),
    Column("answered_at", BigInteger),
    Column("outcome", String(16)),
    Column("refusal", String(32)),
    Column("ledger", BigInteger),
    Index("orders_by_practice", "practice", "answered_at", "number"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("practice", String(32), ForeignKey("practices.id"), nullable=False),
    Column("gate", String(16), nullable=False),
    Column("operator", String(32), ForeignKey("operators.id"), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("evidence", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("order_id", String(32), ForeignKey("orders.id"), nullable=False),
    Column("signed", Text, nullable=False),
    Index("decisions_by_practice", "practice", "gate", "submitted_at"),
)
