"""Every finding code, provoked through the phase that reports it: what it says, where, and what it does to the gate.

A code without a case here fails the last tests. What leaves the practice is its code and its count, never where.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from agent import boundary
from engine.phases import PhaseResult, convert, dry_run, prove, reconcile, stage
from engine.running.forecast import MIB
from engine.source.store import SourceStore
from engine.target.files import TargetStore
from protocol.advice import ADVICE
from protocol.vocabulary import Check, FindingCode, Owner, Phase, Severity, Verdict
from tests.engine.imaging import dicoms
from tests.engine.phases.samples import GenuineSamples
from tests.engine.tiny import Tiny, TinyPractice, Told, dicom, photo, run_phase

F, C = FindingCode, Check
BLOCKER, ACCEPT, INFO = Severity.BLOCKER, Severity.ACCEPT, Severity.INFO
STAFF, PRACTICE, IT = Owner.STAFF, Owner.PRACTICE, Owner.PRACTICE_IT
DRY_RUN, CONVERT, RECONCILE = Phase.DRY_RUN, Phase.CONVERT, Phase.RECONCILE
A_FILE, PLAIN = "1.2.11/a.dcm", "1.2.840.10008.1.2.1"
ONE, FIRST = ("1", "1", A_FILE), ("1", None, None)  # the first patient's first image, the first patient
NOBODY = (None, None, None)
RUN: dict[Phase, Callable[..., PhaseResult]] = {
    Phase.STAGE: stage.run,
    Phase.PROVE: prove.run,
    DRY_RUN: dry_run.run,
    CONVERT: convert.run,
    RECONCILE: reconcile.run,
}

Change = Callable[[TinyPractice], Any]
Spoil = Callable[[Tiny], Any]
Where = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Case:
    """One way to meet a code. `change` comes before the practice is built, `spoil` after the phases `before` ran.

    `where` is patient, image and place of the finding; `closes` the checks that do not pass by it alone, with how.
    """

    name: str
    code: FindingCode
    where: Where
    closes: dict[Check, Verdict]
    change: Change = lambda practice: None
    spoil: Spoil = lambda tiny: None
    phase: Phase = DRY_RUN
    before: tuple[Phase, ...] = ()
    count: int = 1
    others: frozenset[FindingCode] = field(default=frozenset())  # what the same trouble is called besides


def sets(table: str, key: int, **values: Any) -> Change:
    return lambda practice: practice.row(table, key).update(values)


def file(content: Callable[[bytes], bytes], path: str = A_FILE) -> Change:
    return lambda practice: practice.files.update({path: content(practice.files[path])})


def target(statement: str) -> Spoil:
    return lambda tiny: _execute(tiny.target, statement)


def made_anew(table: str, columns: str) -> Spoil:
    def run(tiny: Tiny) -> None:
        _execute(tiny.target, f"DROP TABLE {table}")
        _execute(tiny.target, f"CREATE TABLE {table} ({columns})")

    return run


def staging(statement: str) -> Spoil:
    def run(tiny: Tiny) -> None:
        _execute(tiny.staging, statement)
        tiny.take_fingerprint()

    return run


def _execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def in_store(path: str, content: Callable[[bytes], bytes]) -> Spoil:
    def spoil(tiny: Tiny) -> None:
        place = tiny.store / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content(place.read_bytes() if place.exists() else b""))

    return spoil


def in_source(path: str, content: bytes) -> Spoil:
    return lambda tiny: (tiny.folder.parent / "source" / path).write_bytes(content)


def flipped(position: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def _noise(*shape: int, dtype: type = np.uint16) -> Any:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=dtype)


def _volume(practice: TinyPractice) -> None:
    """Three slices of an enhanced CT."""
    slices = {"NumberOfFrames": 3, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1", "PixelData": bytes(3 * 2 * 6300)}
    practice.files[A_FILE] = dicoms.dicom(_noise(70, 90), 12, "MONOCHROME2", PLAIN, **slices)


def _grey_jpeg() -> bytes:
    import io

    from PIL import Image

    to = io.BytesIO()
    Image.fromarray(_noise(150, 150, dtype=np.uint8)).save(to, "JPEG")
    return to.getvalue()


def _huge(practice: TinyPractice) -> None:
    """A picture of 65,535 x 65,535 pixels, as its header says."""
    practice.files[A_FILE] = dicoms.dicom(_noise(70, 90), 12, "MONOCHROME2", PLAIN, Rows=65535, Columns=65535)


def _windowed_photo(practice: TinyPractice) -> None:
    shown = {"WindowCenter": 100, "WindowWidth": 50}
    practice.files["1.2.21/e.png"] = dicoms.dicom(_noise(96, 96, 3, dtype=np.uint8), 8, "RGB", PLAIN, **shown)


def _link_out(tiny: Tiny) -> None:
    place = tiny.folder.parent / "source" / A_FILE
    place.rename(tiny.folder.parent / "elsewhere.dcm")
    place.symlink_to(tiny.folder.parent / "elsewhere.dcm")
    tiny.take_fingerprint()


def _not_utf8(tiny: Tiny) -> None:
    (tiny.folder.parent / "source" / "1.2.11" / os.fsdecode(b"\xff.dcm")).write_bytes(dicom(9))
    tiny.take_fingerprint()


def _uses_lossy(practice: TinyPractice) -> None:
    practice.files[A_FILE] = _grey_jpeg()


NO_BLOCKERS: dict[Check, Verdict] = {C.NO_BLOCKERS: Verdict.FAIL}
TO_ACCEPT: dict[Check, Verdict] = {C.NO_BLOCKERS: Verdict.ACCEPT}
LEFT_OUT = TO_ACCEPT | {C.IMAGES_DECODED: Verdict.ACCEPT}
UNDECODED = NO_BLOCKERS | {C.IMAGES_DECODED: Verdict.FAIL}
UNMAPPED = NO_BLOCKERS | {C.RECORDS_MAPPED: Verdict.FAIL}
UNEQUAL: dict[Check, Verdict] = {C.SETS_EQUAL: Verdict.FAIL}
NIGHT = (DRY_RUN, CONVERT)
DEX = "Images/00/00/00/00000001.dex"
IN_DEX = ("1", "1", DEX)


def _stranger(tiny: Tiny) -> None:
    for table, values in (("Person", "77, NULL, 0"), ("PersonName", "77, 1, 'x', 'y', NULL, NULL, NULL")):
        _execute(tiny.target, f"INSERT INTO {table} VALUES ({values})")
    _execute(tiny.target, "INSERT INTO Patient (PersonID, ExternalID) VALUES (77, '77')")


CASES: list[Case] = [
    Case("no file", F.MISSING_FILE, ONE, LEFT_OUT, lambda p: p.files.pop(A_FILE)),
    Case("a name in other letters", F.MISSING_FILE, ("1", "1", "1.2.11/A.DCM"), LEFT_OUT,
         sets("media", 1, file_name="A.DCM"), others=frozenset({F.ORPHAN_FILE})),
    Case("bytes of no picture", F.UNREADABLE_FILE, ONE, UNDECODED, file(lambda data: bytes(range(256)) * 60)),
    Case("a link out of the store", F.UNREADABLE_FILE, ONE, UNDECODED, spoil=_link_out),
    Case("a path out of the store", F.UNREADABLE_FILE, ("1", "1", "1.2.11/../../../target.sqlite"), UNDECODED,
         sets("media", 1, file_name="../../../target.sqlite"), others=frozenset({F.ORPHAN_FILE})),
    Case("cut short", F.TRUNCATED, ONE, LEFT_OUT, file(lambda data: data[:-2500])),
    Case("an empty file", F.EMPTY_FILE, ONE, LEFT_OUT, file(lambda data: b"")),
    Case("a very small picture", F.SUSPECT_SIZE, ONE, {}, file(lambda data: dicom(1, width=40, height=30))),
    Case("a category nobody mapped", F.UNKNOWN_CODE, ("1", "1", "a.dcm"), NO_BLOCKERS,
         sets("media", 1, category="HOLOGRAM")),
    Case("no chart number", F.CHART_MISSING, FIRST, TO_ACCEPT, sets("patient", 1, practice_pms_id=None)),
    Case("one chart number for two", F.CHART_DUPLICATE, FIRST, TO_ACCEPT,
         sets("patient", 1, practice_pms_id="000124"), count=2),
    Case("a long chart number", F.CHART_TOO_LONG, ("1", None, "Patient.ExternalID"), UNMAPPED,
         sets("patient", 1, practice_pms_id="0" * 17)),
    Case("a chart number in other letters", F.TEXT_NOT_REPRESENTABLE, ("1", None, "Patient.ExternalID"), UNMAPPED,
         sets("patient", 1, practice_pms_id="王12")),
    Case("a long name", F.TEXT_TOO_LONG, ("1", None, "PersonName.FamilyName"), UNMAPPED,
         sets("patient", 1, family_name="x" * 65)),
    Case("an early date", F.DATE_OUT_OF_RANGE, ("1", "1", "Image.AcquiredDate"), UNMAPPED,
         sets("media", 1, acquisition_date_time=datetime.fromisoformat("1700-01-01T00:00:00"))),
    Case("a part of a second", F.DATE_PRECISION_LOST, ("1", "1", "Image.AcquiredDate"), TO_ACCEPT,
         sets("media", 1, acquisition_date_time=datetime.fromisoformat("2019-03-04T10:00:00.250"))),
    Case("no time where one must be", F.VALUE_UNFIT, ("1", "4", "ActivityLog.EventDateTime"), UNMAPPED,
         spoil=made_anew("ActivityLog", "Event VARCHAR(32), Filename VARCHAR(255), ItemID INTEGER,"
                                        " EventDateTime TIMESTAMP NOT NULL")),
    Case("one identity for two", F.DUPLICATE_UID, ("1", "1", None), NO_BLOCKERS,
         lambda p: p.row("media", 1).update(sop_instance_uid=p.row("media", 6)["sop_instance_uid"]), count=2),
    Case("a file of no row", F.ORPHAN_FILE, (None, None, "1.2.11/nobody.dcm"), TO_ACCEPT,
         lambda p: p.files.update({"1.2.11/nobody.dcm": dicom(9)})),
    Case("a name that is not UTF-8", F.ORPHAN_FILE, (None, None, "1.2.11/\\xff.dcm"), TO_ACCEPT, spoil=_not_utf8),
    Case("an image of no patient", F.ORPHAN_ROW, (None, "5", "e.png"), TO_ACCEPT,
         lambda p: p.rows.update(series=[row for row in p.rows["series"] if row["id"] != 211]), count=2,
         others=frozenset({F.ORPHAN_FILE})),
    Case("a photo filed as an X-ray", F.LABEL_DISAGREES, ONE, {}, file(lambda data: photo(1, "PNG"))),
    Case("several frames", F.MULTIFRAME, ONE, LEFT_OUT, file(lambda data: dicom(1, frames=3))),
    Case("a volume", F.VOLUME, ONE, LEFT_OUT, _volume),
    Case("a lossy X-ray", F.LOSSY_SOURCE, ONE, {}, _uses_lossy),
    Case("a photo with a window", F.DISPLAY_RULE_LOST, ("2", "5", "1.2.21/e.png"), TO_ACCEPT, _windowed_photo),
    Case("colours nobody knows", F.NO_DECODER, ONE, UNDECODED,
         file(lambda data: dicom(1, photometric="HSV"))),
    Case("a picture beyond all limits", F.TOO_LARGE, ONE, UNDECODED, _huge),
    Case("something stands there", F.PATH_TAKEN, ("1", None, DEX), NO_BLOCKERS,
         spoil=in_store(DEX, lambda data: b"somebody's"), others=frozenset({F.TARGET_NOT_EMPTY})),
    Case("somebody is there", F.TARGET_NOT_EMPTY, NOBODY, {},
         spoil=target("INSERT INTO Person (PersonID, SSN, Removed) VALUES (500, NULL, 0)")),
    Case("a column of the target is gone", F.SCHEMA_DRIFT, (None, None, "Image.DeviceMake"), NO_BLOCKERS,
         spoil=target("ALTER TABLE Image DROP COLUMN DeviceMake")),
    Case("another version of the target", F.VERSION_UNSUPPORTED, NOBODY, NO_BLOCKERS,
         spoil=target("UPDATE SystemInfo SET Value = '9.4'")),
    Case("DEXIS 11 went on", F.LATE_ARRIVAL, (None, None, "1.2.11/late.dcm"),
         NO_BLOCKERS | {C.NOTHING_NEWER: Verdict.FAIL}, spoil=in_source("1.2.11/late.dcm", dicom(9))),
    Case("DEXIS 11 went on in the night", F.LATE_ARRIVAL, (None, None, "1.2.11/late.dcm"),
         {C.NOTHING_NEWER: Verdict.FAIL}, spoil=in_source("1.2.11/late.dcm", dicom(9)), phase=CONVERT, before=NIGHT),
    Case("DEXIS 11 went on after it", F.LATE_ARRIVAL, (None, None, "1.2.11/late.dcm"),
         {C.NOTHING_NEWER: Verdict.FAIL}, spoil=in_source("1.2.11/late.dcm", dicom(9)), phase=RECONCILE, before=NIGHT),
    Case("a full disk", F.DISK_SPACE, NOBODY, NO_BLOCKERS | {C.DISK_SUFFICIENT: Verdict.FAIL}),
    Case("two reads that disagree", F.TRANSIENT_READ, ONE, UNDECODED),
    Case("a file that changed before the night", F.SET_ASIDE, ("2", None, None),
         {C.PATIENTS_CONVERTED: Verdict.FAIL, C.IMAGES_CONVERTED: Verdict.FAIL, C.DIGESTS_AS_PLANNED: Verdict.FAIL,
          C.NOTHING_SET_ASIDE: Verdict.FAIL, C.SOURCE_UNCHANGED: Verdict.FAIL},
         spoil=in_source("1.2.21/f.dcm", dicom(99)), phase=CONVERT, before=(DRY_RUN,),
         others=frozenset({F.TRANSIENT_READ})),
    Case("somebody worked in DEXIS 10", F.TARGET_CHANGED, FIRST, NO_BLOCKERS, before=NIGHT),
    Case("a sample with a byte too many", F.SAMPLE_UNEXPLAINED, NOBODY,
         {C.SAMPLES_EXPLAINED: Verdict.FAIL, C.SAMPLES_REENCODED: Verdict.FAIL}, phase=Phase.PROVE),
    Case("a patient is gone", F.PATIENT_MISSING, (None, None, "audit.patients"),
         UNEQUAL | {C.PATIENTS_MATCHED: Verdict.FAIL},
         spoil=target("UPDATE Person SET Removed = 1 WHERE PersonID = 2"), phase=RECONCILE, before=NIGHT),
    Case("a patient too many", F.PATIENT_EXTRA, NOBODY, UNEQUAL | {C.PATIENTS_MATCHED: Verdict.FAIL},
         spoil=_stranger, phase=RECONCILE, before=NIGHT),
    Case("a row is gone", F.ROW_MISSING, ("1", "1", "Image"), UNEQUAL,
         spoil=target("DELETE FROM Image WHERE VisualID = 1"), phase=RECONCILE, before=NIGHT),
    Case("a row too many", F.ROW_EXTRA, NOBODY, UNEQUAL | {C.NO_STRAYS: Verdict.FAIL},
         spoil=target("INSERT INTO Study (StudyRecordID, PatientID) VALUES (900, 900)"), phase=RECONCILE, before=NIGHT),
    Case("a file is gone", F.FILE_MISSING, IN_DEX, UNEQUAL, spoil=lambda tiny: (tiny.store / DEX).unlink(),
         phase=RECONCILE, before=NIGHT),
    Case("a file too many", F.STRAY_FILE, (None, None, "Images/stray.dex"), UNEQUAL | {C.NO_STRAYS: Verdict.FAIL},
         spoil=in_store("Images/stray.dex", lambda data: b"stray"), phase=RECONCILE, before=NIGHT),
    Case("another name", F.FIELD_DIFFERS, ("1", None, "PersonName.given_name"),
         UNEQUAL | {C.FIELDS_EQUAL: Verdict.FAIL},
         spoil=target("UPDATE PersonName SET GivenName = 'Anna' WHERE PersonID = 1"), phase=RECONCILE, before=NIGHT),
    Case("one bit of a pixel", F.PIXELS_DIFFER, IN_DEX, UNEQUAL | {C.PIXELS_EQUAL: Verdict.FAIL},
         spoil=in_store(DEX, flipped(6000)), phase=RECONCILE, before=NIGHT),
    Case("turned", F.VIEW_DIFFERS, IN_DEX, UNEQUAL | {C.VIEWS_EQUAL: Verdict.FAIL},
         spoil=target("UPDATE Visual SET Settings = 'Turn=0&Flip=0' WHERE VisualID = 1"), phase=RECONCILE,
         before=NIGHT),
    Case("another hash", F.INTEGRITY_MISMATCH, IN_DEX, UNEQUAL | {C.INTEGRITY_RECOMPUTED: Verdict.FAIL},
         spoil=target("UPDATE Image SET SecurityHash = zeroblob(16) WHERE VisualID = 1"), phase=RECONCILE,
         before=NIGHT),
    Case("another name in the file", F.HEADER_DIFFERS, IN_DEX, UNEQUAL | {C.FIELDS_EQUAL: Verdict.FAIL},
         spoil=in_store(DEX, lambda data: data.replace(b"deg", b"geg", 1)), phase=RECONCILE, before=NIGHT),
    Case("a series of another patient", F.LOOKUP_FAILED, ("1", "1", "look-up"),
         UNEQUAL | {C.LOOKUPS_FOUND: Verdict.FAIL},
         spoil=target("UPDATE Series SET StudyRecordID = 3 WHERE SeriesID = 1"), phase=RECONCILE, before=NIGHT),
]  # fmt: skip

EXPECTED: dict[FindingCode, tuple[Severity, Owner]] = {
    F.MISSING_FILE: (ACCEPT, PRACTICE),
    F.UNREADABLE_FILE: (BLOCKER, IT),
    F.TRUNCATED: (ACCEPT, PRACTICE),
    F.EMPTY_FILE: (ACCEPT, PRACTICE),
    F.SUSPECT_SIZE: (INFO, PRACTICE),
    F.UNKNOWN_CODE: (BLOCKER, STAFF),
    F.CHART_MISSING: (ACCEPT, PRACTICE),
    F.CHART_DUPLICATE: (ACCEPT, PRACTICE),
    F.CHART_TOO_LONG: (BLOCKER, PRACTICE),
    F.TEXT_NOT_REPRESENTABLE: (BLOCKER, PRACTICE),
    F.TEXT_TOO_LONG: (BLOCKER, PRACTICE),
    F.DATE_OUT_OF_RANGE: (BLOCKER, PRACTICE),
    F.VALUE_UNFIT: (BLOCKER, STAFF),
    F.DATE_PRECISION_LOST: (ACCEPT, STAFF),
    F.VALUE_UNFIT: (BLOCKER, STAFF),
    F.DUPLICATE_UID: (BLOCKER, STAFF),
    F.ORPHAN_FILE: (ACCEPT, PRACTICE),
    F.ORPHAN_ROW: (ACCEPT, PRACTICE),
    F.LABEL_DISAGREES: (INFO, PRACTICE),
    F.MULTIFRAME: (ACCEPT, PRACTICE),
    F.VOLUME: (ACCEPT, PRACTICE),
    F.LOSSY_SOURCE: (INFO, PRACTICE),
    F.DISPLAY_RULE_LOST: (ACCEPT, PRACTICE),
    F.NO_DECODER: (BLOCKER, STAFF),
    F.TOO_LARGE: (BLOCKER, STAFF),
    F.PATH_TAKEN: (BLOCKER, IT),
    F.TARGET_NOT_EMPTY: (INFO, STAFF),
    F.SCHEMA_DRIFT: (BLOCKER, STAFF),
    F.VERSION_UNSUPPORTED: (BLOCKER, STAFF),
    F.LATE_ARRIVAL: (BLOCKER, STAFF),
    F.DISK_SPACE: (BLOCKER, IT),
    F.TRANSIENT_READ: (BLOCKER, IT),
    F.SET_ASIDE: (BLOCKER, STAFF),
    F.TARGET_CHANGED: (BLOCKER, PRACTICE),
    F.SAMPLE_UNEXPLAINED: (BLOCKER, STAFF),
    F.PATIENT_MISSING: (BLOCKER, STAFF),
    F.PATIENT_EXTRA: (BLOCKER, STAFF),
    F.ROW_MISSING: (BLOCKER, STAFF),
    F.ROW_EXTRA: (BLOCKER, STAFF),
    F.FILE_MISSING: (BLOCKER, STAFF),
    F.STRAY_FILE: (BLOCKER, IT),
    F.FIELD_DIFFERS: (BLOCKER, STAFF),
    F.PIXELS_DIFFER: (BLOCKER, STAFF),
    F.VIEW_DIFFERS: (BLOCKER, STAFF),
    F.INTEGRITY_MISMATCH: (BLOCKER, STAFF),
    F.HEADER_DIFFERS: (BLOCKER, STAFF),
    F.LOOKUP_FAILED: (BLOCKER, STAFF),
}


def _clean() -> TinyPractice:
    """A practice in which nothing is found."""
    practice = TinyPractice()
    practice.files["1.2.12/c.jpg"] = photo(3, "JPEG", side=200)
    return practice


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean practice after its night, to be copied."""
    folder = tmp_path_factory.mktemp("night") / "practice"
    tiny = _clean().build(folder)
    for phase in NIGHT:
        run_phase(RUN[phase], phase, tiny)
    return folder


def _built(case: Case, folder: Path, converted: Path) -> Tiny:
    if case.before == NIGHT:
        shutil.copytree(converted, folder)
        return Tiny(folder / "job")
    practice = _clean()
    case.change(practice)
    tiny = practice.build(folder)
    for phase in case.before:
        run_phase(RUN[phase], phase, tiny)
    return tiny


def _full_disk(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TargetStore, "free_bytes", lambda self: 100 * MIB)


def _flaky_disk(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    read, answers = SourceStore.open_read, iter([lambda data: data[:-2500]])

    def flaky(self: SourceStore, relative: str) -> bytes:
        content = read(self, relative)
        return next(answers, bytes)(content) if relative == A_FILE else content

    monkeypatch.setattr(SourceStore, "open_read", flaky)


def _worked_with(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is corrected in DEXIS 10, and the same patient has changed in DEXIS 11."""
    practice = _clean()
    practice.row("patient", 1)["given_name"] = "Anna"
    practice.restage(tiny)
    _execute(tiny.target, "UPDATE PersonName SET FamilyName = 'Corrected' WHERE PersonID = 1")


def _odd_sample(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = GenuineSamples()
    sample = genuine.one(lambda sample: sample.ending == "dex")
    sample.data += b"\0"
    samples = genuine.write(tiny.folder.parent)
    load = type(tiny).job.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(Tiny, "job", property(lambda self: replace(load(self), samples=samples)))


WORLDS: dict[FindingCode, Callable[[Tiny, pytest.MonkeyPatch], None]] = {
    F.DISK_SPACE: _full_disk,
    F.TRANSIENT_READ: _flaky_disk,
    F.TARGET_CHANGED: _worked_with,
    F.SAMPLE_UNEXPLAINED: _odd_sample,
}
"""What has to be arranged around the practice for a code that no row and no file provokes by itself."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}: {case.name}")
def test_a_finding_says_what_where_who_and_closes_what_it_must(
    case: Case, tmp_path: Path, converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = _built(case, tmp_path / "practice", converted)
    case.spoil(tiny)
    if case.code in WORLDS:
        WORLDS[case.code](tiny, monkeypatch)
    result, told = run_phase(RUN[case.phase], case.phase, tiny)

    found = [finding for finding in told.findings if finding.code is case.code]
    assert case.others <= set(told.codes())
    if case.phase is not RECONCILE:  # one fault has many faces there, and each is named
        assert set(told.codes()) == {case.code} | case.others
        assert len(found) == case.count
    assert found and found[0].phase is case.phase
    if case.where != NOBODY:
        assert (found[0].patient, found[0].image, found[0].place) == case.where
    counts = {count.code: count.count for count in result.totals.findings}
    assert counts[case.code] == len(found), "evidence counts what was found"

    verdicts = {check.check: check.verdict for check in result.checks if check.verdict is not Verdict.PASS}
    assert case.closes.items() <= verdicts.items()
    if case.phase is not RECONCILE:
        assert verdicts == case.closes
    _nothing_of_it_leaves(told, found[0].detail)


def _nothing_of_it_leaves(told: Told, detail: str | None) -> None:
    """Every event as it would leave: codes and counts, no key, name, path or sentence."""
    last = boundary.no_progress(DRY_RUN)
    gone = b"".join(out.body for event in (*told.events, *told.findings) for out in boundary.of_event(event, last))
    assert b"findings-report" in gone
    for secret in ("dcm", ".dex", "1.2.", "Images", "Nobody", "0001", detail or "dcm"):
        assert secret.encode() not in gone


@pytest.mark.parametrize("code", FindingCode)
def test_every_code_has_a_severity_an_owner_and_a_next_step(code: FindingCode) -> None:
    advice = ADVICE[code]
    assert (advice.severity, advice.owner) == EXPECTED[code]
    assert len(advice.what_to_do.split()) >= 6, "a user would not know what to do next"


def test_every_code_is_provoked() -> None:
    assert {case.code for case in CASES} == set(FindingCode)


@pytest.mark.parametrize("phase", [Phase.STAGE])
@pytest.mark.parametrize(
    ("code", "statement"),
    [
        (F.SCHEMA_DRIFT, "ALTER TABLE media DROP COLUMN teeth"),
        (F.VERSION_UNSUPPORTED, "UPDATE core_info SET value = '12.0'"),
    ],
)
def test_a_source_that_the_profile_does_not_describe_is_found_when_it_is_staged(
    tmp_path: Path, phase: Phase, code: FindingCode, statement: str
) -> None:
    tiny = _clean().build(tmp_path / "practice")
    _execute(tiny.staging, statement)
    Path(tiny.staging.removeprefix("sqlite:///")).replace(tiny.job.source.snapshot.path)
    result, told = run_phase(stage.run, phase, tiny)
    assert told.codes() == [code]
    assert [check.check for check in result.checks if check.verdict is Verdict.FAIL] == [C.SOURCE_SCHEMA]


def test_names_that_differ_in_letters_only_and_long_paths_are_ordinary_files(tmp_path: Path) -> None:
    practice = _clean()
    practice.add_image(7, 111, "1.2.11/B.DCM", dicom(7), teeth=None)
    practice.add_image(8, 111, f"1.2.11/{'deep/' * 60}x.dcm", dicom(8), file_name=f"{'deep/' * 60}x.dcm")
    tiny = practice.build(tmp_path / "practice")
    assert len(str(tiny.folder.parent / "source" / "1.2.11" / ("deep/" * 60))) > 260
    result, told = run_phase(dry_run.run, DRY_RUN, tiny)
    assert told.findings == [] and result.totals.images == 8
