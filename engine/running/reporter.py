"""Where a phase reports progress and findings, with rate and time left worked out for it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TextIO

import msgspec

from engine.events import Doing, Event, Finding, FindingsCounted, Progress
from engine.running.headway import Headway, time_left
from protocol.vocabulary import FindingCode, Phase

TICK_SECONDS = 0.5  # between two progress events: a person's eye needs no more


class Reporter:
    """Counts what is done, tells `emit` about it now and then, and keeps findings in `findings_path`.

    `clock` gives monotonic seconds. Findings of an earlier run of the same phase are replaced.
    """

    def __init__(
        self, phase: Phase, emit: Callable[[Event], None], findings_path: Path, clock: Callable[[], float]
    ) -> None:
        self.phase, self._emit, self._clock = phase, emit, clock
        self._patients_total = self._images_total = 0
        self._patients = self._images = self._bytes = self._rows = self._files = 0
        self._headway = Headway(clock)
        self._last_tick = float("-inf")
        self._paused = False
        self._doing: Doing | None = None
        self._counts: Counter[FindingCode] = Counter()
        self._findings = _kept(findings_path, phase)

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._doing = None
        self.tell()
        with self._findings as file:
            _flush(file)

    @property
    def counts(self) -> Mapping[FindingCode, int]:
        """How often each code was found so far."""
        return dict(self._counts)

    def total(self, patients: int, images: int) -> None:
        """What there is to do."""
        self._patients_total, self._images_total = patients, images
        self.tell()

    def doing(self, what: Doing) -> None:
        """What goes on from now until the next image is done."""
        self._doing = what
        self.tell()

    def advance(self, patients: int = 0, images: int = 0, bytes: int = 0, rows: int = 0, files: int = 0) -> None:
        """What was done since the last call."""
        self._patients += patients
        self._images += images
        self._bytes += bytes
        self._rows += rows
        self._files += files
        self._doing = None
        if self._clock() - self._last_tick >= TICK_SECONDS:
            self.tell()

    def paused(self, paused: bool) -> None:
        """The run pauses or goes on; the time paused does not count in the rate."""
        self._paused = paused
        self._headway.begin_at(self._images)
        self.tell()

    def finding(self, finding: Finding) -> None:
        """Keeps a finding for the practice's eyes and counts its code."""
        self._counts[finding.code] += 1
        self._findings.write(msgspec.json.encode(finding).decode() + "\n")

    def tell(self) -> None:
        """Emits how things stand now."""
        self._last_tick = self._clock()
        rate = self._headway.rate(self._images)
        low, high = time_left(self._images_total - self._images, rate)
        self._emit(
            Progress(
                self.phase,
                self._patients,
                self._patients_total,
                self._images,
                self._images_total,
                self._bytes,
                rate,
                low,
                high,
                self._paused,
                self._rows,
                self._files,
                self._doing,
            )
        )
        if self._counts:
            self._emit(FindingsCounted(self.phase, dict(self._counts)))


def _kept(path: Path, phase: Phase) -> TextIO:
    """The findings file, opened for appending, without what an earlier run of this phase wrote."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    others = [line for line in lines if _phase(line) != phase]
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in others)
        _flush(file)
    fresh.replace(path)
    return path.open("a", encoding="utf-8")


def _flush(file: TextIO) -> None:
    """The evidence that counts these findings is on the disk in a moment; they must be there before it."""
    file.flush()
    os.fsync(file.fileno())


def _phase(line: str) -> str | None:
    try:
        return str(json.loads(line).get("phase"))
    except (ValueError, AttributeError):
        return None
