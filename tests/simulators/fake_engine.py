"""An engine with the real driver, ledger and events, whose phases only count: a child process for the agent's tests.

Run as `python -P fake_engine.py --job DIR --events VERB`. What each phase does stands in DIR/fake.json:
{"convert": {"images": 40, "seconds": 0.02, "mode": "pass"}}. Progress is kept in DIR/fake-VERB.count, so that an
interrupted phase resumes; every start is a line in DIR/fake-starts.log. `linger`: seconds between evidence and exit.
Mode `night` ends after `until` images as the practice opens; `resumes_at` is when it closes (UTC seconds). Mode `day`
does not even begin before `resumes_at`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import msgspec

from engine import identity
from engine.compose import clock, held, open_ledger
from engine.events import Event
from engine.gates import ROAD
from engine.job import Job
from engine.phases import PhaseResult, judged
from engine.run_phase import World, run_phase
from engine.running.control import Control, Switch
from engine.running.reporter import Reporter
from protocol.checks import REQUIRED_CHECKS
from protocol.errors import BitewingError, EnvironmentProblem, NightOver, UsageProblem
from protocol.keyset import Signer
from protocol.statements import ProfileDigests, SetDigests, Totals
from protocol.vocabulary import Gate, Phase

DEFAULT = {"images": 6, "seconds": 0.01, "mode": "pass", "linger": 0.0}


def main() -> int:
    """Runs one phase as the real command would; its exit code."""
    folder, phase = Path(sys.argv[2]), Phase(sys.argv[4])
    with (folder / "fake-starts.log").open("a") as log:
        log.write(f"{phase} {os.getpid()}\n")
    try:
        return _run(Job.load(folder), phase)
    except BitewingError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _run(job: Job, phase: Phase) -> int:
    settings = DEFAULT | _settings(job.folder).get(phase, {})
    _fail_early(settings["mode"])
    switch = Switch()
    threading.Thread(target=switch.obey, args=(sys.stdin,), daemon=True).start()
    with held(job):
        ledger = open_ledger(job)
        reporter = Reporter(phase, _emit, job.findings_path, time.monotonic)
        signer = Signer(identity.load(job.identity_path))
        world = World(ledger, signer, _emit, switch, clock, time.monotonic, lambda _: _by_day(settings))

        def function(job: Job, reporter: Reporter, control: Control) -> PhaseResult:
            return _work(job, phase, settings, reporter, control)

        report = run_phase(phase, function, job, ProfileDigests("1" * 64, "2" * 64), world, "0.1.0", reporter)
    time.sleep(float(settings["linger"]))
    return 0 if report.passed else 1


def _settings(folder: Path) -> dict[str, dict[str, object]]:
    path = folder / "fake.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _fail_early(mode: object) -> None:
    if mode == "unavailable":
        raise EnvironmentProblem("the database does not answer")
    if mode == "unusable":
        raise UsageProblem("job.toml is wrong")
    if mode == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "silent":
        os._exit(0)


def _work(job: Job, phase: Phase, settings: dict[str, object], reporter: Reporter, control: Control) -> PhaseResult:
    count = job.folder / f"fake-{phase}.count"
    total, done = int(settings["images"]), int(count.read_text()) if count.exists() else 0
    reporter.total(patients=total, images=total)
    reporter.advance(patients=done, images=done)
    while done < total:
        if settings["mode"] != "deaf":
            control.checkpoint()
        _end_night(done, settings)
        time.sleep(float(settings["seconds"]))
        done += 1
        fresh = count.with_suffix(".new")
        fresh.write_text(str(done))
        fresh.replace(count)
        reporter.advance(patients=1, images=1, bytes=1000)
        reporter.tell()
    gate = dict(ROAD)[phase]
    failing = 1 if settings["mode"] == "fail" else 0
    checks = tuple(judged(check, total, total - failing) for check in sorted(REQUIRED_CHECKS[gate]))
    digests = SetDigests("3" * 64, "3" * 64, "3" * 64) if gate is Gate.RECONCILED else None
    return PhaseResult(gate, checks, Totals(patients=total, images=total), digests, plan="5" * 64)


def _end_night(done: int, settings: dict[str, object]) -> None:
    """Mode `night`: the practice opens after `until` images; `resumes_at` says when it closes."""
    if settings["mode"] == "night" and done >= int(str(settings["until"])):
        resumes_at = settings.get("resumes_at")
        raise NightOver("stopped at the deadline", resumes_at=None if resumes_at is None else int(str(resumes_at)))


def _by_day(settings: dict[str, object]) -> None:
    if settings["mode"] == "day":
        raise NightOver("the practice is open", resumes_at=int(str(settings["resumes_at"])))


def _emit(event: Event) -> None:
    sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
