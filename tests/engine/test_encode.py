"""From source bytes to the target's file: the right kind, lossless, carried bit for bit where that is promised."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from PIL import Image as Pillow

from engine.encode import EncodedFile, Encoder
from engine.imaging.decode import decode
from engine.imaging.native import NativeFormat
from engine.imaging.pixels import Pixels
from engine.imaging.problem import ImageProblem
from engine.model import Category, Image, Patient, PatientRecord, Series, Study
from engine.orientation import Orientation
from engine.profiles.load import load_target
from engine.target.keys import Keys
from engine.target.scope import RecordScopes
from protocol.vocabulary import FindingCode
from tests.engine.tiny import dicom, photo

PROFILE = load_target("dexis10")
WHEN = datetime.fromisoformat("2019-03-04T10:30:01")
KEY = 0x00ABCDEF
IMAGE = Image("i", "s", "p", "1.2.3", "1.2/i", WHEN, Category.INTRAORAL_XRAY, Orientation(1, True), (), None, number=1)


def _encoded(source: bytes, category: Category = Category.INTRAORAL_XRAY, image: Image = IMAGE) -> EncodedFile:
    image = replace(image, category=category)
    record = PatientRecord(
        Patient("p", "Ödegård", "Ana", None, None, None, None),
        (Study("st", "p", "1.2", None, None),),
        (Series("s", "st", "p", "1.2.9", None),),
        (image,),
        (),
    )
    keys = Keys({"p": 1}, {"st": 1}, {"s": 1}, {"i": KEY})
    scope = RecordScopes(record, keys, PROFILE).image(image)
    return Encoder(PROFILE).encode(image, scope, KEY, source, lambda: decode(source))


def test_a_radiograph_becomes_a_native_file_with_every_pixel_and_its_header() -> None:
    source = dicom(1)
    encoded = _encoded(source)
    file = NativeFormat(PROFILE.native).parse(encoded.data)
    assert np.array_equal(file.pixels.array, decode(source).array)
    assert file.unexplained == ()
    assert (file.fields["visual_id"], file.fields["person"]) == (KEY, "Ödegård^Ana")
    assert file.fields["integrity"] == encoded.integrity
    assert encoded.integrity == hashlib.md5(decode(source).array.tobytes(), usedforsecurity=False).digest()
    assert encoded.path == "Images/0c/0d/ae/00abcdef.dex"
    assert encoded.sha256 == hashlib.sha256(encoded.data).hexdigest()


def test_a_jpeg_photo_is_carried_bit_for_bit_and_not_even_decoded() -> None:
    source = photo(1, "JPEG")
    image = replace(IMAGE, category=Category.EXTRAORAL_PHOTO)

    def never() -> Pixels:
        raise AssertionError("decoded")

    record = PatientRecord(
        Patient("p", "a", "b", None, None, None, None),
        (Study("st", "p", "1.2", None, None),),
        (Series("s", "st", "p", "1.2.9", None),),
        (image,),
        (),
    )
    scope = RecordScopes(record, Keys({"p": 1}, {"st": 1}, {"s": 1}, {"i": KEY}), PROFILE).image(image)
    encoded = Encoder(PROFILE).encode(image, scope, KEY, source, never)
    assert encoded.data == source
    assert encoded.path.endswith("/00abcdef.jpg")
    assert encoded.integrity == hashlib.md5(source, usedforsecurity=False).digest()


def test_a_png_photo_is_carried_bit_for_bit_and_its_hash_covers_the_pixels() -> None:
    source = photo(1, "PNG")
    encoded = _encoded(source, Category.INTRAORAL_PHOTO)
    assert encoded.data == source
    assert encoded.path.endswith(".png")
    assert encoded.integrity == hashlib.md5(decode(source).array.tobytes(), usedforsecurity=False).digest()


def test_any_other_photo_becomes_a_png_with_the_same_pixels() -> None:
    source = dicom(3)
    encoded = _encoded(source, Category.INTRAORAL_PHOTO)
    assert np.array_equal(np.asarray(Pillow.open(io.BytesIO(encoded.data))), decode(source).array)


def test_colour_filed_as_a_radiograph_keeps_its_colour() -> None:
    source = photo(1, "PNG")
    file = NativeFormat(PROFILE.native).parse(_encoded(source, Category.PANORAMIC).data)
    assert np.array_equal(file.pixels.array, decode(source).array)


def test_the_same_input_gives_the_same_bytes_twice() -> None:
    assert _encoded(dicom(1)) == _encoded(dicom(1))


@pytest.mark.parametrize(
    "change", [{"acquired_at": None}, {"acquired_at": WHEN.replace(second=2)}], ids=["no time", "another time"]
)
def test_a_changed_record_changes_the_header_and_never_the_pixels(change: dict[str, object]) -> None:
    one, other = _encoded(dicom(1)), _encoded(dicom(1), image=replace(IMAGE, **change))  # type: ignore[arg-type]
    assert one.sha256 != other.sha256
    assert one.integrity == other.integrity


def test_a_time_the_native_header_cannot_hold_is_a_finding() -> None:
    early = replace(IMAGE, acquired_at=datetime.fromisoformat("1600-12-31T23:59:59"))
    with pytest.raises(ImageProblem) as problem:
        _encoded(dicom(1), image=early)
    assert problem.value.code is FindingCode.DATE_OUT_OF_RANGE
