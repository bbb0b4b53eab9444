"""Takes the demo practice along the whole road: a hub, an agent and its engine as real processes on loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from demo.firm import PRACTICE, Firm, found
from demo.operators import ScriptedOperator
from demo.processes import Program, Service, call, stop_leftovers
from demo.result import Result, result_of
from demo.screen import Screen
from demo.terminal import decide_by_hand
from demo.view import Standing
from demo.watch import Watcher, final_view, until_reopened
from demo.world import LOCK, World, build, live_another_day, release
from engine.compose import open_ledger
from engine.job import Job
from protocol.errors import Refused, UsageProblem
from protocol.vocabulary import Gate, GateState, Refusal


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for. Without `keep` a temporary folder is used and removed."""

    keep: Path | None
    patients: int
    seed: int
    database: str
    tui: bool
    top_up: bool = False


async def run(wish: Wish, screen: Screen) -> Result:
    """The whole demo. Raises BitewingError; whatever was reached stays in the folder if one was named."""
    with _folder(wish.keep) as folder, _held(folder):
        _stop_leftovers(folder, screen)
        with _practice(folder, wish, screen) as world:
            return await _migrate(world, wish, screen)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            advice = "name another folder, or check permissions"
            raise UsageProblem("no folder can be made here", where=str(keep), next_step=advice) from problem
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="bitewing-demo-"))
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The right to be the only demo in this folder. Raises Refused JOB_HELD."""
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Refused(
            Refusal.JOB_HELD, "another demo runs in this folder", where=str(folder), next_step="wait for it, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _stop_leftovers(folder: Path, screen: Screen) -> None:
    for program in (_agent(folder), Firm(folder / "firm").hub):
        if stop_leftovers(program):
            screen.say(f"An earlier start left its {program.name} running; it was stopped.")


@contextmanager
def _practice(folder: Path, wish: Wish, screen: Screen) -> Iterator[World]:
    """The practice stands ready; a database server that it needs runs meanwhile."""
    with ExitStack() as stack:
        stack.callback(release, folder)
        with screen.waiting("Making the demo practice: synthetic people, real radiograph pixels, modelled databases"):
            world = build(folder, patients=wish.patients, seed=wish.seed, database=wish.database)
        screen.say(f"The demo practice has {world.patients:,} patients and {world.images:,} images, in {folder}.")
        yield world


async def _migrate(world: World, wish: Wish, screen: Screen) -> Result:
    folder = world.folder
    async with AsyncExitStack() as stack:
        with screen.waiting("Starting hub and agent"):
            await call(("-m", "engine.cli.main", "--job", str(folder), "--json", "init"))
            firm = await found(folder / "firm")
            hub = await _started(firm.hub, stack, screen)
            await _enrol(folder, firm, screen)
            agent = await _started(_agent(folder), stack, screen)
        await _to_the_end(folder, firm, hub, agent, wish, screen)
        view = await final_view(firm.operators[0])
        if wish.top_up and view.standing(int(time.time())) is Standing.COMPLETE:
            await _second_night(world, firm, hub, agent, wish, screen)
            view = await final_view(firm.operators[0])
        return result_of(view, folder, int(time.time()), kept=wish.keep is not None)


async def _second_night(world: World, firm: Firm, hub: Service, agent: Service, wish: Wish, screen: Screen) -> None:
    """DEXIS 11 took more images; the new backup is staged by hand, and the agent goes on from there by itself."""
    with screen.waiting("DEXIS 11 is used for another day, and backs up"):
        await asyncio.to_thread(live_another_day, world)
    staged = await call(("-m", "engine.cli.main", "--job", str(world.folder), "--json", "stage"))
    screen.say(f"A newer backup was staged by hand: {staged['patients']:,} patients, {staged['images']:,} images.")
    if open_ledger(Job.load(world.folder)).standings()[Gate.RECONCILED].state is GateState.OPEN:
        return  # an earlier start came to the end of the second night
    await until_reopened(firm.operators[0])
    await _to_the_end(world.folder, firm, hub, agent, wish, screen)
    screen.say(_told(world.folder))


def _told(folder: Path) -> str:
    change = json.loads((folder / "report" / "dry-run.json").read_text(encoding="utf-8"))["top_up"]
    numbers = {"kept": "kept", "changed": "converted again", "new": "new", "gone": "gone"}
    return "Top-up: patients " + ", ".join(f"{change[name]:,} {word}" for name, word in numbers.items()) + "."


def _agent(folder: Path) -> Program:
    return Program("agent", ("-m", "agent.cli.main", "--job", str(folder), "--json", "run"), folder / "agent.log")


async def _started(program: Program, stack: AsyncExitStack, screen: Screen) -> Service:
    service = Service(program, screen.say)
    stack.push_async_callback(service.stop)
    await service.start()
    return service


async def _enrol(folder: Path, firm: Firm, screen: Screen) -> None:
    """Once per folder: agent.json says that it is done."""
    if not (folder / "agent.json").exists():
        enrol = ("-m", "agent.cli.main", "--job", str(folder), "--json", "enroll", await firm.token(), "--yes")
        enrolled = await call(enrol)
        screen.say(f"Agent and hub know each other; four words of the agent's key: {' '.join(enrolled['words'])}.")


async def _to_the_end(folder: Path, firm: Firm, hub: Service, agent: Service, wish: Wish, screen: Screen) -> None:
    """Until the run is settled: services kept running, gates decided on. Raises what ended it early."""
    settled = asyncio.Event()
    watching = _watch(Watcher(firm.operators[0], folder, agent, screen), settled)
    deciding = [_by_hand(firm, wish, screen, settled)] if wish.tui else _scripted(firm, screen)
    tasks = [asyncio.create_task(work) for work in (watching, hub.keep_running(), agent.keep_running(), *deciding)]
    goal = tasks[-1] if wish.tui else tasks[0]
    try:
        while not goal.done():
            done, _ = await asyncio.wait([task for task in tasks if not task.done()], return_when="FIRST_COMPLETED")
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watch(watcher: Watcher, settled: asyncio.Event) -> None:
    await watcher.until_settled()
    settled.set()


def _by_hand(firm: Firm, wish: Wish, screen: Screen, settled: asyncio.Event) -> Coroutine[Any, Any, None]:
    return decide_by_hand(firm, PRACTICE, screen, settled, kept=wish.keep is not None)


def _scripted(firm: Firm, screen: Screen) -> list[Coroutine[Any, Any, None]]:
    pairs = zip(firm.operators, firm.unlock(), strict=True)
    return [ScriptedOperator(who, signer, place, screen.say).work() for place, (who, signer) in enumerate(pairs)]
