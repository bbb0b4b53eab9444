"""stage, prove, dry-run, convert, reconcile: the five phases, each under its gate."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commandline.outcome import answer, leave_with
from engine.cli.options import Options

if TYPE_CHECKING:
    from engine.events import Event
    from engine.run_phase import PhaseReport
    from engine.running.control import Switch

HELP = {
    "stage": "Restore DEXIS 11's own backup into staging, and take the source's fingerprint.",
    "prove": "Prove both profiles on this practice's own genuine samples.",
    "dry-run": "The whole conversion with zero writes, and proof of that.",
    "convert": "Convert: each patient all or nothing, resumable at any moment.",
    "reconcile": "Compare source, new database and files on disk by independent code: exact, or no.",
}


def register(app: typer.Typer) -> None:
    for verb, text in HELP.items():
        app.command(verb, help=text)(_command(verb))


def _command(verb: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        run(verb, context.obj)

    return command


def run(verb: str, options: Options) -> None:
    """Runs one phase and ends the command."""
    from engine.cli.screen import Screen
    from engine.cli.summary import document, sentence
    from engine.job import Job
    from engine.running.control import Switch
    from engine.running.machine import lower_priority
    from engine.settings import Priority

    job = Job.load(options.folder)
    if job.run.priority is Priority.LOW:
        lower_priority()
    switch = Switch(job.run.pace)
    obey_signals(switch)
    if options.events:
        threading.Thread(target=switch.obey, args=(sys.stdin,), daemon=True).start()
    with Screen(quiet=options.json or options.events) as screen:
        report = _run(verb, job, switch, _print_event if options.events else screen.show)
    if options.json:
        answer(document(verb, report))
    elif not options.events:
        typer.echo(sentence(verb, report), err=True)
        _show_forecast(verb, job.report_folder)
    leave_with(report.passed)


def _run(verb: str, job: Any, switch: Switch, emit: Callable[[Event], None]) -> PhaseReport:
    from engine import identity
    from engine.apart import require_apart
    from engine.approved_plan import require_approved_plan
    from engine.compose import admission, clock, held, open_ledger, phase_function, profile_digests
    from engine.run_phase import World, phase_of, run_phase
    from engine.running.machine import kept_awake
    from engine.running.reporter import Reporter
    from engine.running.under_way import Keeper
    from engine.version import ENGINE_VERSION
    from protocol.keyset import Signer
    from protocol.vocabulary import Phase

    phase = phase_of(verb)
    require_apart(job)
    with held(job), kept_awake(f"Bitewing: {verb}"):
        ledger, signer = open_ledger(job), Signer(identity.load(job.identity_path))
        ledger.require_key(signer.public_key)
        ledger.require_open_before(phase)
        if phase is Phase.CONVERT:
            require_approved_plan(job, ledger)
        emit = Keeper(job.progress_path, emit, time.monotonic)
        reporter = Reporter(phase, emit, job.findings_path, time.monotonic)
        switch.on_pause(reporter.paused)
        world = World(ledger, signer, emit, switch, clock, time.monotonic, admission(job))
        return run_phase(phase, phase_function(phase), job, profile_digests(job), world, ENGINE_VERSION, reporter)


def _show_forecast(verb: str, report_folder: Path) -> None:
    from rich.console import Console

    from engine.cli import outlook

    if verb == "dry-run" and (found := outlook.read(report_folder)) is not None:
        Console(stderr=True).print(outlook.table(found))


def obey_signals(switch: Switch) -> None:
    """The first Ctrl-C or service stop ends the phase between two patients, a second one at once."""

    def stop(number: int, frame: object) -> None:
        switch.stop()
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _print_event(event: Event) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    sys.stdout.flush()
