"""The outbox: nothing lost, nothing doubled, and a week offline stays small, whatever happens in between."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.outbox import WINDOW, Outbox
from protocol.errors import EnvironmentProblem

OWNER = "a" * 64
SLOTS = ("progress:stage", "progress:convert", "findings:convert")


def _open(folder: Path) -> Outbox:
    return Outbox(folder / "outbox.sqlite", OWNER)


@settings(max_examples=30, stateful_step_count=30, deadline=None)
class OutboxMachine(RuleBasedStateMachine):
    """A hub that stores by sequence number, a link that loses frames and acknowledgements, an agent that is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-"))
        self.outbox = _open(self.folder)
        self.lasting: list[bytes] = []
        self.newest: dict[str, bytes] = {}
        self.hub: dict[int, bytes] = {}
        self.hub_acked = 0
        self.made = 0

    def teardown(self) -> None:
        self.drain()
        stored = [self.hub[seq] for seq in sorted(self.hub)]
        assert sorted(self.hub) == list(range(1, len(self.hub) + 1))
        assert [body for body in stored if body.startswith(b"lasting")] == self.lasting
        assert len(set(stored)) == len(stored)
        for slot, body in self.newest.items():
            assert [b for b in stored if b.startswith(slot.encode())][-1] == body
        self.outbox.close()
        shutil.rmtree(self.folder)

    def body(self, kind: str) -> bytes:
        self.made += 1
        return f"{kind}#{self.made}".encode()

    @rule()
    def evidence(self) -> None:
        body = self.body("lasting")
        self.outbox.queue(body, self.made)
        self.lasting.append(body)

    @rule(slot=st.sampled_from(SLOTS), times=st.integers(1, 30))
    def progress(self, slot: str, times: int) -> None:
        for _ in range(times):
            self.newest[slot] = self.body(slot)
            self.outbox.queue(self.newest[slot], self.made, slot)

    @rule(count=st.integers(0, 100))
    def send(self, count: int) -> None:
        for event in self.outbox.take()[:count]:
            assert self.hub.setdefault(event.seq, event.body) == event.body
        while self.hub_acked + 1 in self.hub:
            self.hub_acked += 1

    @rule()
    def acknowledgement_arrives(self) -> None:
        self.outbox.acknowledge(self.hub_acked)

    @precondition(lambda self: self.hub_acked)
    @rule(data=st.data())
    def late_acknowledgement_arrives(self, data: st.DataObject) -> None:
        self.outbox.acknowledge(data.draw(st.integers(0, self.hub_acked)))

    @rule()
    def killed_and_started_again(self) -> None:
        self.outbox.close()
        self.outbox = _open(self.folder)

    @rule()
    def a_step_fails_half_way(self) -> None:
        with pytest.raises(ZeroDivisionError), self.outbox.step():
            self.outbox.queue(self.body("never"), self.made)
            self.outbox.remember("ledger_taken", "99")
            raise ZeroDivisionError

    @invariant()
    def what_can_be_coalesced_is_bounded(self) -> None:
        unacked = sum(1 for seq, body in self.hub.items() if body.startswith(b"lasting") and seq <= self.outbox.acked)
        assert self.outbox.pending <= WINDOW + len(SLOTS) + len(self.lasting) - unacked

    @invariant()
    def a_failed_step_left_nothing(self) -> None:
        assert self.outbox.fact("ledger_taken", "0") == "0"

    def drain(self) -> None:
        while self.outbox.pending:
            self.send(WINDOW)
            self.outbox.acknowledge(self.hub_acked)


TestOutbox = OutboxMachine.TestCase


def test_a_week_offline_stays_small(tmp_path: Path) -> None:
    outbox = _open(tmp_path)
    with outbox.step():
        for second in range(5_000):
            outbox.queue(b"progress", second, "progress:convert")
    outbox.queue(b"evidence", 5_001)
    assert outbox.pending == 2
    assert [(event.seq, event.at) for event in outbox.take()] == [(1, 4_999), (2, 5_001)]


def test_what_a_silent_hub_leaves_in_flight_is_bounded(tmp_path: Path) -> None:
    outbox = _open(tmp_path)
    for second in range(WINDOW + 40):
        outbox.queue(b"progress", second, "progress:convert")
        outbox.take()
    assert len(outbox.take()) == WINDOW
    assert outbox.pending == WINDOW + 1


def test_what_was_sent_is_sent_again_unchanged_under_its_own_number(tmp_path: Path) -> None:
    outbox = _open(tmp_path)
    outbox.queue(b"old", 1, "progress:convert")
    assert [(e.seq, e.body) for e in outbox.take()] == [(1, b"old")]
    outbox.queue(b"new", 2, "progress:convert")
    outbox.close()
    assert [(e.seq, e.body) for e in _open(tmp_path).take()] == [(1, b"old"), (2, b"new")]


def test_an_answer_is_remembered_with_the_event_that_carries_it(tmp_path: Path) -> None:
    outbox = _open(tmp_path)
    with outbox.step():
        outbox.answered("f" * 32, b"result")
        outbox.queue(b"result", 1)
    outbox.close()
    again = _open(tmp_path)
    assert again.answer("f" * 32) == b"result"
    assert again.answer("0" * 32) is None
    assert again.pending == 1


def test_numbers_go_on_after_what_the_hub_already_knows(tmp_path: Path) -> None:
    outbox = _open(tmp_path)
    outbox.acknowledge(41)
    outbox.queue(b"evidence", 1)
    assert [event.seq for event in outbox.take()] == [42]


def test_the_outbox_of_another_run_is_refused(tmp_path: Path) -> None:
    _open(tmp_path).close()
    with pytest.raises(EnvironmentProblem, match="another practice or run"):
        Outbox(tmp_path / "outbox.sqlite", "b" * 64)


def test_a_newer_outbox_is_refused(tmp_path: Path) -> None:
    _open(tmp_path).close()
    with sqlite3.connect(tmp_path / "outbox.sqlite") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(EnvironmentProblem, match="newer version"):
        _open(tmp_path)


@pytest.mark.fault
@pytest.mark.parametrize(
    "content", [b"not a database, but some forty bytes of text", b"SQLite format 3\0" + b"\xff" * 4080]
)
def test_a_damaged_outbox_says_what_to_do_and_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(content)
    with pytest.raises(EnvironmentProblem, match="move it"):
        _open(tmp_path)
    assert path.read_bytes() == content


def test_every_commit_is_synced(tmp_path: Path) -> None:
    outbox = _open(tmp_path)
    assert outbox._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert outbox._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
