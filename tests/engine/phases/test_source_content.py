"""Every file that the dry run read is read again, and one bit is enough; an interrupted one goes on, skipping none."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from filelock import FileLock

from engine import compose, identity
from engine.cli.init import make_ready
from engine.cli.main import main
from engine.compose import open_ledger
from engine.phases import PhaseResult, convert, dry_run, reconcile
from engine.phases.source_content import Clocks, ContentState, content_check, forget
from engine.running.control import Uncontrolled
from engine.source import store
from engine.source.check import MOST_EXAMPLES, source_check
from engine.source.content import Difference
from engine.source.listing import Change
from protocol.errors import EnvironmentProblem, Interrupted, Refused, UsageProblem
from protocol.keyset import Signer
from protocol.statements import sign_evidence
from protocol.vocabulary import ExitCode, Gate, Phase, Verdict
from tests.engine import statements
from tests.engine.tiny import Tiny, TinyPractice, dicom, run_phase

SIX_FILES = len(TinyPractice().files)


@dataclass
class Stops(Uncontrolled):
    """Stops after so many patients."""

    left: int

    def checkpoint(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interrupted("stopped on request", next_step="again")


def checked(tiny: Tiny, control: Uncontrolled | None = None, told: list[tuple[int, int]] | None = None) -> ContentState:
    def hear(files: int, total: int) -> None:
        if told is not None:
            told.append((files, total))

    return content_check(tiny.job, control or Uncontrolled(), hear)


def flip(path: Path, position: int = -1) -> None:
    """Turns one bit around; size and times stay as they were."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def planned(tiny: Tiny) -> PhaseResult:
    result, _ = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    return result


@pytest.fixture(scope="module")
def a_plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("content") / "practice"
    planned(TinyPractice().build(folder))
    return folder


@pytest.fixture
def tiny(a_plan: Path, tmp_path: Path) -> Tiny:
    """Two patients with four and two images, and one with none, after a dry run."""
    shutil.copytree(a_plan, tmp_path / "practice", copy_function=shutil.copy2)
    return Tiny(tmp_path / "practice" / "job")


def test_one_bit_under_the_old_size_and_time_is_found_by_reading_and_by_nothing_else(
    new_databases: Callable[[], str], tmp_path: Path
) -> None:
    tiny = TinyPractice().build(tmp_path / "practice", staging=new_databases(), target=new_databases())
    planned(tiny)
    assert checked(tiny).differences == ()
    forget(tiny.job)
    flip(tiny.source / "1.2.12" / "d.dcm")
    assert source_check(tiny.job).is_as_staged
    state = checked(tiny)
    assert state.differences == ("content: 1 file with other bytes than the dry run read",)
    assert state.examples == {Difference.CHANGED: ("1.2.12/d.dcm",)}


def test_all_is_read_and_nothing_is_changed(tiny: Tiny) -> None:
    told: list[tuple[int, int]] = []
    state = checked(tiny, told=told)
    assert (state.files, state.uncovered, state.differences) == (SIX_FILES, 0, ())
    assert state.bytes == sum(map(len, TinyPractice().files.values()))
    assert (told[0], told[-1]) == ((0, SIX_FILES), (SIX_FILES, SIX_FILES))


def test_workers_that_are_processes_find_the_same(tmp_path: Path) -> None:
    tiny = TinyPractice().build(tmp_path / "practice", workers=2)
    planned(tiny)
    flip(tiny.source / "1.2.21" / "f.dcm", 0)
    assert checked(tiny).examples == {Difference.CHANGED: ("1.2.21/f.dcm",)}


def test_who_was_stopped_goes_on_with_what_was_found_until_then(tiny: Tiny) -> None:
    flip(tiny.source / "1.2.11" / "a.dcm")
    with pytest.raises(Interrupted):
        checked(tiny, Stops(1))
    flip(tiny.source / "1.2.11" / "b.dcm")  # it was read already, and is not read again
    flip(tiny.source / "1.2.21" / "e.png")
    told: list[tuple[int, int]] = []
    state = checked(tiny, told=told)
    assert told[0] == (4, SIX_FILES)
    assert (state.files, state.counts) == (SIX_FILES, {Difference.CHANGED: 2})
    assert state.examples == {Difference.CHANGED: ("1.2.11/a.dcm", "1.2.21/e.png")}


def test_after_the_result_was_told_all_is_read_again(tiny: Tiny) -> None:
    checked(tiny)
    flip(tiny.source / "1.2.21" / "e.png")
    assert checked(tiny).differences == (), "nothing is left of the first reading"
    forget(tiny.job)
    assert checked(tiny).examples == {Difference.CHANGED: ("1.2.21/e.png",)}


def test_the_moment_is_that_of_the_first_file(tiny: Tiny) -> None:
    with pytest.raises(Interrupted):
        content_check(tiny.job, Stops(1), lambda files, total: None, Clocks(now=lambda: 1_000.0))
    assert content_check(tiny.job, Uncontrolled(), lambda files, total: None, Clocks(now=lambda: 2_000.0)).since == 1000


def test_a_power_cut_costs_seconds_of_reading(tiny: Tiny) -> None:
    """What was set down before the end is all there is then."""
    kept: list[bytes] = []

    def hear(files: int, total: int) -> None:
        if tiny.job.content_path.exists():
            kept.append(tiny.job.content_path.read_bytes())

    seconds = iter(range(0, 1000, 10))
    content_check(tiny.job, Uncontrolled(), hear, Clocks(monotonic=lambda: next(seconds)))
    tiny.job.content_path.write_bytes(kept[0])
    told: list[tuple[int, int]] = []
    checked(tiny, told=told)
    assert told[0] == (4, SIX_FILES)


@pytest.mark.parametrize("spoilt", [b"", b"{", b'{"plan":"x","since":1,"patient":1,"files":4}'])
def test_without_a_mark_of_this_plan_it_begins_anew(tiny: Tiny, spoilt: bytes) -> None:
    with pytest.raises(Interrupted):
        checked(tiny, Stops(1))
    tiny.job.content_path.write_bytes(spoilt)
    told: list[tuple[int, int]] = []
    checked(tiny, told=told)
    assert told[0] == (0, SIX_FILES)


def test_a_share_that_went_away_is_no_answer_and_the_same_patient_comes_next(tiny: Tiny) -> None:
    with pytest.raises(Interrupted):
        checked(tiny, Stops(1))
    away = tiny.source.rename(tiny.source.with_name("away"))
    with pytest.raises(EnvironmentProblem, match="store"):
        checked(tiny)
    away.rename(tiny.source)
    told: list[tuple[int, int]] = []
    assert checked(tiny, told=told).differences == ()
    assert told[0] == (4, SIX_FILES)


@pytest.mark.parametrize("leaves_its_folder", [True, False])
def test_a_share_that_goes_away_while_it_is_read_is_no_answer(tiny: Tiny, leaves_its_folder: bool) -> None:
    away = tiny.source.with_name("away")

    class Unplugs(Uncontrolled):
        def checkpoint(self) -> None:
            if not away.exists():
                tiny.source.rename(away)
                if leaves_its_folder:
                    tiny.source.mkdir()

    with pytest.raises(EnvironmentProblem, match="image store"):
        checked(tiny, Unplugs())
    away.rename(tiny.source)
    told: list[tuple[int, int]] = []
    assert checked(tiny, told=told).differences == ()
    assert told[0] == (4, SIX_FILES)


def test_what_is_gone_is_told_apart_and_ten_are_named(tmp_path: Path) -> None:
    practice = TinyPractice()
    for key in range(40, 55):
        practice.add_image(key, 211, f"1.2.21/{key}.dcm", dicom(key))
    tiny = practice.build(tmp_path / "practice")
    planned(tiny)
    (tiny.source / "1.2.11" / "a.dcm").unlink()
    for key in range(40, 55):
        flip(tiny.source / "1.2.21" / f"{key}.dcm")
    state = checked(tiny)
    assert state.counts == {Difference.UNREADABLE: 1, Difference.CHANGED: 15}
    assert len(state.examples[Difference.CHANGED]) == MOST_EXAMPLES == 10
    assert state.examples[Difference.UNREADABLE] == ("1.2.11/a.dcm",)


def test_what_the_dry_run_did_not_read_is_counted_as_not_covered(tmp_path: Path) -> None:
    practice = TinyPractice()
    practice.files["1.2.11/orphan.dcm"] = dicom(50)
    practice.files["thumbs.db"] = b"x"
    practice.add_image(51, 211, "1.2.21/missing.dcm", None)
    practice.add_image(52, 211, "1.2.21/empty.dcm", b"")
    tiny = practice.build(tmp_path / "practice")
    planned(tiny)
    state = checked(tiny)
    assert (state.files, state.uncovered) == (SIX_FILES, 3)
    flip(tiny.source / "thumbs.db")
    forget(tiny.job)
    assert checked(tiny).differences == (), "as it says"


def test_what_was_read_and_is_not_converted_is_read_too(tmp_path: Path) -> None:
    practice = TinyPractice()
    practice.add_image(50, 211, "1.2.21/frames.dcm", dicom(50, frames=3))
    practice.add_image(51, 211, "1.2.21/cut.dcm", dicom(51)[:-100])
    tiny = practice.build(tmp_path / "practice")
    assert planned(tiny).totals.images == SIX_FILES
    flip(tiny.source / "1.2.21" / "frames.dcm")
    flip(tiny.source / "1.2.21" / "cut.dcm")
    state = checked(tiny)
    assert (state.files, state.uncovered) == (SIX_FILES + 2, 0)
    assert state.examples == {Difference.CHANGED: ("1.2.21/frames.dcm", "1.2.21/cut.dcm")}


def test_of_two_reads_that_disagreed_neither_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    practice = TinyPractice()
    practice.add_image(51, 211, "1.2.21/cut.dcm", dicom(51)[:-100])
    tiny = practice.build(tmp_path / "practice")
    reads, read = itertools.count(), store._content
    monkeypatch.setattr(store, "_content", lambda path: read(path) + b"\0" * (next(reads) if "cut" in path.name else 0))
    planned(tiny)
    state = checked(tiny)
    assert (state.files, state.uncovered) == (SIX_FILES, 1)


def test_after_a_top_up_who_stayed_is_read_too_and_who_left_is_not(tmp_path: Path) -> None:
    practice = TinyPractice()
    tiny = practice.build(tmp_path / "practice")
    planned(tiny)
    for module, phase in ((convert, Phase.CONVERT), (reconcile, Phase.RECONCILE)):
        result, _ = run_phase(module.run, phase, tiny)
        assert all(check.verdict is Verdict.PASS for check in result.checks)
    practice.rows["media"] = [row for row in practice.rows["media"] if row["id"] != 6]
    del practice.files["1.2.21/f.dcm"]
    practice.restage(tiny)
    flip(tiny.source / "1.2.11" / "b.dcm")
    planned(tiny)
    state = checked(tiny)
    assert (state.files, state.counts) == (SIX_FILES - 1, {Difference.CHANGED: 1})
    assert state.examples == {Difference.CHANGED: ("1.2.11/b.dcm",)}


def test_without_a_staging_or_a_plan_it_says_what_comes_first(tiny: Tiny) -> None:
    tiny.job.plan_path.unlink()
    with pytest.raises(Refused, match="no plan"):
        checked(tiny)
    tiny.job.fingerprint_path.unlink()
    with pytest.raises(UsageProblem, match="not staged"):
        checked(tiny)


@pytest.fixture
def under_gates(tiny: Tiny) -> Tiny:
    """The same, with a ledger that knows of staging and dry run."""
    make_ready(tiny.folder)
    plan = planned(tiny).plan
    for gate in (Gate.STAGED, Gate.DRY_RUN):
        record(tiny, gate, str(plan))
    return tiny


def record(tiny: Tiny, gate: Gate, plan: str) -> None:
    """Evidence of a gate, as the job's own key signs it."""
    made = statements.evidence(gate, plan=plan).evidence
    named = msgspec.structs.replace(made, run=tiny.job.run_id)
    open_ledger(tiny.job).record_evidence(sign_evidence(named, Signer(identity.load(tiny.job.identity_path))))


def command(tiny: Tiny, *words: str) -> object:
    """The exit code of source-check."""
    with pytest.raises(SystemExit) as ended:
        main(["--job", str(tiny.folder), "source-check", *words])
    return ended.value.code


def test_the_command_says_what_was_read_and_what_was_not(under_gates: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(under_gates, "--content") == ExitCode.DONE
    said = capsys.readouterr().err
    assert "the very bytes it had" in said and f"{SIX_FILES} files" in said and "Not covered" not in said
    assert not under_gates.job.content_path.exists()


def test_the_command_answers_no_and_names_the_file(under_gates: Tiny, capsys: pytest.CaptureFixture[str]) -> None:
    flip(under_gates.source / "1.2.11" / "a.dcm")
    assert command(under_gates) == ExitCode.DONE
    assert command(under_gates, "--content") == ExitCode.ANSWER_IS_NO
    said = capsys.readouterr().err
    assert "unchanged" not in said and "1 file with other bytes" in said and "changed  1.2.11/a.dcm" in said
    assert command(under_gates, "--content", "--json") == ExitCode.ANSWER_IS_NO
    document = json.loads(capsys.readouterr().out)
    assert document["unchanged"] is False and document["content"]["changed"] == ["1.2.11/a.dcm"]
    assert document["changed"] == document["differences"] == ["content: 1 file with other bytes than the dry run read"]
    assert set(document["files"]) == {change.name.lower() for change in Change if change is not Change.NONE}


def test_without_the_option_no_file_is_read_and_the_answer_is_as_ever(
    under_gates: Tiny, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.source.store._content", lambda path: pytest.fail("a file was opened"))
    under_gates.job.plan_path.unlink()
    assert command(under_gates, "--json") == ExitCode.DONE
    assert set(json.loads(capsys.readouterr().out)) == {
        *("verb", "unchanged", "differences", "changed", "late_arrivals", "files")
    }


def test_a_plan_of_before_the_newest_staging_says_nothing_of_it(
    under_gates: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    record(under_gates, Gate.STAGED, "0" * 64)
    assert command(under_gates, "--content") == ExitCode.REFUSED
    assert "staged again" in capsys.readouterr().err


@pytest.mark.attack
def test_a_plan_that_was_changed_by_hand_proves_nothing(under_gates: Tiny) -> None:
    with closing(sqlite3.connect(under_gates.job.plan_path)) as plan, plan:
        plan.execute("UPDATE image SET source_sha256 = replace(source_sha256, '1', '2')")
    assert command(under_gates, "--content") == ExitCode.REFUSED


def test_while_another_works_on_the_job_nothing_is_read(under_gates: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "LOCK_SECONDS", 0.0)
    with FileLock(under_gates.folder / "job.lock"):
        assert command(under_gates, "--content") == ExitCode.REFUSED
    assert not under_gates.job.content_path.exists()
