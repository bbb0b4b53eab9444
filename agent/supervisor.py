"""Walks the road: runs the next phase in a child process, obeys pause, resume and stop, and tries again within bounds.

All it must remember over a kill stands elsewhere: gates in the ledger, orders in the outbox, progress in the engine's
journal. Started again, it asks them and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent import boundary, log
from agent.attempts import NIGHT_OVER, OUTCOMES, Attempts, Ending, judge_exit
from agent.engine_process import Command, EngineProcess
from agent.feed import LedgerFeed
from agent.orders import HOLD, RETRY_OF, night_hold, remember_night
from agent.outbox import Outbox
from agent.road import GaveUp, Hold, LedgerUnreadable, RunPhase, Step, next_step
from engine.events import Event, EvidenceProduced, PhaseEnded, PhaseStarted, Progress
from engine.ledger import Ledger
from protocol.errors import EnvironmentProblem, Refused
from protocol.vocabulary import Alarm, Outcome, Phase

_WORDS = {Hold.PAUSED: "pause", Hold.NONE: "resume", Hold.STOPPED: "stop"}

POLL_SECONDS = 5.0  # how late a decision carried in by hand, or an approval that expired, may be noticed


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time and chance, passed in: UTC seconds, monotonic seconds, a random number in [0, 1)."""

    utc: Callable[[], int]
    monotonic: Callable[[], float]
    random: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Activity:
    """What the supervisor does now: the step it is at, the running phase's progress, seconds until the next try."""

    step: Step | None = None
    running: Progress | None = None
    retry_in: float = 0.0


class Supervisor:
    """Runs until `request_stop`. `on_news` is called whenever the outbox or the activity may have changed."""

    def __init__(
        self,
        ledger: Ledger,
        outbox: Outbox,
        feed: LedgerFeed,
        command: Command,
        engine_log: Path,
        clocks: Clocks,
        on_news: Callable[[], None],
    ) -> None:
        self._ledger, self._outbox, self._feed = ledger, outbox, feed
        self._command, self._engine_log = command, engine_log
        self._clocks, self._on_news = clocks, on_news
        self._wake = asyncio.Event()
        self._stopping = False
        self._child: EngineProcess | None = None
        self._ending: asyncio.Future[int] | None = None
        self._attempts: Attempts | None = None
        self._not_before = 0.0
        self._said: Outcome | None = None
        self._alarmed = False
        self._retried = ""
        self._progress = boundary.no_progress(Phase.STAGE)
        self.activity = Activity()
        self.interrupted = False

    @property
    def hold(self) -> Hold:
        """What a person last ordered for the whole run."""
        return Hold(self._outbox.fact(HOLD, Hold.NONE.value))

    def request_stop(self) -> None:
        """End soon: a running phase is told to stop between two patients."""
        self._stopping = True
        self._end_child()
        self._wake.set()

    def on_order(self, hold: Hold | None) -> None:
        """An order was carried out, which set `hold` or none; what comes next may be another step."""
        if hold is not None:
            self._say(_WORDS[hold])
        if hold is Hold.NONE:
            self._attempts, self._not_before = None, 0.0
        self._take_feed()
        self._wake.set()

    async def run(self) -> None:
        """Step after step, until asked to stop."""
        while not self._stopping:
            self._wake.clear()
            step = self._next()
            self.activity = Activity(step, retry_in=self._wait(step))
            self._on_news()
            if isinstance(step, RunPhase) and not self.activity.retry_in:
                await self._run_phase(step.phase)
            else:
                await self._sleep(min(POLL_SECONDS, self.activity.retry_in or POLL_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _wait(self, step: Step) -> float:
        return max(0.0, self._not_before - self._clocks.monotonic()) if isinstance(step, RunPhase) else 0.0

    def _next(self) -> Step:
        try:
            self._feed.take()
            night = night_hold(self._outbox, self._clocks.utc())
            step = next_step(self._ledger.standings(), self.hold, self._outbox.fact(RETRY_OF, ""), night)
        except Refused:
            self._alarm_once(Alarm.LEDGER_DAMAGED)
            return LedgerUnreadable()
        self._alarmed = False
        if isinstance(step, RunPhase) and self._attempts and self._attempts.gave_up:
            return GaveUp(step.phase)
        return step

    async def _run_phase(self, phase: Phase) -> None:
        if self._attempts is None or self._attempts.phase is not phase:
            self._attempts = Attempts(phase)
        if self._progress.phase is not phase:
            self._progress = boundary.no_progress(phase)
        self.activity = Activity(RunPhase(phase), self._progress)
        self._said = None
        self._retried = self._outbox.fact(RETRY_OF, "")
        try:
            ending = await self._child_to_end(phase)
        except EnvironmentProblem:
            ending = Ending.UNAVAILABLE
        self._after(phase, ending)

    async def _child_to_end(self, phase: Phase) -> Ending:
        self._child = await EngineProcess.start(self._command(phase), self._engine_log)
        try:
            self._catch_up()
            async for event in self._child.events():
                self._hear(event)
            return judge_exit(await self._child.ended(), self._said)
        finally:
            child, self._child, self._ending = self._child, None, None
            await child.stop()

    def _catch_up(self) -> None:
        """What was ordered while the child was being started."""
        if self._stopping:
            self._end_child()
        elif self.hold is not Hold.NONE:
            self._say(_WORDS[self.hold])

    def _end_child(self) -> None:
        """Tell the child to stop; a deaf one is killed in the end, which the engine survives like a power cut."""
        if self._child is not None and self._ending is None:
            self._ending = asyncio.ensure_future(self._child.stop())

    def _hear(self, event: Event) -> None:
        self._queue(*boundary.of_event(event, self._progress))
        if isinstance(event, PhaseStarted):  # one that is not let in, by day, has come as far as it had before
            self._progress = boundary.no_progress(event.phase)
        if isinstance(event, Progress):
            self._progress = event
            self.activity = Activity(self.activity.step, event)
        if isinstance(event, PhaseEnded):
            self._take_ending(event)
        if isinstance(event, PhaseStarted | EvidenceProduced | PhaseEnded):
            self._take_feed()
        self._on_news()

    def _take_ending(self, event: PhaseEnded) -> None:
        """A night's end is kept at once: a resume that comes while the process still ends is the later word."""
        self._said = event.outcome
        if event.outcome in NIGHT_OVER:
            remember_night(self._outbox, event.resumes_at)
            log.tell("night-over", phase=event.phase, resumes_at=event.resumes_at)

    def _take_feed(self) -> None:
        try:
            self._feed.take()
        except Refused:
            self._alarm_once(Alarm.LEDGER_DAMAGED)

    def _after(self, phase: Phase, ending: Ending) -> None:
        """One try ended: tell the hub what the child could not, and decide when the next may begin."""
        before = self._attempts or Attempts(phase)
        self._attempts = before.after(ending, self._progress.images_done)
        self._not_before = 0.0
        if ending is Ending.FINISHED:
            self._forget_retry()
            return
        if ending is Ending.NIGHT_OVER:
            return
        self.interrupted = self._stopping
        self._tell_failure(ending)
        self._not_before = self._clocks.monotonic() + self._attempts.delay(ending, self._clocks.random)

    def _forget_retry(self) -> None:
        """The order that this phase carried out is done with; one about its new evidence, come meanwhile, stays."""
        if self._outbox.fact(RETRY_OF, "") == self._retried:
            self._outbox.remember(RETRY_OF, "")

    def _tell_failure(self, ending: Ending) -> None:
        if self._said is None:
            self._queue(boundary.ended(self._progress, OUTCOMES[ending]))
        attempts = self._attempts or Attempts(self._progress.phase)
        log.tell("phase-broke-off", phase=attempts.phase, ending=ending.name.lower(), tries=attempts.fruitless)
        if attempts.gave_up:
            self._queue(boundary.alarm(Alarm.ENGINE_GAVE_UP))
        elif attempts.is_worrying(ending) and not self._stopping:
            self._queue(boundary.alarm(Alarm.ENGINE_CRASHED))

    def _queue(self, *bodies: boundary.Outgoing) -> None:
        with self._outbox.step():
            for outgoing in bodies:
                self._outbox.queue(outgoing.body, self._clocks.utc(), outgoing.slot)

    def _alarm_once(self, code: Alarm) -> None:
        if not self._alarmed:
            self._queue(boundary.alarm(code))
            log.tell("alarm", alarm=code)
        self._alarmed = True

    def _say(self, word: str) -> None:
        if self._child is not None:
            self._child.say(word)
