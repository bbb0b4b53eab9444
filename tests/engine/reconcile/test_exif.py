"""EXIF travels with the file and the record's orientation with the record: once each, whatever the photo becomes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from engine.imaging.decode import decode
from engine.phases import convert, dry_run, reconcile
from protocol.vocabulary import FindingCode, Phase, Verdict
from tests.engine.tiny import Tiny, TinyPractice, Told, run_phase

COLOUR = np.random.default_rng(61).integers(0, 256, (96, 90, 3)).astype(np.uint8)


def _photo(form: str, orientation: int) -> bytes:
    target = io.BytesIO()
    exif = Pillow.Exif()
    exif[274] = orientation
    how: dict[str, Any] = {"tiffinfo": {274: orientation}} if form == "TIFF" else {"exif": exif}
    Pillow.fromarray(COLOUR).save(target, form, **how)
    return target.getvalue()


def _converted(folder: Path, orientation: int) -> tuple[Tiny, Told]:
    practice = TinyPractice()
    for key, form in ((50, "JPEG"), (51, "PNG"), (52, "TIFF")):
        own = {"category": "PICTURE_INTRAORAL", "teeth": None, "rotation": 90, "mirrored": 1}
        practice.add_image(key, 111, f"1.2.11/{form}.photo", _photo(form, orientation), **own)
    practice.add_image(53, 111, "1.2.11/x-ray.png", _photo("PNG", orientation), category="PANORAMIC")
    tiny = practice.build(folder)
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    run_phase(convert.run, Phase.CONVERT, tiny)
    return tiny, told


@pytest.mark.parametrize("orientation", [1, 6])
def test_each_photo_states_what_it_stated_and_a_native_file_says_what_it_lost(tmp_path: Path, orientation: int) -> None:
    tiny, told = _converted(tmp_path / "practice", orientation)
    stated = [decode(path.read_bytes()).exif for path in tiny.store.rglob("*") if path.suffix in (".jpg", ".png")]
    assert sorted(stated) == sorted([1, 1, *[orientation] * 3])
    lost = [finding.detail for finding in told.findings if finding.code is FindingCode.DISPLAY_RULE_LOST]
    assert lost == (["EXIF orientation 6 (90 degrees clockwise)"] if orientation > 1 else [])
    result, _ = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert {check.verdict for check in result.checks} == {Verdict.PASS}


def test_a_photo_that_lost_its_orientation_on_the_way_is_seen(tmp_path: Path) -> None:
    tiny, _ = _converted(tmp_path / "practice", 6)
    files = [path for path in tiny.store.rglob("*.png") if b"II*\0" in path.read_bytes()[:80]]
    assert len(files) == 1
    data = files[0].read_bytes()
    files[0].write_bytes(data[:33] + data[33 + 12 + 26 :])
    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert Verdict.FAIL in {check.verdict for check in result.checks}
    assert FindingCode.VIEW_DIFFERS in told.codes()
