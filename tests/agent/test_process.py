"""The agent as a real process: killed without warning at any moment, stopped politely, started twice."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import psutil
import pytest

from agent import egress
from agent.home import is_running
from engine.entries import DecisionRecorded
from protocol.messages import GateReport, PhaseProgress
from protocol.vocabulary import Gate, GateState
from tests.agent.conftest import Practice
from tests.simulators import agent_process
from tests.simulators.hub import SimulatedHub

IMAGING = {"numpy", "pil", "pydicom", "imagecodecs", "gdcm", "construct"}
TOOLKITS = {"sqlalchemy", "sqlglot", "jinja2", "textual", "console"}


async def start(practice: Practice, *verb: str) -> Process:
    """The agent in a process of its own, once it says that it is ready."""
    words = verb or ("run", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", agent_process.__file__, "--job", str(practice.folder), *words, stdout=PIPE, stderr=PIPE
    )
    if not verb:
        assert process.stdout is not None
        assert json.loads(await process.stdout.readline()) == {"ready": True}
    return process


async def kill(process: Process) -> None:
    """No warning, no time to tidy up."""
    process.kill()
    await process.wait()


async def stop(process: Process) -> int:
    """As a service manager does; the exit code."""
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), 30)


def is_waiting(hub: SimulatedHub, gate: Gate) -> bool:
    report = hub.memory.gate(gate)
    return report is not None and report.state is GateState.WAITING


def count(practice: Practice, phase: str) -> int:
    file = practice.folder / f"fake-{phase}.count"
    return int(file.read_text()) if file.exists() else 0


@pytest.mark.fault
async def test_killed_at_any_moment_and_started_again_it_loses_and_doubles_nothing(
    practice: Practice, hub: SimulatedHub
) -> None:
    chance = random.Random(7)
    practice.set_phases(stage={"images": 40, "seconds": 0.03}, prove={"images": 30, "seconds": 0.03})
    await practice.enroll(hub)
    for moment in range(7):
        process = await start(practice)
        if moment >= 5:
            await hub.until(lambda: hub.memory.evidence(Gate.PROFILE_PROVEN))
            hub.approve(Gate.PROFILE_PROVEN, "ann" if moment == 5 else "ben")
        await asyncio.sleep(chance.uniform(0.0, 0.8))
        await kill(process)
    process = await start(practice)
    await hub.until(lambda: is_waiting(hub, Gate.DRY_RUN))
    await hub.until(lambda: set(hub.memory.orders) == set(hub.memory.results))
    assert await stop(process) == 0
    assert sorted(hub.memory.events) == list(range(1, len(hub.memory.events) + 1))
    assert [len(hub.memory.evidence(gate)) for gate in (Gate.STAGED, Gate.PROFILE_PROVEN, Gate.DRY_RUN)] == [1, 1, 1]
    recorded = [r.entry.signed for r in practice.ledger.entries() if isinstance(r.entry, DecisionRecorded)]
    assert len(recorded) == len({d.decision.nonce for d in recorded}) == len(hub.memory.orders)
    assert egress.verify(practice.home.egress).frames >= len(hub.memory.events)


@pytest.mark.fault
async def test_an_orphaned_engine_stops_by_itself_and_its_work_is_kept(practice: Practice, hub: SimulatedHub) -> None:
    practice.set_phases(stage={"images": 400, "seconds": 0.02})
    await practice.enroll(hub)
    process = await start(practice)
    await hub.until(lambda: count(practice, "stage") > 5)
    (child,) = psutil.Process(process.pid).children()
    await kill(process)
    await hub.until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    done = count(practice, "stage")
    assert 5 < done < 400
    practice.set_phases(stage={"images": done + 10, "seconds": 0.02})
    process = await start(practice)
    await hub.until(lambda: len(hub.memory.evidence(Gate.STAGED)) == 1)
    assert await stop(process) in (0, 4)


@pytest.mark.fault
async def test_a_killed_engine_is_started_again_and_resumes(practice: Practice, hub: SimulatedHub) -> None:
    practice.set_phases(stage={"images": 60, "seconds": 0.02})
    await practice.enroll(hub)
    process = await start(practice)
    await hub.until(lambda: count(practice, "stage") > 5)
    (child,) = psutil.Process(process.pid).children()
    child.kill()
    await hub.until(lambda: hub.memory.evidence(Gate.STAGED))
    assert practice.starts[:2] == ["stage", "stage"]
    assert await stop(process) in (0, 4)


async def test_stopped_during_a_phase_it_ends_between_two_patients_with_exit_code_4(
    practice: Practice, hub: SimulatedHub
) -> None:
    practice.set_phases(stage={"images": 400, "seconds": 0.02})
    await practice.enroll(hub)
    process = await start(practice)
    await hub.until(lambda: count(practice, "stage") > 3)
    (child,) = psutil.Process(process.pid).children()
    assert await stop(process) == 4
    assert not child.is_running()
    assert process.stdout is not None
    assert json.loads((await process.stdout.read()).splitlines()[-1]) == {"outcome": "interrupted"}
    last = hub.memory.bodies(PhaseProgress)[-1]
    assert isinstance(last, PhaseProgress)
    assert last.outcome == "interrupted"
    assert not is_running(practice.home)


async def test_stopped_while_waiting_it_ends_with_exit_code_0_and_has_sent_everything(
    practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    process = await start(practice)
    await hub.until(lambda: is_waiting(hub, Gate.PROFILE_PROVEN))
    assert await stop(process) == 0
    sent = [json.loads(bytes(line.frame)) for line in egress.lines(practice.home.egress)]
    assert len([frame for frame in sent if frame["type"] == "event"]) == len(hub.memory.events)


async def test_a_second_agent_in_the_same_job_folder_is_refused(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    process = await start(practice)
    second = await start(practice, "run", "--json")
    output, _ = await second.communicate()
    assert second.returncode == 3
    assert json.loads(output)["reason"] == "job-held"
    assert await stop(process) in (0, 4)


async def test_a_decision_carried_in_by_hand_is_noticed_by_the_running_agent(
    practice: Practice, hub: SimulatedHub, tmp_path: Path
) -> None:
    from protocol.statements import envelope

    await practice.enroll(hub)
    process = await start(practice)
    await hub.until(lambda: is_waiting(hub, Gate.PROFILE_PROVEN))
    file = tmp_path / "decision.json"
    file.write_bytes(envelope(hub.firm.decide(hub.memory.evidence(Gate.PROFILE_PROVEN)[-1], "ann")))
    taken = await start(practice, "approve", str(file), "--json")
    output, _ = await taken.communicate()
    assert taken.returncode == 0
    assert json.loads(output)["gate"] == "PROFILE_PROVEN"
    await hub.until(lambda: is_waiting(hub, Gate.DRY_RUN))
    assert any(isinstance(b, GateReport) and b.approvals == 1 for b in hub.memory.bodies(GateReport))
    assert await stop(process) == 0


async def test_a_running_agent_loads_no_imaging_library_and_no_database_toolkit(
    practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    process = await start(practice)
    await hub.until(lambda: is_waiting(hub, Gate.PROFILE_PROVEN))
    hub.approve(Gate.PROFILE_PROVEN, "ann")
    await hub.until(lambda: is_waiting(hub, Gate.DRY_RUN))
    assert await stop(process) == 0
    loaded = {name.split(".")[0].lower() for name in json.loads((practice.folder / "agent-modules.json").read_text())}
    assert "agent" in loaded
    assert not loaded & (IMAGING | TOOLKITS)


@pytest.mark.benchmark
async def test_memory_of_an_idle_agent(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    process = await start(practice)
    await hub.until(lambda: is_waiting(hub, Gate.PROFILE_PROVEN))
    watched = psutil.Process(process.pid)
    before = watched.cpu_times()
    await asyncio.sleep(20)
    used = watched.cpu_times()
    resident = watched.memory_info().rss / 2**20
    busy = (used.user + used.system - before.user - before.system) / 20 * 100
    print(f"\nidle agent: {resident:.1f} MiB resident, {busy:.2f} % of a core")
    assert await stop(process) == 0
