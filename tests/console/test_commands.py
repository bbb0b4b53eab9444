"""bitewing-console as people and scripts use it: real processes, exit codes, one JSON object."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from console.hub.home import Home
from protocol.envelopes import open_envelope
from protocol.messages import GateReport
from protocol.statements import SignedDecision, statement_digest
from protocol.vocabulary import DecisionVerdict, ExitCode, Gate, GateState
from tests.console.commands import answer, run, serving
from tests.console.firm import free_port, report
from tests.simulators.agent import SimulatedAgent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A hub made by `init`."""
    answer("--home", tmp_path / "hub", "init", "--port", str(free_port()))
    return tmp_path / "hub"


def enrolled_by_token(home: Path, code: str) -> SimulatedAgent:
    """An agent that was given nothing but the token."""
    line = answer("--home", home, "token", "--practice", code)["token"]
    token = json.loads(base64.urlsafe_b64decode(line + "=" * (-len(line) % 4)))
    folder = home.parent / code
    folder.mkdir()
    agent = SimulatedAgent(token["hub"], token["practice"], token["ca"], folder)
    asyncio.run(agent.enroll(token["secret"]))
    return agent


async def waiting(agent: SimulatedAgent) -> None:
    """Brings the agent's DRY_RUN to where it waits for approvals."""
    made = report(agent)
    agent.report(made, GateReport(Gate.DRY_RUN, GateState.WAITING, statement_digest(made.signed.evidence), 0, 2, 3))
    async with agent.connected() as link:
        await link.deliver()


async def applying(agent: SimulatedAgent) -> None:
    """Takes the next decision and says that it is applied."""
    async with agent.connected() as link:
        order = await link.next_order()
        while order.body.__struct_config__.tag != "decision-order":
            await link.answer(order)
            order = await link.next_order()
        await link.answer(order, ledger=9)


def test_init_makes_keys_that_only_this_user_can_read(home: Path) -> None:
    for name in ("ca.key", "root.pem"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert b"ENCRYPTED" in (home / "root.pem").read_bytes()


def test_init_never_replaces_a_hub(home: Path) -> None:
    before = (home / "ca.key").read_bytes()
    again = run("--home", home, "init")
    assert again.returncode == ExitCode.USAGE and "already here" in again.stderr
    assert (home / "ca.key").read_bytes() == before


def test_practices_and_operators_are_listed_as_they_were_added(home: Path, tmp_path: Path) -> None:
    made = answer("--home", home, "practice", "add", "ALDER-7", "--opens", "07:30")
    answer("--home", home, "operator", "add", "Op One", "--role", "approver", "--out", tmp_path / "one")
    assert answer("--home", home, "practice", "list") == {"practices": [{**made, "words": []}]}
    (one,) = answer("--home", home, "operator", "list")["operators"]
    assert (one["name"], one["role"], one["revoked"]) == ("Op One", "approver", False)


def test_a_token_and_the_decisions_of_an_operator_take_a_practice_through_a_gate(home: Path, tmp_path: Path) -> None:
    answer("--home", home, "practice", "add", "ALDER-7")
    answer("--home", home, "operator", "add", "Op One", "--role", "approver", "--out", tmp_path / "one")
    words = ("decide", "--operator", tmp_path / "one", "--practice", "ALDER-7", "--gate", "DRY_RUN", "--approve")
    with serving(home):
        agent = enrolled_by_token(home, "ALDER-7")
        early = run(*words)
        assert early.returncode == ExitCode.REFUSED and "no evidence" in early.stderr
        asyncio.run(waiting(agent))
        assert answer(*words, "--no-wait")["applied_at"] is None
        asyncio.run(applying(agent))
        shown = run(*words, "--out", tmp_path / "decision.json").stdout
        assert "patients-enumerated" in shown and "can be approved" in shown

        async def both() -> dict[str, Any]:
            deciding = asyncio.create_task(asyncio.to_thread(answer, *words))
            await applying(agent)
            return await deciding

        assert asyncio.run(both())["ledger"] == 9


def test_a_decision_for_a_stick_is_a_standard_envelope_with_the_operators_signature(home: Path, tmp_path: Path) -> None:
    answer("--home", home, "practice", "add", "ALDER-7")
    answer("--home", home, "operator", "add", "Op One", "--role", "approver", "--out", tmp_path / "one")
    target = ("--practice", "ALDER-7", "--gate", "DRY_RUN")
    with serving(home):
        agent = enrolled_by_token(home, "ALDER-7")
        asyncio.run(waiting(agent))
        answer("decide", "--operator", tmp_path / "one", *target, "--reject", "--out", tmp_path / "decision.json")
    signed = open_envelope((tmp_path / "decision.json").read_bytes())
    assert isinstance(signed, SignedDecision)
    assert (signed.decision.practice, signed.decision.verdict) == (agent.practice, DecisionVerdict.REJECT)


WRONG = {
    "no home": (["serve"], ExitCode.USAGE, "which hub?"),
    "unknown verb": (["approve-everything"], ExitCode.USAGE, "No such command"),
    "unknown practice": (["--home", "{home}", "token", "--practice", "NOBODY"], ExitCode.USAGE, "no practice NOBODY"),
    "bad code": (["--home", "{home}", "practice", "add", "alder 7"], ExitCode.USAGE, "not a practice code"),
    "bad hour": (["--home", "{home}", "practice", "add", "A-1", "--opens", "25:00"], ExitCode.USAGE, "HH:MM"),
    "no operator there": (
        ["decide", "--operator", "{home}", "--practice", "A-1", "--gate", "DRY_RUN", "--approve"],
        ExitCode.USAGE,
        "no operator is here",
    ),
    "a group without a verb": (["practice"], ExitCode.USAGE, "Missing command"),
    "no home for init": (["init"], ExitCode.USAGE, "which hub?"),
    "a port that is none": (["--home", "{home}/new", "init", "--port", "99999"], ExitCode.USAGE, "port: expected"),
    "a host that is none": (["--home", "{home}/new", "init", "--host", "a b"], ExitCode.USAGE, "host: expected"),
    "another database": (
        ["--home", "{home}/new", "init", "--database", "mysql://x/y"],
        ExitCode.USAGE,
        "SQLite or PostgreSQL",
    ),
    "a missing word": (["--home", "{home}", "practice", "add"], ExitCode.USAGE, "Missing argument"),
    "no hub there": (["--home", "{home}/nowhere", "serve"], ExitCode.USAGE, "no hub is here"),
}


@pytest.mark.parametrize(("words", "code", "sentence"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_what_to_do_next(home: Path, words: list[str], code: ExitCode, sentence: str) -> None:
    done = run("--json", *(word.format(home=home) for word in words))
    assert done.returncode == code and sentence in done.stderr and "Next:" in done.stderr
    assert json.loads(done.stdout)["outcome"] == "usage"


def test_without_a_terminal_the_variable_that_holds_the_passphrase_is_named(tmp_path: Path) -> None:
    done = run("--home", tmp_path / "hub", "init", BITEWING_ROOT_PASSPHRASE="")
    assert done.returncode == ExitCode.USAGE and "BITEWING_ROOT_PASSPHRASE" in done.stderr
    assert not (tmp_path / "hub").exists()


def test_a_wrong_passphrase_decides_nothing(home: Path, tmp_path: Path) -> None:
    done = run(
        "--home", home, "operator", "add", "X", "--role", "viewer", "--out", tmp_path / "x",
        BITEWING_ROOT_PASSPHRASE="wrong wrong",
    )  # fmt: skip
    assert done.returncode == ExitCode.USAGE and "passphrase" in done.stderr
    assert answer("--home", home, "operator", "list") == {"operators": []}


def test_a_misspelt_setting_is_named_with_its_file(home: Path) -> None:
    (home / "hub.toml").write_text('host = "127.0.0.1"\nprot = 1\n')
    done = run("--home", home, "serve")
    assert done.returncode == ExitCode.USAGE and "hub.toml" in done.stderr and "prot" in done.stderr


def test_a_second_hub_on_the_same_port_is_refused_and_the_first_goes_on(home: Path) -> None:
    with serving(home) as first:
        second = run("--home", home, "serve")
        assert second.returncode == ExitCode.ENVIRONMENT and "cannot listen" in second.stderr
        assert first.poll() is None


def test_a_hub_that_is_told_to_stop_ends_well(home: Path) -> None:
    with serving(home) as hub:
        hub.terminate()
        assert hub.wait(30) == 0


def test_a_store_of_a_newer_program_is_refused_untouched(home: Path) -> None:
    with sqlite3.connect(home / "hub.db") as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    done = run("--home", home, "serve")
    assert done.returncode == ExitCode.ENVIRONMENT and "newer" in done.stderr


def test_a_hub_that_cannot_be_reached_is_told_after_some_tries(home: Path, tmp_path: Path) -> None:
    answer("--home", home, "operator", "add", "Op One", "--role", "approver", "--out", tmp_path / "one")
    done = run("decide", "--operator", tmp_path / "one", "--practice", "A-1", "--gate", "DRY_RUN", "--approve")
    assert done.returncode == ExitCode.ENVIRONMENT and "cannot be reached" in done.stderr


@pytest.mark.fault
def test_a_hub_killed_while_it_stores_has_lost_and_doubled_nothing(home: Path) -> None:
    answer("--home", home, "practice", "add", "ALDER-7")
    with serving(home) as hub:
        agent = enrolled_by_token(home, "ALDER-7")
        agent.report(*[report(agent, images=number) for number in range(900)])
        acked = asyncio.run(_deliver_until_killed(agent, hub))
    assert 0 < acked < 900
    with serving(home):
        asyncio.run(_deliver(agent))
    with sqlite3.connect(home / "hub.db") as store:
        rows = store.execute("SELECT seq, body FROM events ORDER BY seq").fetchall()
    assert [seq for seq, _ in rows] == list(range(1, 901))
    assert [json.loads(body)["signed"]["evidence"]["totals"]["images"] for _, body in rows] == list(range(900))


async def _deliver(agent: SimulatedAgent) -> None:
    async with agent.connected() as link:
        assert link.session.acked >= agent.acked
        await link.deliver()


async def _deliver_until_killed(agent: SimulatedAgent, hub: subprocess.Popen[str]) -> int:
    """Kills the hub (-9) once it has acknowledged something and is busy with more."""
    from websockets.exceptions import ConnectionClosed

    with pytest.raises(ConnectionClosed):
        async with agent.connected() as link:
            delivering = asyncio.create_task(link.deliver())
            while agent.acked == 0:
                await asyncio.sleep(0.001)
            hub.kill()
            await delivering
    return agent.acked


def test_the_address_of_the_hub_is_the_one_it_listens_on(home: Path) -> None:
    assert Home.load(home).settings.url.startswith("wss://127.0.0.1:")
