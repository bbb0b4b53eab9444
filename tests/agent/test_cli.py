"""The command line: exit codes, one JSON object, sentences for people, and bad input told clearly."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent import compose, status
from agent.cli.main import main
from agent.cli.status import _screen
from agent.failures import Failure
from agent.home import hold
from agent.link import LinkState
from agent.road import AwaitApprovals
from agent.supervisor import Activity
from protocol.errors import EnvironmentProblem
from protocol.vocabulary import Gate
from tests.agent.conftest import Practice
from tests.simulators.hub import Firm, SimulatedHub


def command(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, str]]:
    """Exit code and the one JSON object of a command that must fail; stderr holds its sentence."""
    code, out, err = command(capsys, *words, "--json")
    (line,) = out.splitlines()
    document = json.loads(line)
    assert document["error"] in err
    assert document["next"]
    return code, document


@pytest.mark.parametrize("verb", ["run", "status", "egress", "approve x", "enroll x"])
def test_a_verb_without_a_job_says_how_to_name_one(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    code, document = refused(capsys, *verb.split())
    assert code == 2
    assert "--job DIR" in document["next"]


def test_a_folder_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, document = refused(capsys, "--job", tmp_path / "nowhere", "status")
    assert (code, document["where"]) == (2, str(tmp_path / "nowhere"))


def test_a_job_that_was_not_initialised_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, document = refused(capsys, "--job", tmp_path, "run")
    assert code == 2
    assert "init" in document["next"]


@pytest.mark.parametrize("verb", ["run", "status"])
def test_an_agent_that_is_not_enrolled_says_so(
    capsys: pytest.CaptureFixture[str], practice: Practice, verb: str
) -> None:
    code, document = refused(capsys, "--job", practice.folder, verb)
    assert code == 2
    assert "enroll" in document["next"]


@pytest.mark.parametrize("words", [("dance",), ("run", "--fast"), ("egress", "--verifi"), ("approve",)])
def test_a_misspelt_command_is_a_usage_problem(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert refused(capsys, *words)[0] == 2


def test_json_and_job_may_stand_before_or_after_the_verb(
    capsys: pytest.CaptureFixture[str], practice: Practice
) -> None:
    before = command(capsys, "--json", "--job", practice.folder, "egress", "--verify")
    after = command(capsys, "egress", "--verify", f"--job={practice.folder}", "--json")
    assert before == after
    assert json.loads(before[1]) == {"intact": True, "frames": 0, "bytes": 0, "head": "0" * 64, "end_known": False}


def test_a_garbled_token_is_a_usage_problem(capsys: pytest.CaptureFixture[str], practice: Practice) -> None:
    assert refused(capsys, "--job", practice.folder, "enroll", "garbage")[0] == 2


def test_an_expired_token_is_a_usage_problem(
    capsys: pytest.CaptureFixture[str], practice: Practice, firm: Firm
) -> None:
    token = firm.token("wss://127.0.0.1:1", expires=int(time.time()) - 5)
    code, document = refused(capsys, "--job", practice.folder, "enroll", token)
    assert code == 2
    assert "expired" in document["error"]


def test_a_hub_that_is_not_there_is_an_environment_problem(
    capsys: pytest.CaptureFixture[str], practice: Practice, firm: Firm
) -> None:
    assert refused(capsys, "--job", practice.folder, "enroll", firm.token("wss://127.0.0.1:1"))[0] == 5
    document = refused(capsys, "--job", practice.folder, "enroll", firm.token("wss://127.0.0.1:1"))[1]
    assert document["where"] == "wss://127.0.0.1:1" and "enroll again" in document["next"]


def test_a_proxy_that_is_none_is_a_usage_problem(
    capsys: pytest.CaptureFixture[str], practice: Practice, firm: Firm
) -> None:
    token = firm.token("wss://127.0.0.1:1")
    assert refused(capsys, "--job", practice.folder, "enroll", token, "--proxy", "socks://x")[0] == 2


async def test_enroll_asks_for_the_four_words_and_keeps_nothing_if_they_differ(
    practice: Practice, hub: SimulatedHub
) -> None:
    words = [sys.executable, "-m", "agent.cli.main", "--job", str(practice.folder), "enroll", hub.firm.token(hub.url)]
    for typed, code, kept in ((b"", 4, False), (b"n\n", 4, False), (b"y\n", 0, True)):
        process = await asyncio.create_subprocess_exec(
            *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        _, err = await process.communicate(typed)
        assert b"four words" in err
        assert process.returncode == code
        assert practice.home.enrolment.exists() is kept


def test_egress_says_that_nothing_left_rather_than_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = command(capsys, "--job", tmp_path, "egress")
    assert (code, out[:35]) == (0, "Nothing has left this practice: the")
    assert command(capsys, "--job", tmp_path, "egress", "--json")[:2] == (0, "")


def test_egress_shows_every_frame_in_plain_json(capsys: pytest.CaptureFixture[str], practice: Practice) -> None:
    with compose.enrolment_log(practice.home) as log:
        log.record(b'{"type":"hello","n":1}', 1_700_000_000)
    code, out, _ = command(capsys, "--job", practice.folder, "egress", "--json")
    assert code == 0
    assert json.loads(out)["frame"] == {"type": "hello", "n": 1}
    assert json.loads(out) == {"at": 1_700_000_000, "frame": {"type": "hello", "n": 1}, "hash": log.head}


def test_egress_says_in_front_of_each_frame_when_it_left_and_what_it_is(
    capsys: pytest.CaptureFixture[str], practice: Practice
) -> None:
    frames = [
        b'{"type":"hello","n":1}',
        b'{"type":"event","seq":12,"at":1699999999,"body":{"type":"heartbeat"}}',
        b"[1]",
    ]
    with compose.enrolment_log(practice.home) as log:
        for second, frame in enumerate(frames):
            log.record(frame, 1_700_000_000 + second)
    code, out, _ = command(capsys, "--job", practice.folder, "egress")
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("2023")] == [
        "2023-11-14 22:13:20 UTC  hello",
        "2023-11-14 22:13:21 UTC  event 12 heartbeat",
        "2023-11-14 22:13:22 UTC  no message",
    ]
    assert '  "at": 1699999999,\n' in out


@pytest.mark.attack
def test_a_forged_time_that_no_calendar_holds_is_a_changed_line(
    capsys: pytest.CaptureFixture[str], practice: Practice
) -> None:
    with compose.enrolment_log(practice.home) as log:
        log.record(b"{}", 10**15)
    assert refused(capsys, "--job", practice.folder, "egress")[1]["where"] == "egress.jsonl, line 1"


@pytest.mark.attack
def test_egress_verify_names_the_line_that_was_changed(capsys: pytest.CaptureFixture[str], practice: Practice) -> None:
    with compose.enrolment_log(practice.home) as log:
        for n in range(3):
            log.record(b'{"n":%d}' % n, 1_700_000_000)
    data = practice.home.egress.read_bytes()
    practice.home.egress.write_bytes(data.replace(b'"n":1', b'"n":7'))
    code, document = refused(capsys, "--job", practice.folder, "egress", "--verify")
    assert code == 5
    assert document["where"] == "egress.jsonl, line 2"


@pytest.mark.attack
@pytest.mark.parametrize("kept", [b"", b"first", None])
def test_egress_verify_notices_an_end_that_was_cut_off_or_a_log_that_is_gone(
    capsys: pytest.CaptureFixture[str], practice: Practice, kept: bytes | None
) -> None:
    with compose.enrolment_log(practice.home) as log:
        log.record(b'{"type":"hello"}', 1_700_000_000)
        log.record(b'{"type":"event"}', 1_700_000_001)
    first = practice.home.egress.read_bytes().splitlines(keepends=True)[0]
    practice.home.egress.unlink() if kept is None else practice.home.egress.write_bytes(first if kept else kept)
    code, document = refused(capsys, "--job", practice.folder, "egress", "--verify")
    assert code == 5
    assert "and 2 left" in document["error"] and "outbox.sqlite" in document["next"]


def test_egress_verify_says_what_it_could_not_compare(capsys: pytest.CaptureFixture[str], practice: Practice) -> None:
    with compose.enrolment_log(practice.home) as log:
        log.record(b'{"type":"hello"}', 1_700_000_000)
    assert json.loads(command(capsys, "--job", practice.folder, "egress", "--verify", "--json")[1])["end_known"] is True
    practice.home.outbox.unlink()
    assert (
        json.loads(command(capsys, "--job", practice.folder, "egress", "--verify", "--json")[1])["end_known"] is False
    )
    code, out, _ = command(capsys, "--job", practice.folder, "egress", "--verify")
    assert code == 0 and "not proven" in out


async def test_status_tells_where_the_run_stands(
    capsys: pytest.CaptureFixture[str], practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    code, out, _ = command(capsys, "--job", practice.folder, "status", "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["running"], document["now"], document["hub"]) == (False, None, hub.url)
    assert document["gates"]["DRY_RUN"] == {"state": "closed", "approvals": 0, "needed": 2}
    assert "is not running" in command(capsys, "--job", practice.folder, "status")[1]


async def test_status_of_a_running_agent_fits_one_screen(
    capsys: pytest.CaptureFixture[str], practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    now = compose.utc()
    activity = Activity(AwaitApprovals(Gate.DRY_RUN, 1, 2))
    for link in (LinkState(True, now), LinkState(False, now, Failure.HUB_UNTRUSTED, 61.0)):
        status.publish(practice.home, status.document(now, activity, link, 3, 40))
        with hold(practice.home):
            _, out, _ = command(capsys, "--job", practice.folder, "status", "--json")
        screen = _screen(json.loads(out))
        assert "waits for the firm's decision on DRY_RUN: 1 of 2 approvals" in screen
        assert "40 delivered, 3 waiting" in screen
        assert ("not the firm's hub" in screen) is not link.connected
        assert len(screen.splitlines()) <= 24


async def test_a_second_agent_is_refused(
    capsys: pytest.CaptureFixture[str], practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    with hold(practice.home):
        code, document = refused(capsys, "--job", practice.folder, "run")
    assert (code, document["reason"]) == (3, "job-held")


@pytest.mark.parametrize("verb", ["run", "status"])
async def test_a_ledger_of_another_run_is_refused(
    capsys: pytest.CaptureFixture[str], practice: Practice, hub: SimulatedHub, tmp_path: Path, verb: str
) -> None:
    from engine.cli.init import make_ready

    await practice.enroll(hub)
    other = tmp_path / "other"
    other.mkdir()
    (other / "job.toml").write_bytes((practice.folder / "job.toml").read_bytes())
    make_ready(other)
    (practice.folder / "ledger.jsonl").write_bytes((other / "ledger.jsonl").read_bytes())
    code, document = await asyncio.to_thread(refused, capsys, "--job", practice.folder, verb)
    assert (code, document["reason"]) == (3, "wrong-run")
    assert not hub.memory.hellos


def test_an_egress_log_whose_end_is_garbage_is_said_to_be(
    capsys: pytest.CaptureFixture[str], practice: Practice
) -> None:
    practice.home.egress.write_bytes(b"x" * 90 + b"\n")
    with pytest.raises(EnvironmentProblem, match="last line"), compose.enrolment_log(practice.home):
        pass
    assert refused(capsys, "--job", practice.folder, "egress")[1]["where"] == "egress.jsonl, line 1"


async def test_an_outbox_of_another_run_stops_the_agent_before_it_speaks(
    capsys: pytest.CaptureFixture[str], practice: Practice, hub: SimulatedHub
) -> None:
    from agent.outbox import Outbox

    await practice.enroll(hub)
    Outbox(practice.home.outbox, "another").close()
    code, document = await asyncio.to_thread(refused, capsys, "--job", practice.folder, "run")
    assert code == 5
    assert "another practice or run" in document["error"]
    assert not hub.memory.hellos


def test_help_is_quick_to_load() -> None:
    probe = "import agent.cli.main, sys; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    for heavy in ("websockets", "cryptography", "securesystemslib", "sqlite3", "numpy", "asyncio"):
        assert f"'{heavy}'" not in loaded
