"""[native] and `integrity` load strictly: each mistake is named at its line, and the message says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.native_text import described_hash, described_native
from engine.profiles import load as loader
from engine.profiles.load import load_target
from engine.profiles.native_rules import COVERED_PARTS, FIELD_SIZES, PAYLOAD_CODECS, IntegrityRule
from protocol.errors import UsageProblem
from tests.engine.native_files import END, SHAPE

TARGET = (Path(loader.__file__).parent / "dexis10.toml").read_text(encoding="utf-8")
_HEAD = TARGET[: TARGET.index("[native]")]
_TAIL = TARGET[TARGET.index("# Independent questions") :]
_HASH = 'algorithm = "md5", covers = "pixels", kept = ["Image.SecurityHash", "header"]'
SEAL = '{ name = "seal", type = "bytes", size = 16, is = "integrity()" },'


def profile(
    header: str = SEAL, payload: str = 'codec = "raw16"', trailer: str = "", seal: str = _HASH, shape: str = SHAPE
) -> str:
    """dexis10 with another native file; each field of `header` and `trailer` stands on a line of its own."""
    native = f"""[native]
type = "dex"
byte_order = "little"
payload = {{ {payload} }}
header = [{shape}{header}
]
trailer = [
{trailer}
{END}
]
"""
    return _HEAD.replace(_HASH, seal) + native + _TAIL


def load(text: str, folder: Path) -> None:
    path = folder / "profile.toml"
    path.write_text(text, encoding="utf-8")
    load_target(path)


Case = tuple[
    dict[str, str], str, str, str
]  # parts of the profile, what the error says, its advice, what its line holds
N = '{ name = "n", type = "uint16", is = "image.number" },\n'
LONG = '{ name = "t", type = "text", at_most = 99, encoding = "utf-8", is = "image.uid" },\n'
SIZED = '{ name = "t_size", type = "uint8", length_of = "t" },\n'
BIT = 'when = { field = "flags", bit = 3 }'

GRAMMAR: dict[str, Case] = {
    "a level for a codec without": ({"payload": 'codec = "jpeg-ls", level = 1'}, "jpeg-ls has no level", "", "payload"),
    "a level beyond": ({"payload": 'codec = "png", level = 10'}, "allowed: 0 to 9", "", "payload"),
    "a byte order of a coded picture": (
        {"payload": 'codec = "png", byte_order = "big"'},
        "no byte order",
        "",
        "payload",
    ),
    "raw pixels written again": ({"payload": 'codec = "raw16", reencode = "pixels"'}, "one form only", "", "payload"),
    "no end of a payload": (
        {"payload": 'codec = "deflate"', "trailer": SIZED + LONG, "shape": SHAPE[: SHAPE.index('  { name = "payload')]},
        "nothing tells where the deflate payload ends",
        'is = "payload.size"',
        "payload",
    ),
    "no length": ({"header": SEAL + "\n" + LONG}, "nothing before t tells its length", 'length_of = "t"', '"t"'),
    "length behind": ({"header": SEAL + "\n" + LONG + SIZED}, "nothing before t", 'length_of = "t"', '"t"'),
    "length of a fixed field": (
        {"header": SEAL + "\n" + SIZED + N.replace('"n"', '"t"')},
        "t is no field with at_most",
        "at_most in place of size",
        "t_size",
    ),
    "two lengths": (
        {"header": SEAL + "\n" + SIZED + SIZED.replace("t_size", "again") + LONG},
        "two fields are the length of t",
        "remove one",
        "again",
    ),
    "a length too short": (
        {"header": SEAL + "\n" + SIZED + LONG.replace("99", "256")},
        "holds lengths up to 255, t may have 256",
        "at_most = 255",
        '"t"',
    ),
    "a length that is not always there": (
        {"trailer": SIZED.replace(" }", f", {BIT} }}") + LONG},
        "t_size is not there whenever t is",
        "the same `when`",
        '"t"',
    ),
    "a length in a text": (
        {"header": SEAL + "\n" + SIZED.replace("uint8", "int8") + LONG},
        "int8 field cannot hold length_of",
        "uint8",
        "t_size",
    ),
    "a size and at most": (
        {"header": SEAL + "\n" + SIZED + LONG.replace("at_most", "size = 4, at_most")},
        "unknown key native.header.9.size",
        "",
        '"t"',
    ),
    "a condition on nothing": (
        {"header": SEAL + "\n" + N.replace(" }", ', when = { field = "m", bit = 0 } }')},
        "no earlier field is called m",
        "stands before",
        '"n"',
    ),
    "a condition on what comes later": (
        {"header": SEAL + "\n" + N.replace(" }", ', when = { field = "m", bit = 0 } }') + N.replace('"n"', '"m"')},
        "no earlier field is called m",
        "stands before",
        '"n"',
    ),
    "a condition on a size": (
        {"header": SEAL + "\n" + N.replace(" }", ', when = { field = "payload_size", bit = 0 } }')},
        "payload_size cannot be asked",
        "no length and no hash",
        '"n"',
    ),
    "a condition on a bit too high": (
        {"header": SEAL + "\n" + N.replace(" }", ', when = { field = "flags", bit = 8 } }')},
        "flags has 8 bits, the highest is 7",
        "a lower bit",
        '"n"',
    ),
    "a condition of two kinds": (
        {"header": SEAL + "\n" + N.replace(" }", ', when = { field = "flags", bit = 1, equals = 2 } }')},
        "unknown key native.header.8.when.bit",
        "",
        '"n"',
    ),
    "bits of another name": (
        {"header": SEAL + '\n{ name = "b", type = "uint8", bits = ["pixels.width"] },'},
        "'pixels.width' is not one bit",
        "pixels.low_is_white",
        '"b"',
    ),
    "more bits than room": (
        {"header": SEAL + '\n{ name = "b", type = "uint8", bits = ["0","0","0","0","0","0","0","0","1"] },'},
        "9 bits do not fit 8",
        "a wider type",
        '"b"',
    ),
    "bits that are no list": (
        {"header": SEAL + '\n{ name = "b", type = "uint8", bits = "pixels.signed" },'},
        "a list of texts, the lowest bit first",
        "",
        '"b"',
    ),
    "bits of a text": (
        {"header": SEAL + '\n{ name = "b", type = "float32", bits = ["0"] },'},
        "a float32 field cannot hold bits",
        "uint8",
        '"b"',
    ),
    "padding of two bytes": (
        {"header": SEAL + '\n{ name = "p", type = "padding", align = 4, value = "0000" },'},
        "filled with one byte",
        'such as "00"',
        '"p"',
    ),
    "padding without a multiple": (
        {"header": SEAL + '\n{ name = "p", type = "padding", value = "00" },'},
        r"native.header.8.align is missing",
        "",
        '"p"',
    ),
    "a constant header size that varies": (
        {"header": SEAL + '\n{ name = "header_size", type = "uint16", value = 40 },\n' + SIZED + LONG},
        "no constant",
        'is = "header.size"',
        "header_size",
    ),
    "a size in a sum": (
        {"header": SEAL + '\n{ name = "s", type = "uint32", is = "default(file.size, 1)" },'},
        "s must be a plain size",
        'is = "file.size"',
        '"s"',
    ),
    "a text filled nobody knows how": (
        {
            "header": SEAL
            + '\n{ name = "x", type = "text", size = 4, encoding = "ascii", form = "centred", is = "image.uid" },'
        },
        "allowed: delimited, terminated, padded, spaces",
        "",
        '"x"',
    ),
    "a type that is close": (
        {"header": SEAL + '\n{ name = "x", type = "uint46", is = "image.number" },'},
        r"did you mean uint(64|16)\?",
        "",
        '"x"',
    ),
}

HASHES: dict[str, Case] = {
    "over the file it stands in": (
        {"seal": 'algorithm = "md5", covers = "file", kept = ["header"]'},
        "a hash over the whole file cannot be kept inside the file",
        'own = "zeroed"',
        "kept",
    ),
    "over the header it stands in": (
        {"seal": 'algorithm = "md5", covers = "header+payload", kept = ["header"]'},
        r"a hash over the header\+payload cannot be kept inside the file",
        'own = "left-out"',
        "kept",
    ),
    "over the trailer, kept in a column and there": (
        {
            "seal": 'algorithm = "md5", covers = "payload+trailer", kept = ["Image.SecurityHash"]',
            "header": N,
            "trailer": SEAL,
        },
        r"a hash over the payload\+trailer cannot be kept inside the file",
        "own",
        "kept",
    ),
    "zeroed where it is not": (
        {"seal": 'algorithm = "md5", covers = "payload", own = "zeroed", kept = ["header"]'},
        "payload does not hold the hash itself",
        "leave own out",
        "kept",
    ),
    "before two places": (
        {"seal": 'algorithm = "md5", covers = "before", kept = ["header"]', "trailer": SEAL.replace("seal", "seal2")},
        "needs one place in the file",
        "one field",
        "kept",
    ),
    "before nothing": (
        {"seal": 'algorithm = "md5", covers = "before", kept = ["Image.SecurityHash"]', "header": N},
        "needs one place in the file",
        "one field",
        "kept",
    ),
    "in a number": (
        {"header": SEAL.replace('"bytes", size = 16', '"uint64"')},
        "seal is a uint64 field",
        r"number\(integrity\(\)\)",
        "kept",
    ),
    "in a number too small": (
        {
            "seal": 'algorithm = "crc32", covers = "pixels", kept = ["header"]',
            "header": '{ name = "seal", type = "uint16", is = "number(integrity())" },',
        },
        "crc32 gives 4 bytes, the field has 2",
        "",
        "kept",
    ),
    "in a text too short": (
        {
            "seal": 'algorithm = "md5", covers = "pixels", kept = ["header"]',
            "header": '{ name = "seal", type = "text", size = 32, encoding = "ascii", is = "hex(integrity())" },',
        },
        "seal has 32 bytes for 32 letters",
        "size = 34",
        "kept",
    ),
    "in a time": (
        {"header": SEAL.replace('"bytes", size = 16', '"filetime"')},
        "seal cannot keep a hash",
        "bytes, text or an integer",
        "kept",
    ),
    "on a condition": (
        {"header": SEAL.replace(" },", f", {BIT} }},")},
        "seal cannot keep a hash",
        "without when",
        "kept",
    ),
    "of its own length": (
        {"header": '{ name = "l", type = "uint8", length_of = "seal" },\n' + SEAL.replace("size", "at_most")},
        "an integrity hash needs a field of fixed size",
        "give it a size",
        "at_most",
    ),
    "of another value": (
        {"header": SEAL + '\n{ name = "x", type = "text", size = 9, encoding = "ascii", is = "hex(image.uid)" },'},
        r"hex is of a hash; write hex\(integrity\(\)\)",
        "",
        '"x"',
    ),
    "of an unknown kind": (
        {"seal": _HASH.replace("md5", "crc16")},
        r"did you mean crc",
        "",
        "crc16",
    ),
}


@pytest.mark.parametrize("case", GRAMMAR.values(), ids=GRAMMAR)
def test_a_native_file_that_could_not_be_written_is_refused(case: Case, tmp_path: Path) -> None:
    _check(case, tmp_path)


@pytest.mark.parametrize("case", HASHES.values(), ids=HASHES)
def test_a_hash_that_could_not_be_kept_is_refused(case: Case, tmp_path: Path) -> None:
    _check(case, tmp_path)


def _check(case: Case, folder: Path) -> None:
    parts, message, advice, held = case
    text = profile(**parts)
    with pytest.raises(UsageProblem, match=message) as problem:
        load(text, folder)
    line = int(str(problem.value.where).rpartition(":")[2])
    assert held in text.splitlines()[line - 1]
    assert advice.replace("\\", "") in (problem.value.next_step or "")


GOOD: dict[str, dict[str, str]] = {
    **{f"codec {codec}": {"payload": f'codec = "{codec}"'} for codec in PAYLOAD_CODECS},
    "deflate with a level": {"payload": 'codec = "deflate", level = 9, byte_order = "big", reencode = "pixels"'},
    "a text of its own length": {"header": SEAL + "\n" + SIZED + LONG},
    "a header that varies and says so": {
        "header": SEAL + '\n{ name = "header_size", type = "uint16", is = "header.size" },\n' + SIZED + LONG
    },
    "a field on a condition": {"trailer": N.replace(" }", f", {BIT} }}")},
    "a field of one version": {"trailer": N.replace(" }", ', when = { field = "samples", equals = 3 } }')},
    "a table by words": {
        "trailer": '{ name = "c", type = "uint32", length_of = "v", unit = 2 },\n'
        '{ name = "v", type = "bytes", at_most = 131072, is = "pixels.voi_lut" },'
    },
    **{
        f"hash over {covers}": {
            "seal": f'algorithm = "md5", covers = "{covers}", own = "zeroed", kept = ["{place}"]',
            "header": SEAL if place == "header" else N,
            "trailer": SEAL if place == "trailer" else "",
        }
        for covers, parts in COVERED_PARTS.items()
        for place in parts
        if place != "payload"
    },
    "hash over what is before": {
        "seal": 'algorithm = "crc32", covers = "before", kept = ["trailer"]',
        "header": N,
        "trailer": '{ name = "seal", type = "uint32", byte_order = "big", is = "number(integrity())" },',
    },
    "hash in two places": {
        "seal": 'algorithm = "md5", covers = "payload", kept = ["Image.SecurityHash", "header", "trailer"]',
        "trailer": '{ name = "again", type = "text", size = 34, encoding = "ascii", is = "upper_hex(integrity())" },',
    },
}


@pytest.mark.parametrize("parts", GOOD.values(), ids=GOOD)
def test_every_form_the_grammar_names_loads(parts: dict[str, str], tmp_path: Path) -> None:
    load(profile(**parts), tmp_path)


def test_every_type_of_field_loads(tmp_path: Path) -> None:
    sizes = {"bytes": "size = 4,", "digits": "size = 4,", "bcd": "size = 4,", "text": 'size = 4, encoding = "ascii",'}
    fields = "\n".join(
        f'{{ name = "f{index}", type = "{kind}", {sizes.get(kind, "")} is = "image.uid" }},'
        for index, kind in enumerate(FIELD_SIZES)
        if kind != "padding"
    )
    load(profile(header=SEAL + "\n" + fields), tmp_path)


def test_a_native_file_is_shown_field_by_field() -> None:
    shown = dict(described_native(load_target("dexis10").native))
    assert shown["native file"] == (
        "dex, little-endian, header 256 bytes, payload raw16, trailer 4 bytes and what varies"
    )
    assert shown["header magic"] == "bytes, 4 bytes: always 44455831"
    assert shown["trailer voi_lut_count"] == "uint32: length of voi_lut by 2 bytes, if flags has bit 6"
    assert shown["trailer windows"] == "text, at most 65535 bytes: pixels.windows, if flags has bit 5"
    rule = IntegrityRule("crc32", "file", ("Image.SecurityHash", "header"), "zeroed")
    assert described_hash(rule) == "crc32 over file, its own field zeroed, kept in Image.SecurityHash, header"
