"""Native files of every shape for tests: rules out of TOML text, any picture, and both stacks side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from engine.imaging.native import NativeFormat
from engine.imaging.native_layout import Parts
from engine.imaging.pixels import MONOCHROME1, MONOCHROME2, RGB, Lut, Pixels, Window
from engine.profiles.native import read_native
from engine.profiles.native_rules import IntegrityRule, NativeRules
from engine.reconcile.picture import GreyTable, GreyWindow, Picture, Shown
from engine.toml.document import Document

SHAPE = """
  { name = "width", type = "uint16", is = "pixels.width" },
  { name = "height", type = "uint16", is = "pixels.height" },
  { name = "allocated", type = "uint8", is = "pixels.bits_allocated" },
  { name = "stored", type = "uint8", is = "pixels.bits_stored" },
  { name = "samples", type = "uint8", is = "pixels.samples" },
  { name = "flags", type = "uint8", is = "pixels.flags" },
  { name = "payload_size", type = "uint32", is = "payload.size" },
"""
END = '{ name = "end", type = "bytes", size = 3, value = "454E44" },'


def rules(
    header: str = "", payload: str = 'codec = "raw16"', trailer: str = "", *, order: str = "little", end: str = END
) -> NativeRules:
    """[native] with a picture's shape, then `header`; `trailer`, then the letters END."""
    text = f"""[native]
type = "dex"
byte_order = "{order}"
payload = {{ {payload} }}
header = [{SHAPE}{header}]
trailer = [{trailer}{end}]
"""
    return read_native(Document.parse("native.toml", text.encode()).table().table("native"))


def values_of(format_: NativeFormat, pixels: Pixels, **record: Any) -> Mapping[str, Any]:
    """A value for each field: of the pixels, or of `record` by the field's name."""
    names = format_.names(pixels)
    return {
        name: expression.evaluate(names, {"integrity": lambda: bytes(4)})
        if expression.names <= names.keys() and not expression.functions
        else record.get(name)
        for name, expression in format_.expressions.items()
    }


def sealed(format_: NativeFormat, rule: IntegrityRule, pixels: Pixels, **record: Any) -> tuple[Parts, bytes]:
    """A file with its integrity hash in it."""

    def values(digest: bytes) -> Mapping[str, Any]:
        kept = {
            name: expression.evaluate({}, {"integrity": lambda: digest})
            for name, expression in format_.expressions.items()
            if "integrity" in expression.functions
        }
        return {**values_of(format_, pixels, **record), **kept}

    return format_.sealed(rule, values, pixels, format_.pack(pixels))


def picture_of(pixels: Pixels) -> Picture:
    """The same picture as the reconciler would see it in a source."""
    return Picture(
        pixels.array,
        pixels.bits_allocated,
        pixels.bits_stored,
        "dicom",
        pixels.photometric == MONOCHROME1,
        pixels.signed,
        Shown(
            tuple(GreyWindow(w.center, w.width, w.explanation, w.function) for w in pixels.windows),
            pixels.rescale,
            pixels.modality_lut and _table(pixels.modality_lut),
            tuple(map(_table, pixels.voi_luts)),
            pixels.spacing,
        ),
    )


def _table(lut: Lut) -> GreyTable:
    return GreyTable(lut.first, lut.bits, lut.entries, lut.explanation)


def same(one: Pixels, two: Pixels) -> bool:
    """Whether two pictures are one, sample for sample and in how they are to be shown."""
    told = ("bits_stored", "photometric", "signed", "windows", "rescale", "modality_lut", "voi_luts", "spacing")
    return (
        one.array.dtype == two.array.dtype
        and np.array_equal(one.array, two.array)
        and all(getattr(one, name) == getattr(two, name) for name in told)
    )


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64).map(lambda number: number + 0.0)
WORDS = st.text(st.characters(exclude_characters="\0\\\n", exclude_categories=["Cs"]), max_size=12)
WINDOWS = st.builds(Window, NUMBERS, NUMBERS, WORDS, st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]))
ENTRIES = st.lists(st.binary(min_size=2, max_size=2), min_size=1, max_size=9).map(b"".join)
LUTS = st.builds(Lut, st.integers(-(1 << 31), (1 << 31) - 1), st.integers(1, 16), ENTRIES, WORDS)
PAIRS = st.none() | st.tuples(NUMBERS, NUMBERS)


@st.composite
def pictures(draw: st.DrawFn, *, shown: bool = False) -> Pixels:
    """Any picture the form of pixels allows, small; `shown`: with windows, look-up tables, rescale and spacing."""
    photometric = draw(st.sampled_from([MONOCHROME1, MONOCHROME2, RGB]))
    allocated = draw(st.sampled_from([8, 16]))
    bits, signed = draw(st.integers(1, allocated)), draw(st.booleans())
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    size = height * width * (3 if photometric == RGB else 1)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    values = draw(st.lists(st.integers(low, high), min_size=size, max_size=size))
    array = np.array(values, f"<{'i' if signed else 'u'}{allocated // 8}")
    shape = (height, width, 3) if photometric == RGB else (height, width)
    told: dict[str, Any] = {}
    if shown:
        told |= {"windows": tuple(draw(st.lists(WINDOWS, max_size=3))), "rescale": draw(PAIRS), "spacing": draw(PAIRS)}
        told |= {"modality_lut": draw(st.none() | LUTS), "voi_luts": tuple(draw(st.lists(LUTS, max_size=1)))}
    return Pixels(array.reshape(shape), bits, photometric, signed, **told)
