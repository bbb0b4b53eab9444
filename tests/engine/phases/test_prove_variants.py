"""prove over another native format, written here with struct and zlib alone: it says yes to the one right profile only.

The format: big-endian, a name of its own length, packed pixels, a checksum over everything before it at the end, the
same checksum as capital hex text in the row.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine.profiles
from demo.vendor.dexfile import DexImage
from engine.phases import prove
from engine.profiles.load import load_source
from engine.proof.work import SampleVerdict
from protocol.vocabulary import Check
from tests.engine.phases.samples import GenuineSamples, Sample, dex_image
from tests.engine.phases.test_prove import clean_job, failed, proven

E, R, I = Check.SAMPLES_EXPLAINED, Check.SAMPLES_REENCODED, Check.INTEGRITY_REPRODUCED  # noqa: E741
_UNIX = datetime.fromisoformat("1970-01-01")
_LOW_IS_WHITE, _HAS_WINDOW = 1, 4
NATIVE = """
[native]
type = "dex"
byte_order = "big"
payload = { codec = "deflate", level = 6 }
header = [
  { name = "magic",      type = "text",   size = 4, encoding = "ascii", form = "padded", value = "QIMG" },
  { name = "header_size", type = "uint16", is = "header.size" },
  { name = "key",        type = "uint32", is = "key(image)" },
  { name = "width",      type = "uint16", is = "pixels.width" },
  { name = "height",     type = "uint16", is = "pixels.height" },
  { name = "form",       type = "uint8",  bits = ["pixels.low_is_white", "0", "pixels.has_window"] },
  { name = "allocated",  type = "uint8",  is = "pixels.bits_allocated" },
  { name = "stored",     type = "uint8",  is = "pixels.bits_stored" },
  { name = "samples",    type = "uint8",  is = "pixels.samples" },
  { name = "taken",      type = "unix64", byte_order = "little", is = "image.acquired_at" },
  { name = "day",        type = "bcd",    size = 4, is = "image.acquired_at" },
  { name = "center",     type = "float32", is = "pixels.window_center", when = { field = "form", bit = 2 } },
  { name = "window",     type = "float32", is = "pixels.window_width", when = { field = "form", bit = 2 } },
  { name = "name_size",  type = "uint8",  length_of = "name" },
  { name = "name",       type = "text",   at_most = 255, encoding = "utf-8", is = "person()" },
  { name = "gap",        type = "padding", align = 8, value = "AA" },
  { name = "packed",     type = "uint32", is = "payload.size" },
]
trailer = [
  { name = "version",    type = "int16",  value = -2 },
  { name = "check",      type = "uint32", is = "number(integrity())" },
]

"""


@dataclass(frozen=True, slots=True)
class Writer:
    """The other vendor; what it does is changed for the samples that prove must refuse."""

    level: int = 6
    filler: bytes = b"\xaa"

    def file(self, image: DexImage) -> tuple[bytes, bytes]:
        """The file and its checksum."""
        packed = zlib.compress(np.frombuffer(image.values, "<u2").astype(">u2").tobytes(), self.level)
        body = self._header(image, len(packed)) + packed + struct.pack(">h", -2)
        check = zlib.crc32(body).to_bytes(4, "big")
        return body + check, check

    def _header(self, image: DexImage, packed: int) -> bytes:
        name, when = image.person.encode(), image.acquired_at
        assert when is not None
        form = _LOW_IS_WHITE * image.low_is_white | _HAS_WINDOW * (image.window is not None)
        rest = struct.pack(">IHH4B", image.visual_id, image.width, image.height, form, *self._depth(image))
        rest += struct.pack("<q", int((when - _UNIX).total_seconds())) + bytes.fromhex(f"{when:%Y%m%d}")
        rest += struct.pack(">2f", *image.window) if image.window else b""
        rest += bytes([len(name)]) + name
        rest += self.filler * (-(6 + len(rest)) % 8)
        return b"QIMG" + struct.pack(">H", 6 + len(rest) + 4) + rest + struct.pack(">I", packed)

    def _depth(self, image: DexImage) -> tuple[int, int, int]:
        return image.bits_allocated, image.bits_stored, image.samples


def profile_text() -> str:
    """The one right profile."""
    text = (Path(engine.profiles.__file__).parent / "dexis10.toml").read_text(encoding="utf-8")
    native, audit = text.index("[native]"), text.index("# Independent questions")
    head = text[:native]
    for old, new in (
        (
            'covers = "pixels", kept = ["Image.SecurityHash", "header"]',
            'covers = "before", kept = ["Image.SecurityHash", "trailer"]',
        ),
        ('algorithm = "md5", covers = "before"', 'algorithm = "crc32", covers = "before"'),
        ('SecurityHash = "integrity()"', 'SecurityHash = "upper_hex(integrity())"'),
    ):
        assert old in head
        head = head.replace(old, new, 1)
    return head + NATIVE + text[audit:]


def genuine(writer: Writer) -> GenuineSamples:
    samples = GenuineSamples()
    for sample in samples.samples:
        if sample.ending == "dex":
            sample.data, check = writer.file(plain(sample))
            sample.image["SecurityHash"] = check
        sample.image["SecurityHash"] = sample.image["SecurityHash"].hex().upper()
    return samples


def plain(sample: Sample) -> DexImage:
    image = dex_image(sample.key)
    return replace(image, window=image.window and (float(int(image.window[0])), float(int(image.window[1]))))


def judged(folder: Path, text: str, samples: GenuineSamples) -> tuple[set[Check], Mapping[str, Any]]:
    folder.mkdir(exist_ok=True)
    path = folder / "variant.toml"
    path.write_text(text, encoding="utf-8")
    job = clean_job(folder)
    target = replace(job.target, profile=str(path))
    checks, _, told = proven(replace(job, samples=samples.write(folder), target=target))
    report = json.loads((job.report_folder / "prove.json").read_text(encoding="utf-8"))
    return failed(checks), {"checks": checks, "findings": told.findings, "report": report["target"]["samples"]}


@pytest.fixture(autouse=True)
def source_profile_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "load_source", cache(load_source))


def test_the_right_profile_explains_every_byte_of_another_vendors_files(tmp_path: Path) -> None:
    samples = genuine(Writer())
    failures, seen = judged(tmp_path, profile_text(), samples)
    assert failures == set()
    assert seen["findings"] == []
    assert seen["checks"][E].actual == sum(len(sample.data) for sample in samples.samples)
    assert seen["checks"][I].actual == 2 * 18 + 6


HALF = [
    ("little-endian", 'byte_order = "big"\npayload', 'byte_order = "little"\npayload', {E, R, I}),
    ("words of the other order", "level = 6 }", 'level = 6, byte_order = "little" }', {E, R, I}),
    ("another level", "level = 6", "level = 1", {R}),
    ("not packed", 'codec = "deflate", level = 6', 'codec = "raw16"', {E, R, I}),
    ("another time", 'type = "unix64", byte_order = "little"', 'type = "unix64"', {R}),
    (
        "days of another field",
        'type = "bcd",    size = 4, is = "image.acquired_at"',
        'type = "bcd", size = 4, is = "image.number"',
        {R},
    ),
    ("another code page", 'encoding = "utf-8", is = "person()"', 'encoding = "latin-1", is = "person()"', {R}),
    ("another filler", 'align = 8, value = "AA"', 'align = 8, value = "00"', {E, R}),
    ("another boundary", "align = 8", "align = 4", {E, R, I}),
    (
        "another bit",
        '["pixels.low_is_white", "0", "pixels.has_window"]',
        '["0", "pixels.low_is_white", "pixels.has_window"]',
        {E, R},
    ),
    ("a constant", "value = -2", "value = -3", {E, R}),
    ("a checksum of another kind", 'algorithm = "crc32"', 'algorithm = "adler32"', {R, I}),
    ("a checksum over other bytes", 'covers = "before"', 'covers = "payload"', {R, I}),
    ("a checksum with its field", 'covers = "before"', 'covers = "file", own = "zeroed"', {R, I}),
    ("a checksum without its field", 'covers = "before"', 'covers = "file", own = "left-out"', set()),
    ("a checksum in small letters", "upper_hex(integrity())", "hex(integrity())", {I}),
    ("a checksum in base64", "upper_hex(integrity())", "base64(integrity())", {I}),
    (
        "a checksum of the other sign",
        'type = "uint32", is = "number(integrity())"',
        'type = "int32", is = "signed_number(integrity())"',
        set(),
    ),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), [case[1:] for case in HALF], ids=[case[0] for case in HALF])
def test_a_profile_that_is_nearly_right_is_told_apart(
    tmp_path: Path, right: str, wrong: str, expected: set[Check]
) -> None:
    """Two of them say the same of every file in other words, and pass."""
    text = profile_text()
    assert right in text
    failures, _ = judged(tmp_path, text.replace(right, wrong, 1), genuine(Writer()))
    assert failures == expected


def test_another_level_is_named_and_passes_only_where_the_profile_says_that_pixels_suffice(tmp_path: Path) -> None:
    failures, seen = judged(tmp_path / "strict", profile_text(), genuine(Writer(level=9)))
    assert failures == {R}
    assert {finding.detail for finding in seen["findings"]} == {
        "the payload decodes alike but is packed otherwise: another level, or another encoder"
    }
    lenient = profile_text().replace("level = 6", 'level = 6, reencode = "pixels"')
    failures, seen = judged(tmp_path / "lenient", lenient, genuine(Writer(level=9)))
    assert (failures, seen["findings"]) == (set(), [])
    assert seen["report"]["payloads_packed_otherwise"] == 18


def flipped(number: int) -> Callable[[Sample], None]:
    """One bit of the file, spread over it, header and checksum included."""

    def change(sample: Sample) -> None:
        place = number * len(sample.data) // 40
        sample.patch(place, bytes([sample.data[place] ^ 1 << number % 8]))

    return change


@pytest.mark.parametrize("reencode", ["bytes", "pixels"])
def test_a_flipped_bit_anywhere_closes_the_gate(tmp_path: Path, reencode: str) -> None:
    text = profile_text().replace("level = 6", f'level = 6, reencode = "{reencode}"')
    numbers = count()
    samples = genuine(Writer())
    native = [sample for sample in samples.samples if sample.ending == "dex"]
    for sample in native:
        flipped(2 * next(numbers) + (reencode == "pixels"))(sample)
    failures, seen = judged(tmp_path, text, samples)
    assert R in failures or I in failures
    assert {finding.image for finding in seen["findings"]} == {str(sample.key) for sample in native}


def test_a_verdict_counts_what_it_says() -> None:
    assert SampleVerdict("1", None, (), 10, 10, True, 2, 2).is_proven
    assert not SampleVerdict("1", None, (), 10, 10, True, 2, 1).is_proven
