"""What a person sees of the demo, on stderr: one line for each event, and a bar while a phase runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from demo.view import View
from protocol.messages import PhaseProgress
from protocol.vocabulary import Gate, GateState, Outcome, Phase

_NAMES = {
    Phase.STAGE: "Staging the backup",
    Phase.PROVE: "Proving the profiles",
    Phase.DRY_RUN: "Dry run",
    Phase.CONVERT: "Conversion",
    Phase.RECONCILE: "Reconciliation",
}


class Screen:
    """Lines for events; a live bar where stderr is a terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bars = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<22}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[count]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._bar: TaskID | None = None
        self._phase: Phase | None = None
        self._gates: dict[Gate, GateState] | None = None
        self._ended: set[Phase] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """One line, and a sign of life while something takes its time."""
        if not self._console.is_terminal:
            self.say(f"{text} ...")
            yield
            return
        with self._console.status(f"{text} ..."):
            yield

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the terminal to somebody else meanwhile."""
        self._bars.stop()
        quiet, self._console.quiet = self._console.quiet, True
        try:
            yield
        finally:
            self._console.quiet = quiet

    def show(self, view: View) -> None:
        """Show what changed since the last view; of the first, what was reached before."""
        progress, gates = view.practice.progress, {one.gate: one.state for one in view.practice.gates}
        if self._gates is None:
            self._show_start(progress, gates)
        elif progress is not None:
            self._show_progress(progress)
        for gate, state in gates.items():
            if state is not (self._gates or gates).get(gate, GateState.CLOSED):
                self.say(f"Gate {gate} is {state}.")
        self._gates = gates

    def _show_start(self, progress: PhaseProgress | None, gates: dict[Gate, GateState]) -> None:
        reached = [f"{gate} {state}" for gate, state in gates.items() if state is not GateState.CLOSED]
        if reached:
            self.say(f"Reached before: {', '.join(reached)}.")
        if progress is not None and progress.outcome is not None:
            self._ended.add(progress.phase)

    def _show_progress(self, progress: PhaseProgress) -> None:
        if progress.outcome is not None:
            self._show_end(progress)
            return
        self._ended.discard(progress.phase)
        if progress.phase is not self._phase:
            self._begin(progress.phase)
        if self._bar is not None:
            total = progress.images_total or None
            self._bars.update(self._bar, completed=progress.images_done, total=total, count=counted(progress))

    def _begin(self, phase: Phase) -> None:
        self._phase = phase
        if not self._console.is_terminal:
            self.say(f"{_NAMES.get(phase, phase)} ...")
        self._bars.start()
        self._clear()
        self._bar = self._bars.add_task(_NAMES.get(phase, str(phase)), total=None, count="")

    def _show_end(self, progress: PhaseProgress) -> None:
        if progress.phase in self._ended:
            return
        self._ended.add(progress.phase)
        self._phase = None
        self._clear()
        name, outcome = _NAMES.get(progress.phase, str(progress.phase)), progress.outcome
        ending = "done" if outcome is Outcome.DONE else f"ended: {outcome}"
        images = f", {progress.images_done:,} images" if progress.images_done else ""
        self.say(f"{name} {ending}{images}.")

    def _clear(self) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        self._bar = None


def counted(progress: PhaseProgress) -> str:
    """What stands beside the bar: nothing of images while a phase does not count any, as in staging."""
    parts = [f"{progress.images_done:,} of {progress.images_total:,} images"] if progress.images_total else []
    if progress.images_per_second:
        parts.append(f"{progress.images_per_second:,.0f}/s")
    if progress.seconds_left_high is not None:
        parts.append(f"{progress.seconds_left_high:,.0f} s left")
    return "  ".join(parts)
