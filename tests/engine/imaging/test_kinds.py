"""Every kind of picture file: exact in both stacks, as every viewer shows it, or its finding; and the page says so."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.imaging.decode import decode
from engine.imaging.problem import ImageProblem
from engine.reconcile.picture import SourceWanting
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import FindingCode
from tests.engine.imaging.kinds import COLOUR, KINDS, REFERENCE, Kind, reference
from tests.engine.reconcile.two_stacks import disagreement

CONVERTS = {name: kind for name, kind in KINDS.items() if not isinstance(kind.outcome, FindingCode)}
REFUSED = {name: kind for name, kind in KINDS.items() if isinstance(kind.outcome, FindingCode)}


@pytest.mark.parametrize("kind", CONVERTS.values(), ids=CONVERTS)
def test_a_kind_that_converts_gives_one_picture_to_both_stacks(kind: Kind) -> None:
    pixels = decode(kind.data)
    assert disagreement(kind.data) is None
    assert pixels.lossy == isinstance(kind.outcome, str)
    if not pixels.lossy:
        assert np.array_equal(pixels.array, kind.outcome)
        assert np.array_equal(look_at(kind.data).samples, kind.outcome)


@pytest.mark.parametrize("kind", REFUSED.values(), ids=REFUSED)
def test_a_kind_that_has_no_home_has_its_finding_and_no_stack_takes_it(kind: Kind) -> None:
    with pytest.raises(ImageProblem) as problem:
        decode(kind.data)
    assert problem.value.code is kind.outcome
    with pytest.raises(SourceWanting):
        look_at(kind.data)


def test_the_page_says_what_the_table_says() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_colour_profile_is_named_where_it_would_be_lost(form: str) -> None:
    target = io.BytesIO()
    Image.fromarray(COLOUR).save(target, form, icc_profile=bytes(300))
    assert decode(target.getvalue()).beside == ("colour profile",)
    plain = io.BytesIO()
    Image.fromarray(COLOUR).save(plain, form)
    assert decode(plain.getvalue()).beside == ()
