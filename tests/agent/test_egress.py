"""The egress log: readable, exact, and impossible to change without being noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.egress import CHAIN_START, EgressLog, lines, verify
from protocol.errors import EnvironmentProblem

FRAMES = (b'{"type":"hello","n":1}', b'{"type":"event","seq":1,"x":0.1}', b'{"type":"event","seq":2}')


def _filled(path: Path) -> Path:
    with EgressLog(path) as log:
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
    with EgressLog(tmp_path / "e.jsonl") as log:
        assert log.head == CHAIN_START
    assert verify(tmp_path / "e.jsonl").frames == 0
    assert verify(tmp_path / "absent.jsonl").frames == 0


@pytest.mark.fault
@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_cut_off_and_the_chain_goes_on(tmp_path: Path, cut: int) -> None:
    path = _filled(tmp_path / "e.jsonl")
    path.write_bytes(path.read_bytes()[:-cut])
    assert verify(path).frames == 2
    with EgressLog(path) as log:
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
        EgressLog(path)


@pytest.mark.fault
def test_a_frame_that_cannot_be_written_raises_before_it_is_sent(tmp_path: Path) -> None:
    log = EgressLog(tmp_path / "e.jsonl")
    log.close()
    with pytest.raises((EnvironmentProblem, ValueError)):
        log.record(b"{}", 0)
    with pytest.raises(EnvironmentProblem, match="nothing is sent"):
        EgressLog(tmp_path / "no" / "e.jsonl")


def test_every_frame_is_synced_before_it_may_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    path = tmp_path / "e.jsonl"
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(path.stat().st_size))
    with EgressLog(path) as log:
        log.record(FRAMES[0], 1)
        assert synced == [path.stat().st_size]
        log.record(FRAMES[1], 2)
        assert synced[-1] == path.stat().st_size > synced[0]
