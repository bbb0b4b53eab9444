"""One phase of the engine in a process of its own, with what it cost.

Runs the phase's own code as the command line does, with its real worker processes, but without gates: there is nobody
here who could approve. Prints one JSON object.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from engine.compose import phase_function
from engine.job import Job
from engine.running.control import Uncontrolled
from engine.running.reporter import Reporter
from protocol.vocabulary import Phase, Verdict

# Not `-m`: each worker would import this module once more, and with it all that only the main process needs.
_START: Final = f"from {__name__} import main; main()"
_SAMPLE_SECONDS: Final = 0.5  # between two samples of the processor time


@dataclass(frozen=True, slots=True)
class Measured:
    """What one phase took. `seconds` is wall time. Peak memory in MiB: of the phase's own process and largest worker.

    `loop_images` in `loop_seconds` leave out what is done once a run, however large it is: they are counted from the
    end of the first patient to the end of the last one; processor time, of all processes, between two samples in there.
    `start_cpu_seconds` were spent before the first patient, and `cpu_seconds` in all.
    """

    images: int
    seconds: float
    loop_images: int
    loop_seconds: float
    loop_cpu_images: int
    loop_cpu_seconds: float
    start_cpu_seconds: float
    cpu_seconds: float
    main_peak_mib: float
    worker_peak_mib: float
    failed: tuple[str, ...]

    @property
    def images_per_hour(self) -> float:
        """Without what is done once a run, unless there was a single patient."""
        if not self.loop_images:
            return self.images / self.seconds * 3600
        return self.loop_images / self.loop_seconds * 3600

    @property
    def cpu_milliseconds(self) -> float:
        """Processor time that one image takes; likewise."""
        if not self.loop_cpu_images:
            return self.cpu_seconds / self.images * 1000
        return self.loop_cpu_seconds / self.loop_cpu_images * 1000


def measure(phase: Phase, job: Path) -> Measured:
    """Runs the phase in a new process. Raises SystemExit if it does not end well."""
    command = [sys.executable, "-c", _START, phase, str(job)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"the phase {phase} ended with {done.returncode}")
    measured = Measured(**json.loads(done.stdout))
    if measured.failed:
        raise SystemExit(f"the phase {phase} did not pass: {', '.join(measured.failed)}")
    return measured


@dataclass(frozen=True, slots=True)
class _Sample:
    moment: float
    images: int
    cpu_seconds: float
    worker_peak_mib: float


class _Timed(Reporter):
    """A reporter that samples the processor time of this process and its workers while patients come to their end."""

    samples: tuple[_Sample, ...] = ()  # the first and the newest
    ended = 0.0  # when the newest patient was done
    images = 0

    def advance(self, patients: int = 0, images: int = 0, bytes: int = 0) -> None:
        super().advance(patients, images, bytes)
        self.ended, self.images = time.perf_counter(), self.images + images
        if images and (not self.samples or self.ended - self.samples[-1].moment >= _SAMPLE_SECONDS):
            self.samples = (*self.samples[:1], _sample(self.ended, self.images))


def _sample(moment: float, images: int) -> _Sample:
    workers = [psutil.Process(process.pid) for process in multiprocessing.active_children()]
    times = [process.cpu_times() for process in (psutil.Process(), *workers)]
    spent = sum(one.user + one.system for one in times)
    return _Sample(moment, images, spent, max(map(_peak_mib, workers), default=0.0))


def _peak_mib(process: psutil.Process) -> float:
    """The most memory a process ever had, as Linux keeps it (getrusage would count the parent's); else what it has."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return float(process.memory_info().rss) / 1024**2
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    phase, job = Phase(sys.argv[1]), Job.load(Path(sys.argv[2]))
    run = phase_function(phase)
    started = time.perf_counter()
    reporter = _Timed(phase, lambda event: None, job.findings_path, time.monotonic)
    with reporter:
        result = run(job, reporter, Uncontrolled())
    seconds = time.perf_counter() - started
    failed = tuple(check.check for check in result.checks if check.verdict is Verdict.FAIL)
    sys.stdout.write(json.dumps(asdict(_measured(reporter, seconds, failed))))


def _measured(reporter: _Timed, seconds: float, failed: tuple[str, ...]) -> Measured:
    nothing = _Sample(reporter.ended, reporter.images, 0.0, 0.0)
    first, last = (reporter.samples[0], reporter.samples[-1]) if reporter.samples else (nothing, nothing)
    main, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Measured(
        images=reporter.images,
        seconds=seconds,
        loop_images=reporter.images - first.images,
        loop_seconds=reporter.ended - first.moment,
        loop_cpu_images=last.images - first.images,
        loop_cpu_seconds=last.cpu_seconds - first.cpu_seconds,
        start_cpu_seconds=first.cpu_seconds,
        cpu_seconds=main.ru_utime + main.ru_stime + workers.ru_utime + workers.ru_stime,
        main_peak_mib=_peak_mib(psutil.Process()),
        worker_peak_mib=last.worker_peak_mib,
        failed=failed,
    )
