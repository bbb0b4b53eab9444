"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table of the first version."""
    op.create_table(
        "practices",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("code", sa.String(25), nullable=False, unique=True),
        sa.Column("opens", sa.String(5)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("agent_key", sa.String(64)),
        sa.Column("words", sa.String(64)),
        sa.Column("enrolment", sa.BigInteger, nullable=False),
        sa.Column("acked", sa.BigInteger, nullable=False),
        sa.Column("agent_version", sa.String(19)),
        sa.Column("last_heard", sa.BigInteger),
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(40), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("link_key", sa.String(64), nullable=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "keysets",
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("issued_at", sa.BigInteger, nullable=False),
        sa.Column("signed", sa.Text, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("secret_digest", sa.String(64), primary_key=True),
        sa.Column("practice", sa.String(32), sa.ForeignKey("practices.id"), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_by", sa.String(64)),
        sa.Column("used_at", sa.BigInteger),
    )
    op.create_table(
        "events",
        sa.Column("practice", sa.String(32), sa.ForeignKey("practices.id"), primary_key=True),
        sa.Column("enrolment", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "latest",
        sa.Column("practice", sa.String(32), sa.ForeignKey("practices.id"), primary_key=True),
        sa.Column("topic", sa.String(48), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("practice", sa.String(32), sa.ForeignKey("practices.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("queued_at", sa.BigInteger, nullable=False),
        sa.Column("delivered_at", sa.BigInteger),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("outcome", sa.String(16)),
        sa.Column("refusal", sa.String(32)),
        sa.Column("ledger", sa.BigInteger),
    )
    op.create_index("orders_by_practice", "orders", ["practice", "answered_at", "number"])
    op.create_table(
        "decisions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("practice", sa.String(32), sa.ForeignKey("practices.id"), nullable=False),
        sa.Column("gate", sa.String(16), nullable=False),
        sa.Column("operator", sa.String(32), sa.ForeignKey("operators.id"), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("evidence", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("submitted_at", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.String(32), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("signed", sa.Text, nullable=False),
    )
    op.create_index("decisions_by_practice", "decisions", ["practice", "gate", "submitted_at"])
