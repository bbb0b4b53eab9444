"""Where a target file stands, by the converter and by the reconciler; each was written without the other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from engine.reconcile.disk_view import key_of, path_for
from engine.target.paths import path_of
from engine.target.scope import Scope

PLACED = {
    "{key}.dex": "7.dex",
    "{key:08}.dex": "00000007.dex",
    "{patient_key:05[0]}/{patient_key:05[4]}/{key}.dex": "0/3/7.dex",
    "{image.acquired_at:%Y}/{image.acquired_at:%m}-{image.acquired_at:%d}/{key}.dex": "2019/03-04/7.dex",
    "{study.started_at:%Y}/{study_key}/{series_key}_{hex8}.dex": "0000/5/6_00000007.dex",
    "{key:03[2]}/{hex8[7]}/{key}-{patient_key}.dex": "7/7/7-3.dex",
}
NAMES: dict[str, Any] = {
    **{"key(patient)": 3, "key(study)": 5, "key(series)": 6, "study.started_at": None},
    "image.acquired_at": datetime.fromisoformat("2019-03-04T05:06:07"),
}


@pytest.mark.parametrize(("template", "path"), PLACED.items())
def test_converter_and_reconciler_place_an_image_alike(template: str, path: str) -> None:
    keys = {"patient": 3, "study": 5, "series": 6}
    scope = Scope(NAMES, {"key": keys.__getitem__})
    assert path_for(template, 7, NAMES) == path_of(template, 7, scope) == path
    assert key_of(path, (template,)) == "7"


def test_a_path_of_somebody_else_stands_for_its_image_and_is_not_where_it_should_be() -> None:
    template = "{patient_key}/{key}.dex"
    assert key_of("4/7.dex", (template,)) == "7"
    assert path_for(template, 7, NAMES) == "3/7.dex"
    assert path_for(template, 7, {}) == "?/7.dex"
