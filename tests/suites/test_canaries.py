"""The search for planted values finds them however they are dressed: a search that cannot find proves nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.suites.canaries import met

NAME = "Ødegård Ana/王"
DRESSED: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "in capitals": lambda value: value.upper().encode(),
    "escaped for JSON": lambda value: json.dumps({"name": value}).encode(),
    "in a URL": lambda value: quote(value, safe="").encode(),
    "in hex": lambda value: value.encode().hex().encode(),
    "in UTF-16": lambda value: value.encode("utf-16-le"),
    **{
        f"in base64 after {count} bytes": lambda value, count=count: base64.b64encode(b"x" * count + value.encode())
        for count in range(4)
    },
    "in base64 for URLs": lambda value: base64.urlsafe_b64encode(b"?>" + value.encode()),
}


@pytest.mark.canary
@pytest.mark.parametrize("dress", DRESSED.values(), ids=DRESSED)
def test_a_planted_value_is_found_in_every_dress(dress: Callable[[str], bytes]) -> None:
    assert met([NAME, "nobody here"], b"before " + dress(NAME) + b" after") == [NAME]


@pytest.mark.canary
def test_a_number_is_found_in_base64_and_not_where_it_is_not() -> None:
    assert met(["0022542818"], base64.b64encode(b"chart 0022542818")) == ["0022542818"]
    assert met(["0022542818"], b"chart 0022542819") == []
