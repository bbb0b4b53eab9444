"""Dry run, conversion and reconciliation into other native formats: every codec, hashes in several places and forms."""

from __future__ import annotations

import atexit
import io
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image as Pillow
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import JPEGBaseline8Bit

from engine.imaging.native import NativeFormat
from engine.imaging.pixels import Lut, Window
from engine.phases import convert, dry_run, reconcile
from engine.profiles.load import load_target
from protocol.vocabulary import FindingCode, Phase, Verdict
from tests.engine.imaging.dicoms import dicom as wrapped
from tests.engine.phases.test_prove_variants import profile_text
from tests.engine.tiny import Tiny, TinyPractice, dicom, photo, run_phase

PAYLOAD = 'codec = "deflate", level = 6'
LOSSLESS = {
    "raw16": 'codec = "raw16"',
    "raw16, other order": 'codec = "raw16", byte_order = "little"',
    "raw": 'codec = "raw"',
    "deflate": 'codec = "deflate", level = 9',
    "png": 'codec = "png", level = 4',
    "jpeg-ls": 'codec = "jpeg-ls"',
    "jpeg-lossless": 'codec = "jpeg-lossless"',
    "jpeg-2000": 'codec = "jpeg-2000"',
    "rle": 'codec = "rle"',
}


def shown(data: bytes) -> bytes:
    """The same DICOM file with two windows, rescale, spacing and both kinds of look-up table."""
    image = dcmread(io.BytesIO(data))
    image.WindowCenter, image.WindowWidth = [2048.5, 1000], [4096, 500]
    image.WindowCenterWidthExplanation = ["NORMAL", "HÄRTER"]
    image.SpecificCharacterSet = "ISO_IR 100"
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = "2", "-7.5", "US"
    image.ImagerPixelSpacing = ["0.0195", "0.02"]
    table = Dataset()
    table.LUTDescriptor, table.LUTExplanation = [4, 10, 12], "weich"
    table.LUTData = np.array([0, 7, 2000, 4095], "<u2").tobytes()
    image.VOILUTSequence = Sequence([table])
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return target.getvalue()


def practice() -> TinyPractice:
    made = TinyPractice()
    made.row("patient", 3).update(deleted=1)
    made.files["1.2.11/a.dcm"] = shown(dicom(1))
    made.files["1.2.12/c.jpg"], made.files["1.2.21/e.png"] = photo(3, "JPEG"), photo(5, "PNG")
    return made


def built(folder: Path, profile: str) -> Tiny:
    """The target's row keeps the hash as text."""
    tiny = practice().build(folder)
    database = sa.create_engine(tiny.target)
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE Image DROP COLUMN SecurityHash")
        connection.exec_driver_sql("ALTER TABLE Image ADD COLUMN SecurityHash TEXT")
    database.dispose()
    (tiny.folder / "target.toml").write_text(profile, encoding="utf-8")
    job = (tiny.folder / "job.toml").read_text(encoding="utf-8")
    (tiny.folder / "job.toml").write_text(job.replace("'dexis10'", "'target.toml'"), encoding="utf-8")
    return tiny


def carried(tiny: Tiny, *, lost: set[FindingCode]) -> None:
    """Through all three phases: nothing but `lost` is found on the way, and everything is equal at the end."""
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    assert set(told.codes()) - {FindingCode.SUSPECT_SIZE} == lost
    assert {check.verdict for check in run_phase(convert.run, Phase.CONVERT, tiny)[0].checks} == {Verdict.PASS}
    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert told.findings == []
    assert {check.verdict for check in result.checks} == {Verdict.PASS}


@pytest.mark.parametrize("payload", LOSSLESS.values(), ids=LOSSLESS)
def test_every_codec_carries_a_practice_and_the_reconciler_finds_it_equal(payload: str, tmp_path: Path) -> None:
    carried(built(tmp_path / "p", profile_text().replace(PAYLOAD, payload)), lost={FindingCode.DISPLAY_RULE_LOST})


def lossy(seed: int) -> bytes:
    """A grey JPEG of 8 bits."""
    pixels = np.random.default_rng(seed).integers(0, 256, (180, 160), dtype=np.uint8)
    target = io.BytesIO()
    Pillow.fromarray(pixels).save(target, "JPEG", quality=90)
    return target.getvalue()


def test_a_jpeg_payload_is_the_source_itself_and_what_is_no_jpeg_is_a_finding(tmp_path: Path) -> None:
    text = profile_text().replace(PAYLOAD, 'codec = "jpeg"')
    tiny = built(tmp_path / "p", text)
    made = practice()
    for number, path in enumerate(("1.2.11/a.dcm", "1.2.11/b.dcm", "1.2.12/d.dcm")):
        made.files[path] = lossy(number)
    blank, frame = np.zeros((180, 160), np.uint8), encapsulate([lossy(9)])
    made.files["1.2.12/d.dcm"] = wrapped(blank, 8, "MONOCHROME2", JPEGBaseline8Bit, PixelData=frame)
    made.restage(tiny)
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    (refused,) = [found for found in told.findings if found.code is FindingCode.NO_DECODER]
    assert refused.image == "6" and refused.detail == "payload jpeg carries sources that are JPEG; this one is none"
    made.files["1.2.21/f.dcm"] = lossy(6)
    made.restage(tiny)
    carried(tiny, lost={FindingCode.LOSSY_SOURCE})
    stored = (tiny.store / "Images/00/00/00/00000004.dex").read_bytes()
    assert lossy(9) in stored and b"DICM" not in stored


HASHES = {
    "md5 over pixels, in the header": ("pixels", "md5", 'type = "bytes", size = 16, is = "integrity()"', None),
    "sha512 over the payload": ("payload", "sha512", 'type = "bytes", size = 64, is = "integrity()"', None),
    "sha256 over the file": ("file", "sha256", 'type = "bytes", size = 32, is = "integrity()"', "zeroed"),
    "crc16 over header and payload": (
        "header+payload",
        "crc16-arc",
        'type = "uint16", is = "number(integrity())"',
        None,
    ),
    "adler32 in base64": (
        *(
            "file",
            "adler32",
            'type = "text", size = 8, encoding = "ascii", form = "padded", is = "base64(integrity())"',
        ),
        "left-out",
    ),
}


@pytest.mark.parametrize("case", HASHES.values(), ids=HASHES)
def test_a_hash_anywhere_is_written_and_recomputed(case: tuple[str, str, str, str | None], tmp_path: Path) -> None:
    covers, algorithm, kept, own = case
    text = profile_text().replace('type = "uint32", is = "number(integrity())"', kept)
    rule = f'algorithm = "{algorithm}", covers = "{covers}"' + (f', own = "{own}"' if own else "")
    text = text.replace('algorithm = "crc32", covers = "before"', rule)
    carried(built(tmp_path / "p", text), lost={FindingCode.DISPLAY_RULE_LOST})


REPEATED = """
  { name = "family", type = "text", size = 20, encoding = "utf-8", is = "upper(patient.family_name)" },
  { name = "label", type = "text", size = 40, encoding = "utf-8", is = "concat(study.name, ', ', image.uid)" },
  { name = "kind",   type = "uint8", is = "code('category', image.category)" },
  { name = "colour", type = "uint8", is = "when(pixels.samples == 3, 7, 2 * pixels.samples)" },
  { name = "born",   type = "digits", size = 8, is = "patient.birth_date" },
  { name = "began",  type = "ole", is = "study.started_at" },
"""


def test_a_header_may_repeat_what_an_expression_makes_of_the_record(tmp_path: Path) -> None:
    text = profile_text().replace('  { name = "taken"', REPEATED + '  { name = "taken"')
    carried(built(tmp_path / "p", text), lost={FindingCode.DISPLAY_RULE_LOST})


def test_the_modelled_file_has_a_place_for_everything_but_nothing_is_baked_in(tmp_path: Path) -> None:
    tiny = practice().build(tmp_path / "p")
    carried(tiny, lost=set())
    file = NativeFormat(load_target("dexis10").native).parse((tiny.store / "Images/00/00/00/00000001.dex").read_bytes())
    source = dcmread(tiny.source / "1.2.11/a.dcm")
    assert file.pixels.array.tobytes() == source.PixelData
    assert file.pixels.windows == (Window(2048.5, 4096.0, "NORMAL"), Window(1000.0, 500.0, "HÄRTER"))
    assert (file.pixels.rescale, file.pixels.spacing) == ((2.0, -7.5), (0.0195, 0.02))
    assert file.pixels.voi_luts == (Lut(10, 12, np.array([0, 7, 2000, 4095], "<u2").tobytes(), "weich"),)


def test_what_is_lost_is_listed_image_by_image(tmp_path: Path) -> None:
    _, told = run_phase(dry_run.run, Phase.DRY_RUN, built(tmp_path / "p", profile_text()))
    (finding,) = [found for found in told.findings if found.code is FindingCode.DISPLAY_RULE_LOST]
    assert (finding.image, finding.place) == ("1", "1.2.11/a.dcm")
    assert finding.detail == (
        "rescale slope and intercept, pixel spacing, the window's explanation, 1 further window(s), VOI LUT"
    )


def spoilt(tiny: Tiny, place: int) -> None:
    path = tiny.store / "Images/00/00/00/00000001.dex"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


@cache
def converted() -> Path:
    """The practice in the modelled format, converted once and copied for each test."""
    folder = Path(mkdtemp(prefix="bitewing-native-"))
    atexit.register(shutil.rmtree, folder)
    tiny = practice().build(folder / "p")
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    run_phase(convert.run, Phase.CONVERT, tiny)
    return folder / "p"


@pytest.mark.parametrize("place", [-5, -20, -47, -60, -75, -95, -120])
def test_the_reconciler_notices_a_changed_display_rule(place: int, tmp_path: Path) -> None:
    """Behind the pixels of the modelled file: any bit of rescale, spacing, windows or tables."""
    tiny = Tiny(shutil.copytree(converted(), tmp_path / "p") / "job")
    spoilt(tiny, place)
    result, told = run_phase(reconcile.run, Phase.RECONCILE, tiny)
    assert Verdict.FAIL in {check.verdict for check in result.checks}
    assert FindingCode.HEADER_DIFFERS in told.codes()
    assert {finding.image for finding in told.findings} == {"1"}
