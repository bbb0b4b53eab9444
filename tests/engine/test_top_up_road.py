"""The road of a second night by command: a newer backup closes what was built on the old, and no gate is skipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import identity
from engine.cli import outlook
from engine.cli.init import make_ready
from engine.cli.main import main
from engine.compose import clock, open_ledger
from engine.ledger import Ledger
from engine.source.fingerprint import Fingerprint
from engine.target.conversion import Conversion
from engine.target.patient import PatientUnit
from protocol.keyset import Signer
from protocol.statements import sign_evidence
from protocol.vocabulary import ExitCode, Gate, GateState
from tests.engine import statements
from tests.engine.tiny import Tiny, TinyPractice


@pytest.fixture
def practice() -> TinyPractice:
    return TinyPractice()


@pytest.fixture
def tiny(practice: TinyPractice, tmp_path: Path) -> Tiny:
    """A practice whose backup is a real one, nothing staged yet."""
    tiny = practice.build(tmp_path / "practice")
    make_ready(tiny.folder)
    ledger = open_ledger(tiny.job)
    ledger.enroll(statements.PRACTICE, statements.ROOT.public_key)
    ledger.record_keyset(statements.keyset())
    tiny.job.fingerprint_path.unlink()
    _staging(tiny).replace(_backup(tiny))
    return tiny


def _staging(tiny: Tiny) -> Path:
    return tiny.folder.parent / "staging.sqlite"


def _backup(tiny: Tiny) -> Path:
    return tiny.folder.parent / "backup.sqlite"


def _back_up(practice: TinyPractice, tiny: Tiny) -> None:
    """The practice's next nightly backup."""
    kept = _staging(tiny).rename(tiny.folder.parent / "kept")
    practice._write_source(tiny, tiny.source)
    _staging(tiny).replace(_backup(tiny))
    kept.replace(_staging(tiny))


def _run(tiny: Tiny, capsys: pytest.CaptureFixture[str], *words: str, ends: ExitCode = ExitCode.DONE) -> dict[str, Any]:
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tiny.folder), *words, "--json"])
    said = capsys.readouterr()
    assert ended.value.code == ends, said.err
    document: dict[str, Any] = json.loads(said.out)
    return document


def _decide(tiny: Tiny) -> None:
    """Both operators approve whatever waits."""
    ledger = open_ledger(tiny.job)
    for standing in ledger.standings().values():
        if standing.state is GateState.WAITING and standing.evidence:
            for name in ("ann", "bob")[: standing.needed]:
                signed = statements.decision(name, standing.evidence, at=clock(), run=tiny.job.run_id)
                ledger.record_decision(signed)


def _night(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("dry-run", "convert", "reconcile"):
        _run(tiny, capsys, verb)
        _decide(tiny)


def _open(tiny: Tiny) -> list[Gate]:
    standings = open_ledger(tiny.job).standings()
    return [gate for gate, standing in standings.items() if standing.state is GateState.OPEN]


@pytest.fixture
def done(tiny: Tiny, capsys: pytest.CaptureFixture[str]) -> Tiny:
    """The first night is done."""
    _run(tiny, capsys, "stage")
    _prove(tiny)
    _night(tiny, capsys)
    assert _open(tiny) == list(open_ledger(tiny.job).standings())
    return tiny


def _prove(tiny: Tiny) -> None:
    """Passing evidence of the profiles, approved: the tiny practice has no samples of its own."""
    job = tiny.job
    made = statements.evidence(Gate.PROFILE_PROVEN).evidence
    signer = Signer(identity.load(job.identity_path))
    signed = sign_evidence(msgspec.structs.replace(made, run=job.run_id, produced_at=clock()), signer)
    open_ledger(job).record_evidence(signed)
    _decide(tiny)


def test_the_same_backup_staged_again_changes_nothing(done: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    before = _open(done)
    _run(done, capsys, "stage")
    assert _open(done) == before


def test_another_backup_closes_every_later_gate_even_if_it_counts_the_same(
    done: Tiny, practice: TinyPractice, capsys: pytest.CaptureFixture[str]
) -> None:
    practice.row("patient", 1)["given_name"] = "Eva"
    _back_up(practice, done)
    _run(done, capsys, "stage")
    assert _open(done) == [Gate.STAGED]
    for verb in ("dry-run", "convert", "reconcile"):
        assert "PROFILE_PROVEN" in _run(done, capsys, verb, ends=ExitCode.REFUSED)["error"]


@pytest.mark.parametrize("died", ["before the evidence", "after the evidence"])
def test_a_power_cut_as_another_backup_is_staged_leaves_nothing_to_rest_on_and_no_gate_open(
    done: Tiny, practice: TinyPractice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, died: str
) -> None:
    practice.row("patient", 1)["given_name"] = "Eva"
    _back_up(practice, done)
    with monkeypatch.context() as patched:
        place = (Ledger, "record_evidence") if died == "before the evidence" else (Fingerprint, "save")
        patched.setattr(*place, _power_cut)
        with pytest.raises(_PowerCut):
            main(["--job", str(done.folder), "stage", "--json"])
    for verb in ("dry-run", "convert", "reconcile"):
        with pytest.raises(SystemExit) as ended:
            main(["--job", str(done.folder), verb, "--json"])
        assert ended.value.code in (ExitCode.USAGE, ExitCode.REFUSED)
    capsys.readouterr()
    _run(done, capsys, "stage")
    assert _open(done) == [Gate.STAGED]


def test_while_a_patient_is_not_settled_nothing_is_staged_and_the_conversion_goes_on_with_its_approvals(
    tiny: Tiny, practice: TinyPractice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tiny, capsys, "stage")
    _prove(tiny)
    _run(tiny, capsys, "dry-run")
    _decide(tiny)
    with monkeypatch.context() as patched:
        patched.setattr(PatientUnit, "finish", _power_cut)
        patched.setattr(Conversion, "settle_open", lambda self: None)
        with pytest.raises(_PowerCut):
            main(["--job", str(tiny.folder), "convert", "--json"])
    capsys.readouterr()
    practice.row("patient", 1)["given_name"] = "Eva"
    kept = _backup(tiny).read_bytes()
    _back_up(practice, tiny)
    staged, opened = _staging(tiny).read_bytes(), _open(tiny)
    assert "not settled for 1 of its patients" in _run(tiny, capsys, "stage", ends=ExitCode.REFUSED)["error"]
    assert (_staging(tiny).read_bytes(), _open(tiny)) == (staged, opened)
    _backup(tiny).write_bytes(kept)
    assert _run(tiny, capsys, "convert")["patients"] == 3


class _PowerCut(BaseException):
    """Nothing catches it."""


def _power_cut(*_: object) -> None:
    raise _PowerCut


def test_a_second_night_takes_the_whole_road_and_its_certificate_says_so(
    done: Tiny, practice: TinyPractice, capsys: pytest.CaptureFixture[str]
) -> None:
    practice.row("patient", 1)["given_name"] = "Eva"
    _back_up(practice, done)
    _run(done, capsys, "stage")
    _prove(done)
    _run(done, capsys, "dry-run")
    forecast = _run(done, capsys, "status")["forecast"]
    assert forecast["top_up"] == {"number": 1, "kept": 2, "changed": 1, "new": 0, "gone": 0}
    assert dict(outlook.lines(forecast))["Top-up 1"] == "patients: 2 kept, 1 changed, 0 new, 0 gone"
    assert "approvals" in _run(done, capsys, "convert", ends=ExitCode.REFUSED)["error"]
    _decide(done)
    assert _run(done, capsys, "convert")["images"] == 6
    _decide(done)
    assert _run(done, capsys, "reconcile")["exact"]
    _decide(done)
    assert {row[3] for row in done.target_rows()["personname"]} == {"Eva", "小明", "Yet"}
    report = _run(done, capsys, "report")
    certificate = json.loads(Path(report["json"]).read_text(encoding="utf-8"))
    assert certificate["nights"][-1] == {"kept": 2, "changed": 1, "new": 0, "gone": 0}
    assert "Top-up 1" in Path(report["html"]).read_text(encoding="utf-8")
