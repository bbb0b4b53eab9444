"""Every public file: it converts without loss or has its documented finding; none is a surprise, none ends the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate

from engine.imaging.decode import decode
from engine.imaging.pixels import Pixels
from engine.imaging.problem import ImageProblem
from engine.phases import PhaseResult, convert, dry_run, reconcile
from engine.plan.reader import Plan
from engine.plan.values import PlannedImage
from engine.profiles.load import load_target
from engine.reconcile.native_reader import layout_of, read_native
from protocol.advice import ADVICE
from protocol.checks import REQUIRED_CHECKS
from protocol.vocabulary import FindingCode, Gate, Phase, Severity, Verdict
from tests.engine.imaging import dicoms, gdcm_reading
from tests.engine.imaging.public_files import OUTCOMES, ROOTS, path_of, there
from tests.engine.tiny import Tiny, TinyPractice, Told, run_phase

CONVERTING = sorted(name for name, code in OUTCOMES.items() if code is None)
SETTLED = sorted(name for name, code in OUTCOMES.items() if code and ADVICE[code].severity is Severity.BLOCKER)
FIRST, A_SERIES = 1_000, 25  # key of the first image; images of one patient


def picture(name: str) -> Pixels:
    paths = (root / folder / f"{name}.dcm" for root in ROOTS.values() for folder in ("", "test_files"))
    return decode(next(path for path in paths if path.exists()).read_bytes())


def outcome(path: Path) -> FindingCode | None:
    try:
        decode(path.read_bytes())
    except ImageProblem as problem:
        return problem.code
    return None


def test_the_table_names_every_file_there_is() -> None:
    assert there() == set(OUTCOMES)
    assert len(OUTCOMES) > 250


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_a_file_decodes_or_has_its_code(name: str) -> None:
    assert outcome(path_of(name)) == OUTCOMES[name]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RG1_UNCR", "RG1_J2KR"),
        ("RG3_UNCR", "RG3_J2KR"),
        ("MR2_UNCR", "MR2_J2KR"),
        ("693_UNCR", "693_J2KR"),
        ("US1_UNCR", "US1_J2KR"),
        ("RG1_UNCI", "RG1_J2KI"),
        ("RG3_UNCI", "RG3_J2KI"),
        ("MR2_UNCI", "MR2_J2KI"),
        ("OBXXXX1A", "OBXXXX1A_expb"),
        ("OBXXXX1A", "OBXXXX1A_rle"),
        ("gdcm-US-ALOKA-16", "gdcm-US-ALOKA-16_big"),
        ("SC_rgb", "SC_rgb_expb"),
        ("SC_rgb_16bit", "SC_rgb_expb_16bit"),
        ("color-px", "color-pl"),
        ("JPEG2000_UNC", "JPEG2000"),
        ("MR_small", "MR_small_RLE"),
        ("MR_small", "MR_small_bigendian"),
        ("MR_small", "MR_small_expb"),
        ("MR_small", "MR_small_implicit"),
        ("MR_small", "MR_small_jp2klossless"),
        ("MR_small", "MR_small_jpeg_ls_lossless"),
        ("MR_small", "MR_small_padded"),
        ("SC_rgb", "SC_rgb_rle"),
        ("SC_rgb_16bit", "SC_rgb_rle_16bit"),
        ("SC_rgb_small_odd", "SC_rgb_small_odd_big_endian"),
        ("liver_1frame", "liver_expb_1frame"),
    ],
)
def test_one_picture_in_two_encodings_is_one_picture(one: str, other: str) -> None:
    first, second = picture(one), picture(other)
    assert np.array_equal(first.array, second.array)
    assert (first.photometric, first.signed, first.windows) == (second.photometric, second.signed, second.windows)


@pytest.mark.parametrize(("name", "bits", "shape"), [("RG1_UNCR", 15, (1955, 1841)), ("RG3_UNCR", 10, (1760, 1760))])
def test_a_radiograph_is_what_its_header_says(name: str, bits: int, shape: tuple[int, int]) -> None:
    pixels = picture(name)
    assert (pixels.bits_stored, pixels.array.shape, pixels.photometric) == (bits, shape, "MONOCHROME1")
    assert not pixels.lossy
    assert picture(name.replace("UNCR", "J2KI")).lossy


@pytest.mark.parametrize("syntax", [*dicoms.LOSSLESS, dicoms.HTJ2K])
@pytest.mark.parametrize(("name", "bits"), [("RG1_UNCR", 15), ("RG3_UNCR", 10)])
def test_a_radiograph_written_in_any_lossless_encoding_gives_the_same_pixels(name: str, bits: int, syntax: str) -> None:
    whole = picture(name)
    part = np.ascontiguousarray(whole.array[700:1_000, 600:940])
    frame = {"PixelData": encapsulate([imagecodecs.htj2k_encode(part, reversible=True)])}
    data = dicoms.dicom(part, bits, whole.photometric, syntax, **(frame if syntax == dicoms.HTJ2K else {}))
    again = decode(data)
    assert np.array_equal(again.array, part)
    assert (again.photometric, again.bits_stored, again.lossy) == ("MONOCHROME1", bits, False)


@pytest.mark.parametrize(
    "name",
    ["SC_rgb_dcmtk_+eb+cr", "SC_rgb_dcmtk_+eb+cy+np", "SC_rgb_jpeg_dcmtk", "SC_rgb_jpeg_lossy_gdcm"],
)
def test_the_colours_of_a_baseline_jpeg_are_right_whichever_transform_it_used(name: str) -> None:
    difference = np.abs(picture(name).array.astype(int) - picture("SC_rgb").array)
    assert np.median(difference) <= 2


@pytest.mark.parametrize("name", ["SC_jpeg_no_color_transform", "SC_jpeg_no_color_transform_2", "SC_rgb_jpeg"])
def test_a_grey_photo_stored_as_untransformed_rgb_stays_grey(name: str) -> None:
    array = picture(name).array.astype(int)
    assert np.median(array.max(axis=2) - array.min(axis=2)) <= 2


def _practice() -> TinyPractice:
    """Every public file as a panoramic radiograph, so that each becomes the target's own file."""
    practice = TinyPractice()
    practice.rows["media"].clear()
    practice.files.clear()
    series = (111, 121, 211)
    for number, name in enumerate(sorted(OUTCOMES)):
        owner = series[number // A_SERIES % len(series)]
        place = f"1.2.{owner // 10}/{name.replace('/', '-')}"
        key = FIRST + number
        own = {"id": key, "sop_instance_uid": f"1.2.826.{key}", "instance_number": key, "category": "PANORAMIC"}
        practice.add_image(number % 60, owner, place, path_of(name).read_bytes(), **own)
    return practice


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> tuple[PhaseResult, Told]:
    """The dry run over all of it."""
    tiny = _practice().build(tmp_path_factory.mktemp("all") / "practice", workers=2)
    return run_phase(dry_run.run, Phase.DRY_RUN, tiny)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """What is left when people have settled every blocker, converted."""
    practice = _practice()
    keys = {name: FIRST + number for number, name in enumerate(sorted(OUTCOMES))}
    for name in SETTLED:
        row = practice.row("media", keys[name])
        practice.rows["media"].remove(row)
        del practice.files[next(path for path in practice.files if path.endswith("/" + row["file_name"]))]
    tiny = practice.build(tmp_path_factory.mktemp("settled") / "practice", workers=2)
    run_phase(dry_run.run, Phase.DRY_RUN, tiny)
    run_phase(convert.run, Phase.CONVERT, tiny)
    return tiny


def test_the_dry_run_finds_what_the_table_says_of_every_file_and_nothing_ends_it(
    surveyed: tuple[PhaseResult, Told],
) -> None:
    result, told = surveyed
    about = {int(finding.image): finding.code for finding in told.findings if finding.image and _ends(finding.code)}
    assert about == {FIRST + number: OUTCOMES[name] for number, name in enumerate(sorted(OUTCOMES)) if OUTCOMES[name]}
    assert result.totals.images == len(CONVERTING)


def _ends(code: FindingCode) -> bool:
    """Whether an image with this finding is not converted."""
    return code in set(OUTCOMES.values())


def test_what_converts_reconciles_exactly(converted: Tiny) -> None:
    result, told = run_phase(reconcile.run, Phase.RECONCILE, converted)
    assert {check.check: check.verdict for check in result.checks} == dict.fromkeys(
        REQUIRED_CHECKS[Gate.RECONCILED], Verdict.PASS
    )
    assert result.totals.images == len(CONVERTING)
    declared = Counter(code for name, code in OUTCOMES.items() if code and name not in SETTLED)
    assert Counter(told.codes()) == declared


def _planned(tiny: Tiny) -> Iterator[PlannedImage]:
    plan = Plan(tiny.job.plan_path)
    for number in plan.numbers():
        yield from plan.patient(number).images
    plan.close()


def test_every_target_file_holds_the_pixels_that_gdcm_finds_in_its_source(converted: Tiny) -> None:
    layout = layout_of(load_target("dexis10").native)
    names = sorted(OUTCOMES)
    seen = set()
    for planned in _planned(converted):
        name = names[int(planned.source_key) - FIRST]
        stored = read_native(layout, (converted.store / planned.path).read_bytes()).pixels
        assert np.array_equal(stored, _expected(name)), name
        seen.add(name)
    assert seen == set(CONVERTING)


def _expected(name: str) -> NDArray[Any]:
    """What GDCM reads, in words; where it reads something else by rule or mistake, what that comes to."""
    path = path_of(name)
    if path.stem in ("liver_1frame", "liver_expb_1frame"):  # GDCM hands out single bits as they are packed
        raw = np.frombuffer(pydicom.dcmread(path.with_stem("liver_1frame")).PixelData, np.uint8)
        return np.unpackbits(raw, bitorder="little").reshape(512, 512).astype("<u2")
    if path.stem == "SC_rgb_rle_16bit":  # GDCM puts the bytes of deep colours in another order
        path = path_of("store/SC_rgb_16bit.dcm")
    found = gdcm_reading.read(path)
    if path.stem == "J2K_pixelrep_mismatch":  # 13 bits in two's complement; GDCM leaves the sign out
        found = (found.astype(np.int16) << 3) >> 3
    mine = decode(path.read_bytes()).array
    if (mine.dtype, found.dtype) == (np.uint16, np.uint8):  # GDCM keeps the high byte of a palette
        assert np.array_equal(mine >> 8, found)
        return mine
    return found.astype(np.int32).astype("<u2")
