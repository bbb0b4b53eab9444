"""What each agent said last, by topic: the little that a view of a practice needs of its many events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from console.hub.store.tables import latest


@dataclass(frozen=True, slots=True)
class Said:
    """The newest body on one topic, as JSON. `seq` orders topics among each other; `received_at` is UTC seconds."""

    seq: int
    received_at: int
    body: str


Topics = Mapping[str, Said]


def put(connection: Connection, practice: str, topic: str, said: Said) -> None:
    """Replaces what was last said on `topic`."""
    forget(connection, practice, topic)
    row = {"practice": practice, "topic": topic, "seq": said.seq, "received_at": said.received_at, "body": said.body}
    connection.execute(insert(latest).values(**row))


def get(connection: Connection, practice: str, topic: str) -> Said | None:
    """What was last said on `topic`."""
    found = (latest.c.practice == practice) & (latest.c.topic == topic)
    row = connection.execute(select(latest).where(found)).first()
    return None if row is None else Said(row.seq, row.received_at, row.body)


def forget(connection: Connection, practice: str, topic: str) -> None:
    """Removes a topic."""
    connection.execute(delete(latest).where(latest.c.practice == practice, latest.c.topic == topic))


def forget_alarms(connection: Connection, practice: str) -> None:
    """Removes every alarm."""
    connection.execute(delete(latest).where(latest.c.practice == practice, latest.c.topic.startswith("alarm:")))


def of_practices(connection: Connection, practices: Iterable[str]) -> Mapping[str, Topics]:
    """All topics of each practice."""
    found: dict[str, dict[str, Said]] = {practice: {} for practice in practices}
    for row in connection.execute(select(latest).where(latest.c.practice.in_(found))):
        found[row.practice][row.topic] = Said(row.seq, row.received_at, row.body)
    return found
