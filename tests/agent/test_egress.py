"""The egress log: readable, exact, and impossible to change without being noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.egress import EgressLog, lines, verify, verify_whole
from agent.egress_head import CHAIN_START, Head, Marks, OutboxMemory, read_marks
from agent.outbox import Outbox
from protocol.errors import EnvironmentProblem


class Remembered:
    """A memory of the log's head that is not a file; `keep` fails while `fails` says so."""

    def __init__(self) -> None:
        self.newest: Head | None = None
        self.broken: Head | None = None
        self.fails = False

    def marks(self) -> Marks:
        return Marks(self.newest, self.broken)

    def keep(self, head: Head) -> None:
        if self.fails:
            raise EnvironmentProblem("the outbox cannot be used")
        self.newest = head

    def keep_broken(self, head: Head) -> None:
        self.broken = self.broken or head


FRAMES = (b'{"type":"hello","n":1}', b'{"type":"event","seq":1,"x":0.1}', b'{"type":"event","seq":2}')


def _filled(path: Path, memory: Remembered | None = None) -> Path:
    with EgressLog(path, memory or Remembered()) as log:
        for at, frame in enumerate(FRAMES):
            log.record(frame, 1_700_000_000 + at)
    return path


def test_every_line_is_json_with_the_frame_as_an_object(tmp_path: Path) -> None:
    for raw, frame in zip(_filled(tmp_path / "e.jsonl").read_text().splitlines(), FRAMES, strict=True):
        line = json.loads(raw)
        assert list(line) == ["at", "frame", "prev", "hash"]
        assert line["frame"] == json.loads(frame)


def test_the_frame_is_kept_byte_for_byte(tmp_path: Path) -> None:
    assert tuple(bytes(line.frame) for line in lines(_filled(tmp_path / "e.jsonl"))) == FRAMES


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = _filled(tmp_path / "e.jsonl")
    _filled(path)
    verified = verify(path)
    assert verified.frames == 6
    assert verified.bytes_out == 2 * sum(map(len, FRAMES))


def test_an_empty_log_has_the_starting_head(tmp_path: Path) -> None:
    with EgressLog(tmp_path / "e.jsonl", Remembered()) as log:
        assert log.head == CHAIN_START
    assert verify(tmp_path / "e.jsonl").frames == 0
    assert verify(tmp_path / "absent.jsonl").frames == 0


@pytest.mark.fault
@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_cut_off_and_the_chain_goes_on(tmp_path: Path, cut: int) -> None:
    path = _filled(tmp_path / "e.jsonl")
    path.write_bytes(path.read_bytes()[:-cut])
    assert verify(path).frames == 2
    with EgressLog(path, Remembered()) as log:
        log.record(b'{"again":true}', 1_700_000_009)
    assert verify(path).frames == 3


@pytest.mark.attack
@settings(max_examples=200, deadline=None)
@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_changed_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, position: int, bit: int) -> None:
    path = _filled(tmp_path_factory.mktemp("egress") / "e.jsonl")
    before = verify(path)
    data = bytearray(path.read_bytes())
    data[position % (len(data) - 1)] ^= 1 << bit
    path.write_bytes(data)
    try:
        after = verify(path)
    except EnvironmentProblem as problem:
        assert "line" in problem.where
    else:
        assert after != before


@pytest.mark.attack
def test_a_removed_moved_or_repeated_line_is_noticed(tmp_path: Path) -> None:
    path = _filled(tmp_path / "e.jsonl")
    first, second, third = path.read_bytes().splitlines(keepends=True)
    for forged in (second + third, first + third, second + first + third, first + second + second + third):
        path.write_bytes(forged)
        with pytest.raises(EnvironmentProblem, match="changed after it was written"):
            verify(path)


@pytest.mark.attack
def test_an_agent_does_not_append_to_a_changed_last_line(tmp_path: Path) -> None:
    path = _filled(tmp_path / "e.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"seq":2', b'"seq":3'))
    with pytest.raises(EnvironmentProblem, match="changed after it was written"):
        EgressLog(path, Remembered())


@pytest.mark.fault
def test_a_frame_that_cannot_be_written_raises_before_it_is_sent(tmp_path: Path) -> None:
    log = EgressLog(tmp_path / "e.jsonl", Remembered())
    log.close()
    with pytest.raises((EnvironmentProblem, ValueError)):
        log.record(b"{}", 0)
    with pytest.raises(EnvironmentProblem, match="nothing is sent"):
        EgressLog(tmp_path / "no" / "e.jsonl", Remembered())


def test_every_frame_is_synced_before_it_may_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    path = tmp_path / "e.jsonl"
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(path.stat().st_size))
    with EgressLog(path, Remembered()) as log:
        log.record(FRAMES[0], 1)
        assert synced == [path.stat().st_size]
        log.record(FRAMES[1], 2)
        assert synced[-1] == path.stat().st_size > synced[0]


def test_what_went_out_is_remembered_across_restarts(tmp_path: Path) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    _filled(path, memory)
    _filled(path, memory)
    assert memory.newest == Head(6, path.stat().st_size, verify(path).head)
    assert memory.broken is None
    assert verify_whole(path, memory.marks) == (verify(path), True)


@pytest.mark.attack
@pytest.mark.parametrize("left", range(len(FRAMES)))
def test_an_end_that_was_cut_off_is_noticed_and_never_forgotten(tmp_path: Path, left: int) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    whole = _filled(path, memory).read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:left]))
    _is_not_what_the_agent_wrote(path, memory)
    known = memory.newest
    with EgressLog(path, memory) as log:
        log.record(FRAMES[0], 1_700_000_009)
    assert memory.broken == known
    _filled(path, memory)
    assert memory.broken == known
    _is_not_what_the_agent_wrote(path, memory)


@pytest.mark.attack
def test_a_log_that_was_removed_whole_is_noticed(tmp_path: Path) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    _filled(path, memory).unlink()
    _is_not_what_the_agent_wrote(path, memory)
    EgressLog(path, memory).close()
    _is_not_what_the_agent_wrote(path, memory)


@pytest.mark.attack
@pytest.mark.parametrize("frames", [3, 4, 9])
def test_the_log_of_another_run_is_noticed(tmp_path: Path, frames: int) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    _filled(path, memory).unlink()
    with EgressLog(path, Remembered()) as other:
        for n in range(frames):
            other.record(b'{"type":"event","n":%d}' % n, 1_700_000_000)
    _is_not_what_the_agent_wrote(path, memory)
    EgressLog(path, memory).close()
    assert memory.broken is not None


@pytest.mark.attack
def test_lines_added_behind_the_agents_back_are_noticed(tmp_path: Path) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    _filled(path, memory)
    _filled(path)
    _is_not_what_the_agent_wrote(path, memory)
    EgressLog(path, memory).close()
    assert memory.broken is not None


@pytest.mark.attack
@pytest.mark.parametrize("forgery", ["another log, one frame longer", "only the newest frame"])
def test_one_frame_more_is_believed_only_behind_the_log_that_is_known(tmp_path: Path, forgery: str) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    _filled(path, memory)
    with EgressLog(path, Remembered()) as log:
        log.record(FRAMES[0], 9)
    newest = path.read_bytes().splitlines(keepends=True)[-1]
    if forgery == "only the newest frame":
        path.write_bytes(newest)
    else:
        path.unlink()
        with EgressLog(path, Remembered()) as log:
            for frame in (*FRAMES, FRAMES[0]):
                log.record(frame, 1_800_000_000 if frame is not FRAMES[0] else 1_700_000_000)
    EgressLog(path, memory).close()
    assert memory.broken is not None


@pytest.mark.fault
def test_a_power_cut_between_log_and_memory_is_explained(tmp_path: Path) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    with EgressLog(path, memory) as log:
        log.record(FRAMES[0], 1)
        memory.fails = True
        with pytest.raises(EnvironmentProblem):
            log.record(FRAMES[1], 2)
    memory.fails = False
    assert verify_whole(path, memory.marks)[0].frames == 2
    _filled(path, memory)
    assert memory.broken is None
    assert verify_whole(path, memory.marks)[0].frames == 5


@pytest.mark.fault
def test_a_memory_that_keeps_failing_never_falls_two_frames_behind(tmp_path: Path) -> None:
    path, memory = tmp_path / "e.jsonl", Remembered()
    with EgressLog(path, memory) as log:
        memory.fails = True
        for at in range(3):
            with pytest.raises(EnvironmentProblem):
                log.record(FRAMES[0], at)
        assert verify_whole(path, memory.marks)[0].frames == 1
        memory.fails = False
        log.record(FRAMES[1], 9)
    assert verify_whole(path, memory.marks)[0].frames == 2


@pytest.mark.fault
@pytest.mark.parametrize("written", [0, 10, 10_000])
def test_a_disk_that_fills_up_in_a_line_leaves_a_whole_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    path, memory = _filled(tmp_path / "e.jsonl"), Remembered()
    with EgressLog(path, memory) as log:

        def full(handle: int) -> None:
            os.ftruncate(handle, min(size + written, path.stat().st_size))
            raise OSError(28, "No space left on device")

        size = path.stat().st_size
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full)
            with pytest.raises(EnvironmentProblem, match="nothing is sent"):
                log.record(FRAMES[0], 1)
        log.record(FRAMES[1], 2)
    assert verify_whole(path, memory.marks)[0].frames == 4


def test_a_log_from_before_the_memory_is_taken_over_and_said_to_be(tmp_path: Path) -> None:
    path, memory = _filled(tmp_path / "e.jsonl"), Remembered()
    assert verify_whole(path, memory.marks)[1] is False
    EgressLog(path, memory).close()
    assert memory.broken is None
    assert verify_whole(path, memory.marks) == (verify(path), True)


def test_the_outbox_remembers_and_can_be_asked_while_an_agent_works(tmp_path: Path) -> None:
    path, place = tmp_path / "e.jsonl", tmp_path / "outbox.sqlite"
    assert read_marks(place) == Marks(None, None)
    outbox = Outbox(place, None)
    with EgressLog(path, OutboxMemory(outbox)) as log:
        log.record(FRAMES[0], 1)
        assert read_marks(place) == OutboxMemory(outbox).marks() == Marks(Head(1, path.stat().st_size, log.head), None)
        assert verify_whole(path, lambda: read_marks(place))[1]
    OutboxMemory(outbox).keep_broken(Head(7, 7, "7" * 64))
    OutboxMemory(outbox).keep_broken(Head(8, 8, "8" * 64))
    outbox.close()
    assert read_marks(place).broken == Head(7, 7, "7" * 64)


@pytest.mark.parametrize("content", [b"garbage" * 100, b""])
def test_an_outbox_that_cannot_be_asked_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(content)
    with pytest.raises(EnvironmentProblem) as problem:
        read_marks(tmp_path / "outbox.sqlite")
    assert problem.value.where == "outbox.sqlite" and problem.value.next_step


def _is_not_what_the_agent_wrote(path: Path, memory: Remembered) -> None:
    with pytest.raises(EnvironmentProblem, match="not what the agent wrote") as problem:
        verify_whole(path, memory.marks)
    assert problem.value.where == path.name and problem.value.next_step
