"""The certificate as people see it: in a real browser, wide, on a phone, and printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.gates import GATES
from engine.ledger import Ledger
from engine.report.certificate import certificate
from engine.report.files import write
from tests.engine.statements import AGENT, NOW, PRACTICE, ROOT, RUN, decision, evidence, keyset
from tests.simulators.chromium import Page, browser

pytestmark = pytest.mark.browser

CONTRAST = """(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = parts(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; }
    return [255, 255, 255]; };
  const ratio = e => { const [a, b] = [light(parts(getComputedStyle(e).color)), light(ground(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
  return Math.min(...[...document.querySelectorAll("body *")].filter(e => e.innerText).map(ratio));
})()"""


_A4 = 794  # its width in CSS pixels, 96 an inch


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda: NOW)
    ledger.open_run(RUN, AGENT.public_key)
    ledger.enroll(PRACTICE, ROOT.public_key)
    ledger.record_keyset(keyset())
    for gate in GATES:
        newest = evidence(gate)
        ledger.record_evidence(newest)
        for name in ("ann", "bob")[: ledger.standings()[gate].needed]:
            ledger.record_decision(decision(name, newest))
    return write(tmp_path / "report", certificate(ledger, NOW))[0]


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_is_cut_off_at_the_side(page: Page, shown: Path, width: int) -> None:
    page.open(shown, width)
    assert page.value("document.documentElement.clientWidth") > width - 20  # what a scrollbar leaves
    assert page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_it_asks_nobody_for_anything_and_could_not(page: Page, shown: Path) -> None:
    page.requested.clear()
    page.open(shown, 1280)
    assert page.requested == [shown.as_uri()]
    blocked = """new Promise(told => {
      document.addEventListener("securitypolicyviolation", e => told(e.effectiveDirective));
      const image = new Image(); image.src = "https://127.0.0.1:9/x.png"; setTimeout(() => told("asked"), 5000); })"""
    assert page.value(blocked) == "img-src"


def test_it_can_be_read_aloud_and_by_weak_eyes(page: Page, shown: Path) -> None:
    page.open(shown, 1280)
    assert page.value("document.documentElement.lang") == "en"
    assert page.value("document.querySelectorAll('h1').length") == 1
    assert page.value("document.querySelectorAll('th').length > 0 && !document.querySelector('th:not([scope])')")
    assert page.value("[...document.querySelectorAll('tr')].every(row => row.querySelector('th'))")
    assert page.value(CONTRAST) >= 4.5


def test_it_prints_without_the_frame_of_the_screen_and_nothing_is_cut_off(page: Page, shown: Path) -> None:
    page.open(shown, _A4)
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.value("getComputedStyle(document.querySelector('main')).borderTopWidth") == "0px"
    assert page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.call("Emulation.setEmulatedMedia", media="")
    assert page.pdf().startswith(b"%PDF-")
