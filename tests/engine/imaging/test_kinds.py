"""Every kind of picture file: exact in both stacks, as every viewer shows it, or its finding; and the page says so."""

from __future__ import annotations

import numpy as np
import pytest

from engine.imaging.decode import decode
from engine.imaging.problem import ImageProblem
from engine.reconcile.picture import SourceWanting
from engine.reconcile.source_pixels import look_at
from protocol.vocabulary import FindingCode
from tests.engine.imaging.kinds import KINDS, REFERENCE, Kind, reference
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
