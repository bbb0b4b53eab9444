"""The crash matrix: every step x every fault that can happen there, each cell run, run again, and compared."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import random
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.failpoints import STEPS
from protocol.errors import BitewingError
from tests import within
from tests.engine.tiny import Tiny
from tests.faults import faults
from tests.faults.calls import START, Call, Kind, Watch
from tests.faults.faults import FAULTS, Fault, Victim
from tests.faults.power import Power
from tests.faults.practice import Broken, Practice, converted, recovered
from tests.faults.processes import Ended, apart
from tests.faults.scenes import ATTIC, SCENES, Part, Scene, attic_files
from tests.simulators.postgresql import until_up

ROWS: Final[Mapping[str, str]] = {START: "the run has begun, nothing was done yet", **STEPS}
within.install()  # one process, so that the order of its steps is the same each time
IN_WORKERS: Final = frozenset({"before-sync", "after-write", "after-prepare"})
_numbers = itertools.count(1)
_RUNS: Final = 3  # as often a user may have to run convert again


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault at one call: the `number`th, from 1, of those it can hit in the undisturbed run of the scene."""

    scene: str
    step: str
    fault: str
    number: int

    def __str__(self) -> str:
        return f"{self.scene}: {self.fault} at {self.step}, call {self.number}"


class Stages:
    """A practice brought, once, to where each scene starts."""

    def __init__(self, folder: Path, server: str | None = None) -> None:
        self._folder, self._server, self._alone = folder, server, multiprocessing.Lock()
        self._practices: dict[tuple[str, bool], Practice] = {}
        self._traces: dict[tuple[str, bool], list[Call]] = {}

    def practice(self, scene: str, on_server: bool) -> Practice:
        """The practice as it stands where the scene starts."""
        if (scene, on_server) not in self._practices:
            self._practices[scene, on_server] = self._prepared(scene, on_server)
        return self._practices[scene, on_server]

    def trace(self, scene: str, on_server: bool) -> list[Call]:
        """Every call of the scene's run when no fault is added."""
        if (scene, on_server) not in self._traces:
            practice = self.practice(scene, on_server)
            tiny = practice.copy(self._folder / f"trace-{scene}{'-pg' if on_server else ''}")
            self._traces[scene, on_server] = _traced(tiny, SCENES[scene])
            practice.remove(tiny)
        return self._traces[scene, on_server]

    def cells(self, *, short: bool) -> list[Cell]:
        """Every cell that can occur. The short form has one for each step and fault, in the first scene that has it."""
        found, seen = [], set()
        for fault, scene in itertools.product(FAULTS, SCENES):
            for step, numbers in self._numbers(scene, FAULTS[fault]).items():
                if short and (fault, step) in seen:
                    continue
                seen.add((fault, step))
                found += [Cell(scene, step, fault, number) for number in _picked(numbers, FAULTS[fault], short=short)]
        return found

    def run(self, cell: Cell) -> str | None:
        """Lets one fault happen; why its promise was broken, None if it was kept. One at a time on the server."""
        fault, scene = FAULTS[cell.fault], SCENES[cell.scene]
        with self._alone if fault.on_server else nullcontext():
            return self._run(cell, fault, scene)

    def _run(self, cell: Cell, fault: Fault, scene: Scene) -> str | None:
        practice = self.practice(cell.scene, fault.on_server)
        tiny = practice.copy(self._folder / f"cell-{os.getpid()}-{next(_numbers)}")
        try:
            return _outcome(cell, fault, scene, practice, tiny)
        finally:
            practice.remove(tiny)

    def _prepared(self, scene: str, on_server: bool) -> Practice:
        kind, mark = SCENES[scene], "-pg" if on_server else ""
        base = "top-up" if kind.top_up else "made-keys" if kind.made_keys else "first"
        if scene == base:
            server, place = self._server if on_server else None, self._folder / f"{scene}{mark}"
            return Practice.build(place, server, top_up=kind.top_up, made_keys=kind.made_keys)
        practice = self.practice(base, on_server)
        tiny = practice.copy(self._folder / f"scene-{scene}{mark}")
        SCENES[scene].prepare(tiny)
        return practice.starting(tiny.folder.parent)

    def _numbers(self, scene: str, fault: Fault) -> dict[str, list[int]]:
        """The calls that the fault can hit in the scene, by step."""
        if not _may_happen(fault, SCENES[scene]) or (fault.on_server and self._server is None):
            return {}
        trace = self.trace(scene, fault.on_server)
        begins, ends = _reach(trace, SCENES[scene].part)
        last = max((place for place, one in enumerate(trace) if one.kind in fault.later), default=len(trace))
        numbers: dict[str, list[int]] = defaultdict(list)
        count = 0
        for place, one in enumerate(trace):
            if fault.hits(one):
                count += 1
                if begins <= place < min(ends, last) and (fault.workers == 1 or one.step in IN_WORKERS):
                    numbers[one.step].append(count if fault.workers == 1 else len(numbers[one.step]) + 1)
        return numbers


def _reach(trace: Sequence[Call], part: Part) -> tuple[int, int]:
    """From which call of a run to before which one it gets faults."""
    steps = [call.name if call.kind is Kind.STEP else "" for call in trace]
    if part is Part.RECOVERY:
        return 0, steps.index("after-intent")
    return (steps.index("after-set-aside") if part is Part.SET_ASIDE else 0), len(trace)


def _may_happen(fault: Fault, scene: Scene) -> bool:
    if scene.only_power:
        return fault.title.startswith("power")
    return scene.on_server if fault.on_server else fault.workers == 1 or scene is SCENES["first"]


def _picked(numbers: Sequence[int], fault: Fault, *, short: bool) -> list[int]:
    if short:
        return [numbers[len(numbers) // 2]]
    return sorted(set(numbers) if fault.every else {numbers[0], numbers[len(numbers) // 2], numbers[-1]})


@dataclass
class _Recorder:
    scene: Scene
    tiny: Tiny
    trace: list[tuple[str, Kind, str]] = field(default_factory=list)

    def before(self, call: Call) -> None:
        self.trace.append((call.step, call.kind, call.name))
        _fail_as_the_scene_does(self.scene, self.tiny, call)

    def synced(self, path: Path) -> None:
        return None


def _traced(tiny: Tiny, scene: Scene) -> list[Call]:
    def run() -> list[tuple[str, Kind, str]]:
        recorder = _Recorder(scene, tiny)
        _watch(recorder, tiny)
        faults.prepare(Victim(tiny, Power(_attic(tiny)), random.Random(0), None))
        converted(tiny)
        return recorder.trace

    ended = apart(run)
    if ended.error is not None:
        raise AssertionError(ended.error)
    return [Call(step, kind, name) for step, kind, name in ended.result]


@dataclass
class _Striker:
    """Lets the fault happen at its call, and every call fail that the scene wants to fail."""

    cell: Cell
    fault: Fault
    scene: Scene
    victim: Victim
    struck: Any  # shared between processes: how often the fault struck
    count: int = 0

    def before(self, call: Call) -> None:
        self.victim.power.before(call)
        if self.fault.hits(call) and self._is_due(call):
            self.fault.act(call, self.victim)
        _fail_as_the_scene_does(self.scene, self.victim.tiny, call)

    def synced(self, path: Path) -> None:
        self.victim.power.synced(path)

    def _is_due(self, call: Call) -> bool:
        self.count += 1
        if not self.cell.number <= self.count < self.cell.number + self.fault.times:
            return False
        if self.count == self.cell.number and call.step != self.cell.step:
            raise AssertionError(f"{self.cell} struck at {call.step}")
        self.struck.value += 1
        return True


@dataclass
class _WorkerStriker(_Striker):
    """Counts the passages of one step over all worker processes, and strikes in whichever comes by."""

    parent: int = field(default_factory=os.getpid)
    passed: Any = field(default_factory=lambda: multiprocessing.Value("i", 0))

    def _is_due(self, call: Call) -> bool:
        if os.getpid() == self.parent or call.name != self.cell.step:
            return False
        with self.passed.get_lock():
            self.passed.value += 1
            due = bool(self.passed.value == self.cell.number)
        self.struck.value += due
        return due


def _outcome(cell: Cell, fault: Fault, scene: Scene, practice: Practice, tiny: Tiny) -> str | None:
    struck = multiprocessing.Value("i", 0)
    try:
        ended = apart(lambda: _suffer(cell, fault, scene, tiny, practice.server, struck))
        _require_struck(ended, struck.value)
        if practice.server is not None:
            until_up(practice.server)
        _take_the_strangers_file_away(tiny)
        practice.require_possible(tiny, lost=scene.lost)
        _in_peace(lambda: recovered(tiny))
        practice.require_whole(tiny)
        if not any(_in_peace(lambda: converted(tiny)) for _ in range(_RUNS)):
            return f"convert did not pass in {_RUNS} runs"
        practice.require_end(tiny)
    except Broken as broken:
        return str(broken)
    return None


def _take_the_strangers_file_away(tiny: Tiny) -> None:
    if (listed := faults.strangers_list(tiny)).exists():
        place = Path(listed.read_text(encoding="utf-8"))
        if place.read_bytes() != faults.STRANGERS:
            raise Broken("a file that another program wrote meanwhile was replaced")
        place.unlink()


def _suffer(cell: Cell, fault: Fault, scene: Scene, tiny: Tiny, server: str | None, struck: Any) -> str:
    """In a process of its own: the run that the fault happens to. Only errors of ours may end it."""
    power = Power(_attic(tiny), _unflushed(scene, tiny), attic_files(tiny) if scene.unremoved else ())
    chance = random.Random(zlib.crc32(str(cell).encode()))
    victim = Victim(tiny, power, chance, server)
    faults.prepare(victim)
    kind = _WorkerStriker if fault.workers > 1 else _Striker
    _watch(kind(cell, fault, scene, victim, struck), tiny)
    if fault.workers > 1:
        _use_workers(tiny, fault.workers)
    try:
        return "passed" if converted(tiny, victim.slept) else "set aside"
    except BitewingError as error:
        return f"stopped: {error}"
    finally:
        victim.slept(0)


def _require_struck(ended: Ended, struck: int) -> None:
    if ended.error is not None:
        raise Broken(f"the run broke down: {ended.error.strip().splitlines()[-1]} ({ended.error[-900:]})")
    if not struck:
        raise Broken("the fault did not happen")


def _in_peace(run: Any) -> Any:
    """A run without faults, in a process of its own."""
    ended = apart(run)
    if ended.killed or ended.error is not None:
        raise Broken(f"running it again broke down: {ended.error}")
    return ended.result


def _use_workers(tiny: Tiny, count: int) -> None:
    """Worker processes forked from this one, which is warm; otherwise as always."""
    settings = tiny.folder / "job.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("workers = 1", f"workers = {count}"), encoding="utf-8")
    forking = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda method=None: forking  # type: ignore[assignment]


def _fail_as_the_scene_does(scene: Scene, tiny: Tiny, call: Call) -> None:
    if scene.fails(tiny, call):
        raise faults.io_error(errno.EIO)


def _watch(watcher: Any, tiny: Tiny) -> None:
    Watch(watcher, tiny.store, tiny.folder.parent / "source", tiny.target)


def _attic(tiny: Tiny) -> Path:
    return tiny.folder.parent / ATTIC


def _unflushed(scene: Scene, tiny: Tiny) -> Iterator[Path]:
    return (tiny.store / path for path in scene.unflushed)
