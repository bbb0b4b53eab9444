"""The phase on what the real conversion made: exact; spoilt, it says no; repaired, it is exact again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import sqlalchemy as sa

from engine.imaging.decode import decode
from engine.phases import PhaseResult, convert, dry_run, reconcile
from protocol.checks import REQUIRED_CHECKS
from protocol.vocabulary import FindingCode, Gate, Phase, Verdict
from tests.engine.imaging import dicoms
from tests.engine.tiny import Tiny, TinyPractice, Told, dicom, photo, run_phase

SLICES = np.random.default_rng(55).integers(0, 4096, (2, 30, 40)).astype("<u2")
VOLUME = dicoms.dicom(
    *(SLICES[0], 12, "MONOCHROME2", dicoms.EXPLICIT),
    PixelData=SLICES.tobytes(),
    NumberOfFrames=2,
    SOPClassUID=dicoms.ENHANCED_CT,
)
NEGATIVE = dicoms.dicom(SLICES[0], 12, "MONOCHROME1", dicoms.EXPLICIT)  # low values are white


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny practice with trouble of every declared kind, converted by the real phases."""
    practice, folder = TinyPractice(), tmp_path_factory.mktemp("converted") / "practice"
    for key, name, content in (
        (50, "gone.dcm", None),
        (51, "short.dcm", dicom(9)[:-50]),
        (52, "film.dcm", dicom(9, frames=3)),
        (53, "empty.dcm", b""),
        (54, "photo.jpg", photo(54, "JPEG")),
        (55, "volume.dcm", VOLUME),
    ):
        practice.add_image(key, 111, f"1.2.11/{name}", content)
    practice.add_image(56, 111, "1.2.11/negative.dcm", NEGATIVE, category="PICTURE_INTRAORAL")
    _converted(practice.build(folder))
    return folder


@pytest.fixture
def tiny(converted: Path, tmp_path: Path) -> Tiny:
    shutil.copytree(converted, tmp_path / "practice", copy_function=shutil.copy2)
    return Tiny(tmp_path / "practice" / "job")


def _converted(tiny: Tiny) -> None:
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    run_phase(convert.run, Phase.CONVERT, tiny)


def _reconciled(tiny: Tiny) -> tuple[PhaseResult, Told]:
    return run_phase(reconcile.run, Phase.RECONCILE, tiny)


def test_what_the_conversion_made_is_exact(tiny: Tiny) -> None:
    result, told = _reconciled(tiny)
    assert {check.check: check.verdict for check in result.checks} == dict.fromkeys(
        REQUIRED_CHECKS[Gate.RECONCILED], Verdict.PASS
    )
    assert result.digests is not None and result.digests.equal
    assert told.codes() == ["EMPTY_FILE", "MISSING_FILE", "MULTIFRAME", "TRUNCATED", "VOLUME"]
    assert (result.totals.patients, result.totals.images, result.totals.annotations) == (3, 8, 1)


def test_a_negative_filed_as_a_photo_becomes_a_positive_and_one_that_does_not_is_found(tiny: Tiny) -> None:
    positive = 4095 - SLICES[0]
    file = next(path for path in tiny.store.rglob("*.png") if decode(path.read_bytes()).array.shape == positive.shape)
    assert np.array_equal(decode(file.read_bytes()).array, positive)
    file.write_bytes(imagecodecs.png_encode(SLICES[0]))
    assert FindingCode.PIXELS_DIFFER in _reconciled(tiny)[1].codes()


def test_what_the_conversion_made_on_postgresql_is_exact(tmp_path: Path, new_database: Callable[[], str]) -> None:
    tiny = TinyPractice().build(tmp_path / "practice", staging=new_database(), target=new_database())
    _converted(tiny)
    result, _ = _reconciled(tiny)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}


def test_one_bit_one_row_and_one_stray_file_are_named_and_repaired_it_is_exact_again(tiny: Tiny) -> None:
    file = next(path for path in sorted(tiny.store.rglob("*.dex")))
    whole, stray = file.read_bytes(), tiny.store / "Images" / "stray.dex"
    file.write_bytes(whole[:300] + bytes([whole[300] ^ 1]) + whole[301:])
    stray.write_bytes(b"stray")
    row = _run(tiny, "SELECT ItemID, Event, Filename, EventDateTime FROM ActivityLog ORDER BY ItemID")[0]
    _run(tiny, "DELETE FROM ActivityLog WHERE ItemID = :ItemID", ItemID=row["ItemID"])
    result, told = _reconciled(tiny)
    assert {FindingCode.PIXELS_DIFFER, FindingCode.ROW_MISSING, FindingCode.STRAY_FILE} <= set(told.codes())
    assert Verdict.FAIL in {check.verdict for check in result.checks}
    file.write_bytes(whole)
    stray.unlink()
    _run(tiny, "INSERT INTO ActivityLog VALUES (:Event, :Filename, :ItemID, :EventDateTime)", **row)
    result, _ = _reconciled(tiny)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}


def test_a_source_changed_since_staging_is_said(tiny: Tiny) -> None:
    os.utime(tiny.folder.parent / "source" / "1.2.11" / "a.dcm", ns=(1, 1))
    checks = {check.check: check.verdict for check in _reconciled(tiny)[0].checks}
    assert [check for check, verdict in checks.items() if verdict is Verdict.FAIL] == ["source-unchanged"]


def test_what_dexis_11_added_since_staging_keeps_the_gate_closed(tiny: Tiny) -> None:
    (tiny.folder.parent / "source" / "new.dcm").write_bytes(b"new")
    result, told = _reconciled(tiny)
    assert [check.check for check in result.checks if check.verdict is Verdict.FAIL] == ["nothing-newer"]
    assert FindingCode.LATE_ARRIVAL in told.codes()


def _run(tiny: Tiny, sql: str, **values: object) -> list[dict[str, object]]:
    engine = sa.create_engine(tiny.target)
    with engine.begin() as connection:
        result = connection.execute(sa.text(sql), values)
        rows = [dict(row) for row in result.mappings()] if result.returns_rows else []
    engine.dispose()
    return rows
