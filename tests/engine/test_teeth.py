"""Teeth: the public tables, and exact round trips in every notation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.teeth import ALL_TEETH, NOTATIONS, TeethNotation, Tooth

TEETH = st.lists(st.sampled_from(ALL_TEETH), max_size=8).map(tuple)
CODES = [
    # tooth, FDI, three-digit FDI, ADA universal, Palmer
    (Tooth(1, 8), "18", "108", "1", "UR8"),
    (Tooth(1, 1), "11", "101", "8", "UR1"),
    (Tooth(2, 1), "21", "201", "9", "UL1"),
    (Tooth(2, 6), "26", "206", "14", "UL6"),
    (Tooth(2, 8), "28", "208", "16", "UL8"),
    (Tooth(3, 8), "38", "308", "17", "LL8"),
    (Tooth(3, 7), "37", "307", "18", "LL7"),
    (Tooth(4, 1), "41", "401", "25", "LR1"),
    (Tooth(4, 8), "48", "408", "32", "LR8"),
    (Tooth(5, 5), "55", "505", "A", "URE"),
    (Tooth(6, 5), "65", "605", "J", "ULE"),
    (Tooth(7, 5), "75", "705", "K", "LLE"),
    (Tooth(8, 5), "85", "805", "T", "LRE"),
    (Tooth(1, 8, supernumerary=True), "18S", "108S", "51", "UR8S"),
    (Tooth(4, 8, supernumerary=True), "48S", "408S", "82", "LR8S"),
    (Tooth(5, 5, supernumerary=True), "55S", "505S", "AS", "URES"),
    (Tooth(8, 5, supernumerary=True), "85S", "805S", "TS", "LRES"),
]


def notation(name: str) -> TeethNotation:
    return TeethNotation(name, ";", "")


@pytest.mark.parametrize(("tooth", "fdi", "fdi3", "ada", "palmer"), CODES)
def test_a_tooth_has_its_public_code(tooth: Tooth, fdi: str, fdi3: str, ada: str, palmer: str) -> None:
    for name, code in {"fdi": fdi, "fdi3": fdi3, "ada": ada, "palmer": palmer}.items():
        assert notation(name).write((tooth,)) == code
        assert notation(name).read(code) == (tooth,)


# The charts as dentists know them, row by row as one looks at the patient; ISO 3950 and the ADA universal system.
PERMANENT = {
    "fdi": "18 17 16 15 14 13 12 11 21 22 23 24 25 26 27 28 38 37 36 35 34 33 32 31 41 42 43 44 45 46 47 48",
    "ada": " ".join(str(number) for number in range(1, 33)),
    "palmer": "UR8 UR7 UR6 UR5 UR4 UR3 UR2 UR1 UL1 UL2 UL3 UL4 UL5 UL6 UL7 UL8 "
    "LL8 LL7 LL6 LL5 LL4 LL3 LL2 LL1 LR1 LR2 LR3 LR4 LR5 LR6 LR7 LR8",
}
DECIDUOUS = {
    "fdi": "55 54 53 52 51 61 62 63 64 65 75 74 73 72 71 81 82 83 84 85",
    "ada": "A B C D E F G H I J K L M N O P Q R S T",
    "palmer": "URE URD URC URB URA ULA ULB ULC ULD ULE LLE LLD LLC LLB LLA LRA LRB LRC LRD LRE",
}


@pytest.mark.parametrize("chart", [PERMANENT, DECIDUOUS], ids=["permanent", "deciduous"])
def test_the_whole_charts_name_the_same_teeth(chart: dict[str, str]) -> None:
    as_written = {name: tuple(notation(name).read(code)[0] for code in codes.split()) for name, codes in chart.items()}
    assert len(set(as_written.values())) == 1
    assert len(set(as_written["fdi"])) == len(chart["fdi"].split())
    three_digits = [f"{code[0]}0{code[1]}" for code in chart["fdi"].split()]
    assert [notation("fdi3").write((tooth,)) for tooth in as_written["fdi"]] == three_digits


def test_a_supernumerary_tooth_stands_beside_each_regular_one() -> None:
    regular = [*PERMANENT["ada"].split(), *DECIDUOUS["ada"].split()]
    beside = [*(str(number) for number in range(51, 83)), *(f"{letter}S" for letter in DECIDUOUS["ada"].split())]
    for code, supernumerary in zip(regular, beside, strict=True):
        (one,), (other,) = notation("ada").read(code), notation("ada").read(supernumerary)
        assert (other.quadrant, other.position, other.supernumerary) == (one.quadrant, one.position, True)
    assert len(regular) == 52  # as many as DICOM CID 4025 has


@pytest.mark.parametrize("name", sorted(NOTATIONS))
@given(teeth=TEETH)
def test_teeth_survive_a_round_trip(name: str, teeth: tuple[Tooth, ...]) -> None:
    for separator, prefix in ((";", ""), ("%3B", "teeth=")):
        system = TeethNotation(name, separator, prefix)
        assert system.read(system.write(teeth)) == teeth


@given(teeth=TEETH, path=st.permutations(sorted(NOTATIONS)))
def test_teeth_survive_a_journey_through_every_notation(teeth: tuple[Tooth, ...], path: list[str]) -> None:
    travelling = teeth
    for name in path:
        travelling = notation(name).read(notation(name).write(travelling))
    assert travelling == teeth


@pytest.mark.parametrize("name", sorted(NOTATIONS))
def test_no_two_teeth_share_a_code(name: str) -> None:
    codes = {notation(name).write((tooth,)) for tooth in ALL_TEETH}
    assert len(codes) == len(ALL_TEETH) == 2 * (32 + 20)


def test_the_text_of_dexis_10_is_read_and_written_as_it_is() -> None:
    dexis10 = TeethNotation("fdi3", "%3B", "teeth=")
    teeth = (Tooth(2, 6), Tooth(3, 7))
    assert dexis10.read("teeth=206%3B307") == teeth
    assert dexis10.write(teeth) == "teeth=206%3B307"


def test_two_digit_codes_are_read_among_three_digit_ones_and_written_with_three() -> None:
    dexis10 = TeethNotation("fdi3", "%3B", "teeth=")
    assert dexis10.write(dexis10.read("teeth=26%3B307")) == "teeth=206%3B307"


@pytest.mark.parametrize("text", [None, "", "teeth="])
def test_no_teeth_are_read_from_nothing(text: str | None) -> None:
    assert TeethNotation("fdi3", "%3B", "teeth=").read(text) == ()
    assert TeethNotation("fdi3", "%3B", "teeth=").write(()) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fdi", "19"),
        ("fdi", "56"),
        ("fdi", "91"),
        ("fdi", "206"),
        ("fdi", "1"),
        ("fdi", "11;"),
        ("fdi", "11,12"),
        ("fdi", " 11"),
        ("fdi", "１１"),
        ("fdi3", "209"),
        ("fdi3", "436"),
        ("fdi3", "2006"),
        ("ada", "0"),
        ("ada", "33"),
        ("ada", "50"),
        ("ada", "83"),
        ("ada", "U"),
        ("ada", "a"),
        ("ada", "01"),
        ("ada", "1S"),
        ("palmer", "UR9"),
        ("palmer", "URF"),
        ("palmer", "UM1"),
    ],
)
def test_what_is_no_tooth_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="not a tooth"):
        notation(name).read(text)


def test_text_without_the_prefix_is_refused() -> None:
    with pytest.raises(ValueError, match="begin"):
        TeethNotation("fdi3", "%3B", "teeth=").read("206")


@pytest.mark.parametrize(("quadrant", "position"), [(0, 1), (9, 1), (1, 0), (1, 9), (5, 6), (8, 6)])
def test_there_is_no_tooth_outside_the_mouth(quadrant: int, position: int) -> None:
    with pytest.raises(ValueError, match="no tooth"):
        Tooth(quadrant, position)


def test_a_notation_must_be_known_and_separate_its_codes() -> None:
    for name, separator in (("zsigmondy", ";"), ("fdi", "")):
        with pytest.raises(ValueError, match="notation"):
            TeethNotation(name, separator, "")
