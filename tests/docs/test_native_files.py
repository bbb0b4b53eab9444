"""docs/native-files.md: its example loads, writes and reads, and it names every word of the grammar."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from engine.imaging.native import NativeFormat
from engine.imaging.pixels import MONOCHROME1, Pixels, Window
from engine.profiles import native_rules as grammar
from engine.profiles.expressions import ENTITY_NAMES
from engine.profiles.integrity import read_integrity
from engine.profiles.native import read_native
from engine.toml.document import Document
from tests.engine.native_files import same, sealed

PAGE = (Path(__file__).parents[2] / "docs" / "native-files.md").read_text(encoding="utf-8")
EXAMPLE, HASH = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PROSE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)


def test_the_example_writes_and_reads_a_picture() -> None:
    native = read_native(Document.parse("page", EXAMPLE.encode()).table().table("native"))
    table = Document.parse("page", HASH.replace('"Image.SecurityHash", ', "").encode()).table().table("integrity")
    format_, rule = NativeFormat(native), read_integrity(table, {}, native)
    pixels = Pixels(np.array([[1, 2, 3]], "<u2"), 12, MONOCHROME1, windows=(Window(2.0, 4.0),))
    parts, seal = sealed(format_, rule, pixels, key=7, person="Doe^Jane")
    file = format_.parse(parts.joined())
    assert (file.unexplained, format_.seal_of(rule, file.parts, file.pixels)) == ((), seal)
    assert same(file.pixels, pixels)


@pytest.mark.parametrize(
    "words",
    [
        grammar.FIELD_SIZES,
        grammar.TEXT_FORMS,
        grammar.FIELD_ENCODINGS,
        grammar.PAYLOAD_CODECS,
        grammar.REENCODINGS,
        grammar.INTEGRITY_SIZES,
        grammar.INTEGRITY_COVERS,
        grammar.OWN_FIELDS,
        grammar.SIZE_NAMES,
    ],
)
def test_the_page_names_every_word(words: tuple[str, ...]) -> None:
    quoted = {word.strip('"') for word in re.findall(r"`([^`]+)`", PROSE)}
    assert set(words) - quoted == set()


def test_the_page_names_everything_a_file_may_tell_of_its_pixels() -> None:
    quoted = set(re.findall(r"`(?:pixels)?\.([a-z_]+)`", PROSE))
    same_of_the_other = {name for name in ENTITY_NAMES["pixels"] if name.startswith("modality_lut_")}
    assert set(ENTITY_NAMES["pixels"]) - quoted == same_of_the_other
