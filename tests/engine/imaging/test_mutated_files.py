"""Damaged files of every kind: a picture or an ImageProblem, never anything else."""

from __future__ import annotations

import io
from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.imaging.decode import decode, encoding
from engine.imaging.native import NativeFormat, pixel_names
from engine.imaging.pixels import MONOCHROME2, Pixels
from engine.imaging.problem import ImageProblem
from engine.profiles.load import load_target
from tests.engine.imaging import dicoms

GREY = np.random.default_rng(2).integers(0, 4096, (19, 23)).astype("<u2")
COLOUR = np.random.default_rng(3).integers(0, 256, (18, 22, 3)).astype(np.uint8)
NATIVE = NativeFormat(load_target("dexis10").native)


def _pillow(form: str) -> bytes:
    target = io.BytesIO()
    Image.fromarray(COLOUR).save(target, form)
    return target.getvalue()


SEEDS = {
    **{f"dicom {syntax}": dicoms.dicom(GREY, 12, MONOCHROME2, syntax) for syntax in dicoms.LOSSLESS},
    "dicom palette": dicoms.dicom(COLOUR[..., 0].copy(), 8, "PALETTE COLOR", dicoms.EXPLICIT),
    "dicom baseline": dicoms.dicom(COLOUR, 8, "YBR_FULL", dicoms.JPEG_BASELINE),
    **{form: _pillow(form) for form in ("JPEG", "PNG", "TIFF", "BMP")},
    "jp2": imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True),
}
PATCHES = st.lists(st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=4)), max_size=6)


def mutated(data: bytes, patches: list[tuple[int, bytes]], cut: int) -> bytes:
    changed = bytearray(data)
    for place, patch in patches:
        start = place % len(changed)
        changed[start : start + len(patch)] = patch
    return bytes(changed[: len(changed) - cut % len(changed)] if cut else changed)


@pytest.mark.parametrize("name", SEEDS)
@given(patches=PATCHES, cut=st.just(0) | st.integers(1))
@settings(max_examples=60)
def test_a_damaged_file_is_a_picture_or_a_problem(name: str, patches: list[tuple[int, bytes]], cut: int) -> None:
    data = mutated(SEEDS[name], patches, cut)
    for judge in (decode, encoding):
        with suppress(ImageProblem):
            judge(data)


@given(patches=PATCHES, cut=st.just(0) | st.integers(1))
@settings(max_examples=200)
def test_a_damaged_native_file_is_read_or_a_problem(patches: list[tuple[int, bytes]], cut: int) -> None:
    pixels = Pixels(GREY, 12, MONOCHROME2)
    names = pixel_names(pixels)
    record = {"visual_id": 7, "acquired_at": None, "integrity": bytes(16), "person": "Doe^Jane"}
    values = {name: names.get(rule.text, record.get(name)) for name, rule in NATIVE.expressions.items()}
    with suppress(ImageProblem):
        NATIVE.parse(mutated(NATIVE.encode(values, pixels), patches, cut))


@given(data=st.binary(max_size=600))
def test_noise_is_a_problem(data: bytes) -> None:
    with pytest.raises(ImageProblem):
        decode(data)
