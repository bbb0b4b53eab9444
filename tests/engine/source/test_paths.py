"""Paths of source files, computed from columns: the same by the converter and by the reconciler, and never a guess."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.profiles.resolve import PathError, parts_of
from engine.reconcile.source_paths import path_from
from engine.source.paths import PathTemplate
from engine.source.values import Unreadable
from protocol.vocabulary import FindingCode

UUID_TEXT = "A1b2C3d4-e5f6-4788-99aa-BBccDDeeFF00"
ROW = {"uuid": UUID_TEXT, "number": 42, "file": "x\\y.dcm", "none": None, "empty": "", "own": UUID(UUID_TEXT)}
FILLED = {
    "{uuid}.dcm": f"{UUID_TEXT}.dcm",
    "{uuid[0:2]}/{uuid[2:4]}/{uuid}.dcm": f"A1/b2/{UUID_TEXT}.dcm",
    "{uuid|lower[0:2]}/{uuid|lower|no-dashes}.dcm": "a1/a1b2c3d4e5f6478899aabbccddeeff00.dcm",
    "{uuid|upper[-4:]}/{uuid[0]}{uuid[-1]}/{own|upper[0]}": "FF00/A0/A",
    "{uuid[4:]}": UUID_TEXT[4:],
    "{uuid[:-4]}": UUID_TEXT[:-4],
    "{own[0:2]}/{own}": f"a1/{UUID_TEXT.lower()}",
    "img{number:08}.dcm": "img00000042.dcm",
    "{file}": "x/y.dcm",
}
REFUSED = ["{none}/{uuid}", "{empty}", "{number[0:3]}", "{number[2]}", "{number[-3:]}", "{empty|trim}"]
WRONG = {
    "{uuid": "stands alone",
    "uuid}": "stands alone",
    "{}": "not understood",
    "{uuid[a:b]}": "not understood",
    "{uuid[0:2:1]}": "not understood",
    "{uuid.hex}": "not understood",
    "{uuid!r}": "not understood",
    "{uuid:>8}": "not understood",
    "{uuid[0:2]:08}": "not understood",
    "{uuid|lowr}": r"unknown filter lowr \(did you mean lower\?\)",
    "{uuid[2:2]}": "ends where it begins",
    "{uuid[-2:-4]}": "ends where it begins",
}


@pytest.mark.parametrize(("template", "path"), FILLED.items())
def test_a_template_is_filled_alike_by_both(template: str, path: str) -> None:
    assert PathTemplate(template).path(ROW) == path
    assert path_from(template, ROW) == path


@pytest.mark.parametrize("template", REFUSED)
def test_a_value_too_short_for_its_path_is_a_missing_file_and_no_other_file(template: str) -> None:
    with pytest.raises(Unreadable) as problem:
        PathTemplate(template).path(ROW)
    assert problem.value.code is FindingCode.MISSING_FILE
    assert path_from(template, ROW) is None


@pytest.mark.parametrize(("template", "message"), WRONG.items())
def test_what_is_no_template_is_refused_when_it_is_read(template: str, message: str) -> None:
    with pytest.raises(PathError, match=message):
        parts_of(template)


_PLACES = st.one_of(st.just(""), st.integers(-9, 9).map(str))


@given(
    st.text(st.sampled_from("aB-1 é"), max_size=8), _PLACES, _PLACES, st.sampled_from(["", "|lower", "|no-dashes|trim"])
)
def test_both_cut_every_value_at_the_same_places(value: str, start: str, stop: str, filters: str) -> None:
    template = f"{{value{filters}[{start}:{stop}]}}.dcm"
    row: dict[str, Any] = {"value": value}
    try:
        path: str | None = PathTemplate(template).path(row)
    except PathError:
        return
    except Unreadable:
        path = None
    assert path_from(template, row) == path
