"""A phase behind a closed gate, started by hand: exit 3, a sentence that names the gate, and nothing is written."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from engine import identity
from engine.cli.init import make_ready
from engine.cli.main import main
from engine.compose import clock, open_ledger
from engine.phases import dry_run
from engine.plan.digests import blinded
from engine.plan.reader import Plan
from protocol.keyset import Signer
from protocol.statements import sign_evidence
from protocol.vocabulary import ExitCode, Gate, Phase
from tests.engine import statements
from tests.engine.tiny import Tiny, TinyPractice, run_phase

LOCKS = {"job.lock", "ledger.lock"}


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A practice with a plan, ready to be converted but for its gates."""
    tiny = TinyPractice().build(tmp_path / "practice")
    make_ready(tiny.folder)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    return tiny


def everything(tiny: Tiny) -> Mapping[str, str]:
    """Every file of source, target and job, locks apart: path to SHA-256."""
    root = tiny.folder.parent
    files = [path for path in root.rglob("*") if path.is_file() and path.name not in LOCKS]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("verb", ["prove", "dry-run", "convert", "reconcile"])
def test_a_phase_whose_road_is_closed_writes_nothing(tiny: Tiny, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    before = everything(tiny)
    document = refused(tiny, capsys, verb)
    assert "gate " in document["error"] and "nothing was written" in document["error"] and document["next"]
    assert everything(tiny) == before


@pytest.mark.parametrize("approvals", [(), ("ann",)], ids=["nobody", "one of two"])
def test_convert_waits_for_every_approval_of_the_dry_run(
    tiny: Tiny, capsys: pytest.CaptureFixture[str], approvals: tuple[str, ...]
) -> None:
    approve(tiny, Gate.STAGED)
    approve(tiny, Gate.PROFILE_PROVEN, "ann")
    approve(tiny, Gate.DRY_RUN, *approvals)
    before = everything(tiny)
    document = refused(tiny, capsys, "convert")
    assert "DRY_RUN" in document["error"] and f"{len(approvals)} of 2" in document["error"]
    assert everything(tiny) == before


def test_with_every_approval_the_same_convert_begins(tiny: Tiny) -> None:
    approve(tiny, Gate.STAGED)
    approve(tiny, Gate.PROFILE_PROVEN, "ann")
    approve(tiny, Gate.DRY_RUN, "ann", "bob")
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tiny.folder), "convert", "--json"])
    assert ended.value.code == ExitCode.DONE and tiny.store_content()


def test_in_opening_hours_convert_says_what_it_would_do_and_when_it_may(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    approve(tiny, Gate.STAGED)
    approve(tiny, Gate.PROFILE_PROVEN, "ann")
    approve(tiny, Gate.DRY_RUN, "ann", "bob")
    begin, deadline = (datetime.now().astimezone() + timedelta(hours=hours) for hours in (1, 2))
    with (tiny.folder / "job.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"begin = '{begin:%H:%M}'\ndeadline = '{deadline:%H:%M}'\n")
    before = everything(tiny)
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tiny.folder), "convert", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (ended.value.code, document["outcome"]) == (ExitCode.INTERRUPTED, "interrupted")
    assert "3 patients with 6 images" in document["error"] and f"{begin:%H:%M}" in document["next"]
    assert everything(tiny) == before, "not even the ledger: an approval is used up when a phase begins"


def test_in_opening_hours_a_program_hears_when_it_may_go_on(
    tiny: Tiny, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    approve(tiny, Gate.STAGED)
    approve(tiny, Gate.PROFILE_PROVEN, "ann")
    approve(tiny, Gate.DRY_RUN, "ann", "bob")
    begin, deadline = (datetime.now().astimezone() + timedelta(hours=hours) for hours in (1, 2))
    with (tiny.folder / "job.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"begin = '{begin:%H:%M}'\ndeadline = '{deadline:%H:%M}'\n")
    with pytest.raises(SystemExit):
        main(["--job", str(tiny.folder), "convert", "--events"])
    (event,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (event["event"], event["outcome"]) == ("phase-ended", "until-evening")
    assert event["resumes_at"] == int(begin.replace(second=0, microsecond=0).timestamp())


def approve(tiny: Tiny, gate: Gate, *names: str) -> None:
    """Passing evidence of a gate, signed with the run's key, and approvals of it."""
    job = tiny.job
    ledger, signer = open_ledger(job), Signer(identity.load(job.identity_path))
    ledger.enroll(statements.PRACTICE, statements.ROOT.public_key)
    ledger.record_keyset(statements.keyset())
    with closing(Plan(job.plan_path)) as plan:
        named = blinded(plan.digest, job.digest_key)
    made = statements.evidence(gate, plan=named).evidence
    signed = sign_evidence(msgspec.structs.replace(made, run=job.run_id, produced_at=clock()), signer)
    ledger.record_evidence(signed)
    for name in names:
        ledger.record_decision(statements.decision(name, signed, at=clock(), run=job.run_id))


def refused(tiny: Tiny, capsys: pytest.CaptureFixture[str], verb: str) -> dict[str, str]:
    """The one object of a command that is refused."""
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tiny.folder), verb, "--json"])
    said = capsys.readouterr()
    (line,) = said.out.splitlines()
    document: dict[str, str] = json.loads(line)
    assert ended.value.code == ExitCode.REFUSED and document["outcome"] == "refused"
    assert document["error"] in said.err
    return document
