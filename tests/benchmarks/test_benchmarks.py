"""The benchmarks run and say what they should; how fast anything is, no test asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocol.vocabulary import Phase
from tests.benchmarks.phase import measure
from tests.benchmarks.practice import draw
from tests.benchmarks.rows import Row, at_least, row, table, under
from tests.benchmarks.run import main
from tests.benchmarks.scale import write_scale_practice


def test_the_reference_mix_goes_through_every_phase_and_each_figure_becomes_a_row(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    main(["reference", "--images", "9", "--workers", "1", "--folder", str(tmp_path), "--out", str(out)])
    rows = {found["name"]: found for found in json.loads(out.read_text(encoding="utf-8"))}
    assert {"conversion", "dry run", "reconciliation of every pixel", "machine: cores"} <= set(rows)
    assert set(rows["conversion"]) == {"name", "value", "unit", "floor", "ratio", "target", "met"}
    assert rows["conversion"]["ratio"] == rows["conversion"]["value"] / rows["conversion"]["floor"]
    assert [path for path in tmp_path.iterdir() if path != out] == []


def test_the_practice_of_small_images_passes_dry_run_and_conversion(tmp_path: Path) -> None:
    job = write_scale_practice(tmp_path / "practice", 20, workers=1)
    for phase in (Phase.DRY_RUN, Phase.CONVERT):
        measured = measure(phase, job.folder)
        assert measured.images == 20
        assert measured.main_peak_mib > 1


def test_the_mix_is_as_described() -> None:
    media = [medium for _, _, _, medium in draw(2_000).media]
    kinds = [(medium.picture.width, medium.picture.height) for medium in media if medium.picture]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    wanted = {(1344, 1850): 0.7, (1040, 1552): 0.15, (2976, 1536): 0.05, (1920, 1080): 0.1}
    assert shares == pytest.approx(wanted, abs=0.01)


def test_a_row_judges_its_value_or_its_ratio() -> None:
    assert row("a", 90.0, "x", floor=100.0, target=at_least(0.8), ratio=True).met is True
    assert row("a", 70.0, "x", floor=100.0, target=at_least(0.8), ratio=True).met is False
    assert row("a", 70.0, "x", target=under(60)).met is False
    assert row("a", 70.0, "x") == Row("a", 70.0, "x")


def test_the_table_says_what_was_missed() -> None:
    text = table([row("rate", 70.0, "x", target=at_least(80)), row("other", 1.5, "ms")])
    assert [line.split() for line in text.splitlines()] == [
        ["rate", "70.00", "x", "at", "least", "80", "MISSED"],
        ["other", "1.50", "ms"],
    ]
