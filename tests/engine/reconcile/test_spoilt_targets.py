"""The verifier verified: a faithful target passes, and every seeded fault is caught and named."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from engine.phases.reconcile import checks_of
from protocol.advice import ADVICE
from protocol.vocabulary import Check, FindingCode, Severity, Verdict
from tests.engine.reconcile.practice import Practice, judged, practice
from tests.engine.reconcile.spoilers import SPOILERS, Spoiler


def test_a_faithful_target_is_exact_and_its_three_digests_are_equal(tmp_path: Path) -> None:
    verdict = judged(practice().write(tmp_path / "p"))
    assert verdict.codes == {
        FindingCode.MISSING_FILE,
        FindingCode.EMPTY_FILE,
        FindingCode.TRUNCATED,
        FindingCode.MULTIFRAME,
    }
    assert len(set(verdict.digests)) == 1
    assert {check.verdict for check in checks_of(verdict.result)} == {Verdict.PASS}
    assert (verdict.result.counts.patients, verdict.result.counts.images) == (3, 6)


def test_a_faithful_target_is_exact_in_worker_processes_too(tmp_path: Path) -> None:
    places = practice().write(tmp_path / "p")
    assert judged(places, workers=2).result == judged(places, workers=1).result


def test_a_name_longer_than_the_header_holds_is_cut_between_letters_and_exact(tmp_path: Path) -> None:
    made, name = practice(), "Я" * 64
    made.source["patient"][1]["family_name"] = made.row("PersonName", 901)["FamilyName"] = name
    path = made.path(4986)
    file, cut = made.target_files[path], f"{name}^Пётр".encode()[:129]
    made.target_files[path] = file[:68] + (b"\0" + cut).ljust(132, b"\0") + file[200:]
    assert len(set(judged(made.write(tmp_path / "p")).digests)) == 1


@pytest.mark.parametrize("spoiler", SPOILERS, ids=lambda spoiler: spoiler.name)
def test_a_seeded_fault_is_caught_and_named(spoiler: Spoiler, tmp_path: Path) -> None:
    made = practice()
    spoiler.spoil(made, Random(1))
    _must_be_caught(spoiler, made, tmp_path)


@pytest.mark.parametrize("seed", range(25))
def test_faults_seeded_at_random_are_all_caught(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    spoiler, made = random.choice(SPOILERS), practice()
    spoiler.spoil(made, random)
    _must_be_caught(spoiler, made, tmp_path)


@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("one pixel bit", {Check.PIXELS_EQUAL, Check.VIEWS_EQUAL, Check.INTEGRITY_RECOMPUTED, Check.SETS_EQUAL}),
        ("turned in the settings", {Check.VIEWS_EQUAL, Check.FIELDS_EQUAL, Check.SETS_EQUAL}),
        ("black and white exchanged in the header", {Check.VIEWS_EQUAL, Check.FIELDS_EQUAL, Check.SETS_EQUAL}),
        (
            "one pixel bit with its hashes made to fit",
            {Check.PIXELS_EQUAL, Check.VIEWS_EQUAL, Check.SETS_EQUAL},
        ),
        ("an altered hash in the row", {Check.INTEGRITY_RECOMPUTED, Check.SETS_EQUAL}),
        ("another tooth", {Check.FIELDS_EQUAL, Check.SETS_EQUAL}),
        ("a header with the name of another patient", {Check.FIELDS_EQUAL, Check.SETS_EQUAL}),
        ("a stray file", {Check.NO_STRAYS, Check.SETS_EQUAL}),
        ("a whole patient too many", {Check.PATIENTS_MATCHED, Check.NO_STRAYS, Check.SETS_EQUAL}),
    ],
)
def test_a_fault_fails_its_own_checks_and_no_others(name: str, failing: set[Check], tmp_path: Path) -> None:
    made = practice()
    next(spoiler for spoiler in SPOILERS if spoiler.name == name).spoil(made, Random(3))
    checks = checks_of(judged(made.write(tmp_path / "p")).result)
    assert {check.check for check in checks if check.verdict is Verdict.FAIL} == failing


@pytest.mark.parametrize(
    ("name", "equal"),
    [
        ("one pixel bit", ("source", "database")),
        ("turned in the settings", ()),
        ("a stray file", ("source", "database")),
    ],
)
def test_the_side_that_is_right_keeps_the_digest_of_the_source(
    name: str, equal: tuple[str, ...], tmp_path: Path
) -> None:
    made = practice()
    next(spoiler for spoiler in SPOILERS if spoiler.name == name).spoil(made, Random(3))
    digests = judged(made.write(tmp_path / "p")).result.digests
    assert (digests.source == digests.database) is bool(equal)
    assert digests.source != digests.disk


def _must_be_caught(spoiler: Spoiler, made: Practice, tmp_path: Path) -> None:
    verdict = judged(made.write(tmp_path / "p"))
    blockers = {code for code in verdict.codes if ADVICE[code].severity is Severity.BLOCKER}
    assert spoiler.codes <= blockers, verdict.found
    assert len(set(verdict.digests)) > 1, "the digests of unequal sets are equal"
    assert any(check.verdict is Verdict.FAIL for check in checks_of(verdict.result))
