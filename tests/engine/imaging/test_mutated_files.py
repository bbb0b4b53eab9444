"""Damaged files of every kind: a picture or an ImageProblem, never anything else, and never more memory than a picture.

The last test decodes mutants in a process of its own, so that a codec which crashes, hangs or takes too much memory is
caught with the number of its mutant: 10 seconds long, five minutes with `make fuzz`, or BITEWING_FUZZ_SECONDS.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.imaging.decode import decode, encoding
from engine.imaging.native import NativeFormat
from engine.imaging.pixels import MONOCHROME2, Pixels
from engine.imaging.problem import ImageProblem
from engine.profiles.load import load_target
from engine.profiles.native_rules import IntegrityRule
from tests.engine.imaging.seeds import GREY, SEEDS, mutant
from tests.engine.native_files import sealed

PATCHES = st.lists(st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=4)), max_size=6)
IS_LONG = settings.default is not None and settings.default.max_examples > 1_000
SECONDS = float(os.environ.get("BITEWING_FUZZ_SECONDS", "300" if IS_LONG else "10"))
A_HANG = 60  # seconds beyond those asked for: one mutant takes milliseconds
RECORD = {"visual_id": 7, "acquired_at": None, "integrity": bytes(16), "person": "Doe^Jane"}
NATIVE = NativeFormat(load_target("dexis10").native)
WHOLE = sealed(NATIVE, IntegrityRule("md5", "pixels", ("header",)), Pixels(GREY, 12, MONOCHROME2), **RECORD)[0].joined()


def mutated(data: bytes, patches: list[tuple[int, bytes]], cut: int) -> bytes:
    changed = bytearray(data)
    for place, patch in patches:
        start = place % len(changed)
        changed[start : start + len(patch)] = patch
    return bytes(changed[: len(changed) - cut % len(changed)] if cut else changed)


@pytest.mark.parametrize("name", SEEDS)
def test_a_whole_file_is_a_picture(name: str) -> None:
    assert decode(SEEDS[name]).array.size


@pytest.mark.parametrize("name", SEEDS)
@given(patches=PATCHES, cut=st.just(0) | st.integers(1))
@settings(max_examples=40)
def test_a_damaged_file_is_a_picture_or_a_problem(name: str, patches: list[tuple[int, bytes]], cut: int) -> None:
    data = mutated(SEEDS[name], patches, cut)
    for judge in (decode, encoding):
        with suppress(ImageProblem):
            judge(data)


def test_a_mutant_is_the_same_for_the_same_number() -> None:
    assert [mutant(number) for number in range(50)] == [mutant(number) for number in range(50)]
    assert len({mutant(number)[1] for number in range(50)}) > 40


def test_two_thousand_mutants_are_pictures_or_problems() -> None:
    pictures = 0
    for number in range(2_000):
        with suppress(ImageProblem):
            decode(mutant(number)[1])
            pictures += 1
    assert 200 < pictures < 1_800


@given(patches=PATCHES, cut=st.just(0) | st.integers(1))
@settings(max_examples=200)
def test_a_damaged_native_file_is_read_or_a_problem(patches: list[tuple[int, bytes]], cut: int) -> None:
    with suppress(ImageProblem):
        NATIVE.parse(mutated(WHOLE, patches, cut))


@given(data=st.binary(max_size=600))
def test_noise_is_a_problem(data: bytes) -> None:
    with pytest.raises(ImageProblem):
        decode(data)


@pytest.mark.fuzz
@pytest.mark.timeout(SECONDS + 2 * A_HANG)
def test_mutants_by_the_thousand_neither_crash_nor_hang_nor_fill_the_memory(tmp_path: Path) -> None:
    first, mark = int.from_bytes(os.urandom(5), "big"), tmp_path / "mark"
    command = [sys.executable, "-m", "tests.engine.imaging.fuzzing", str(first), str(SECONDS), str(mark)]
    try:
        done = subprocess.run(command, timeout=SECONDS + A_HANG, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail(f"hangs over mutant {int.from_bytes(mark.read_bytes(), 'little')}")
    where = int.from_bytes(mark.read_bytes(), "little")
    assert done.returncode == 0, f"ended over mutant {where}: {done.returncode} {done.stderr[-2_000:]}"
    print(f"\n{where - first + 1} mutants from {first}: {done.stdout.strip()}")
