"""Where a target file stands, as a template over planned keys and dates: "Images/{hex8[0]}{hex8[4]}/{hex8}.dex".

The grammar, and the proof that two images never share a path: the image's whole key stands in every file name, told
apart from what is next to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from engine.toml.document import Table
from engine.toml.suggest import allowed, closest

KEYS: Final = ("hex8", "key", "patient_key", "study_key", "series_key")
DATES: Final = ("image.acquired_at", "study.started_at")
DATE_PARTS: Final = ("%Y", "%m", "%d")
LONGEST: Final = 200  # characters below the store; Windows tools stop at 260 with the store's own path before it
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_KEY: Final = re.compile(r"(?P<name>\w+)(?::0(?P<width>\d{1,2}))?(?:\[(?P<at>-?\d{1,2})\])?")
_DATE: Final = re.compile(r"(?P<name>\w+\.\w+):(?P<form>%[A-Za-z])")
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f<>:"|?*\\]')
# With any ending, and with blanks before it. Source: Microsoft, "Naming Files, Paths, and Namespaces".
_RESERVED: Final = re.compile(r"(con|conin\$|conout\$|prn|aux|nul|(com|lpt)[\d¹²³]) *(\..*)?", re.IGNORECASE)
_HEX_DIGITS, _INT32_DIGITS = 8, 10


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A key, or one of its digits. `width` is filled with zeros; of hex8 it is eight hex digits."""

    name: str
    width: int = 0
    at: int | None = None

    @property
    def is_whole_image_key(self) -> bool:
        return self.name in ("hex8", "key") and self.at is None

    @property
    def longest(self) -> int:
        """Characters, of keys of 32 bits."""
        return 1 if self.at is not None else _HEX_DIGITS if self.name == "hex8" else max(self.width, _INT32_DIGITS)


@dataclass(frozen=True, slots=True)
class DatePart:
    """Year, month or day of a date; zeros where there is no date."""

    name: str
    form: str

    @property
    def longest(self) -> int:
        return 4 if self.form == "%Y" else 2


Part = str | KeyPart | DatePart


def parts_of(template: str) -> tuple[Part, ...]:
    """Literal text and placeholders of a template that `read_path` has passed, in order. Raises ValueError."""
    pieces = _BRACES.split(template)
    return tuple(_part(piece) if index % 2 else piece for index, piece in enumerate(pieces))


def _part(text: str) -> KeyPart | DatePart:
    if (match := _DATE.fullmatch(text)) and match["name"] in DATES and match["form"] in DATE_PARTS:
        return DatePart(match["name"], match["form"])
    match = _KEY.fullmatch(text)
    if match is None or match["name"] not in KEYS:
        raise ValueError(text)
    at, width = (int(match[name]) if match[name] else None for name in ("at", "width"))
    digits = _HEX_DIGITS if match["name"] == "hex8" else width
    if match["name"] == "hex8" and width is not None:
        raise ValueError(text)
    if at is not None and (digits is None or not -digits <= at < digits):
        raise ValueError(text)  # of a key without a width no digit has a place of its own
    return KeyPart(match["name"], width or 0, at)


def shown() -> tuple[str, ...]:
    """Every placeholder as it is written."""
    keys = (f"{{{name}}}" for name in KEYS)
    digits = (f"{{hex8[{digit}]}}" for digit in range(_HEX_DIGITS))
    return (
        *keys,
        *digits,
        "{key:08}",
        "{patient_key:05[0]}",
        *(f"{{{name}:{part}}}" for name in DATES for part in DATE_PARTS),
    )


def read_path(table: Table, key: str) -> str:
    """The template at `key`. Raises UsageProblem with file and line."""
    template = table.filled_text(key)
    literals = _BRACES.sub("", template)
    if "{" in literals or "}" in literals:
        raise table.problem(key, "a brace { or } stands alone")
    for text in _BRACES.findall(template):
        _require_known(table, key, text)
    _check_segments(table, key, _BRACES.sub("0", template))
    parts = parts_of(template)
    _check_whole_key(table, key, parts)
    longest = longest_path(template)
    if longest > LONGEST:
        raise table.problem(key, f"paths of up to {longest} characters below the store; allowed: {LONGEST}")
    return template


def longest_path(template: str) -> int:
    """Characters of the longest path below the store, of keys of 32 bits."""
    return sum(len(part) if isinstance(part, str) else part.longest for part in parts_of(template))


def _require_known(table: Table, key: str, text: str) -> None:
    try:
        _part(text)
    except ValueError as problem:
        near = closest(f"{{{text}}}", shown())
        what = f"unknown placeholder {{{text}}}{near}; {allowed(shown())}"
        raise table.problem(key, what) from problem


def _check_segments(table: Table, key: str, path: str) -> None:
    """A relative path below the store that every operating system can hold."""
    for segment in path.split("/"):
        if segment in ("", ".", "..") or _FORBIDDEN.search(segment):
            what = f"{table.text(key)!r} must be a relative path with forward slashes, without . and .."
            raise table.problem(key, what)
        if _RESERVED.fullmatch(segment) or segment != segment.rstrip(". "):
            raise table.problem(key, f"{segment!r} is a name that Windows does not allow")


def _check_whole_key(table: Table, key: str, parts: tuple[Part, ...]) -> None:
    whole = [position for position, part in enumerate(parts) if isinstance(part, KeyPart) and part.is_whole_image_key]
    if not whole:
        raise table.problem(key, "{hex8} is missing; every path holds the image's whole key, as {hex8} or {key}")
    if not any(_stands_apart(parts, position) for position in whole):
        advice = 'put a "/", "-" or "_" between them, or write {hex8}'
        raise table.problem(key, "{key} runs into what stands next to it, so two images could share a path", advice)


def _stands_apart(parts: tuple[Part, ...], position: int) -> bool:
    """Whether it is plain where a decimal key begins and ends; hex8 is always as long."""
    part = parts[position]
    if isinstance(part, KeyPart) and part.name == "hex8":
        return True
    before, after = "".join(map(_edge, parts[:position])), "".join(map(_edge, parts[position + 1 :]))
    return not before[-1:].isdigit() and not after[:1].isdigit()


def _edge(part: Part) -> str:
    return part if isinstance(part, str) else "0"


def endings_clash(first: str, second: str) -> bool:
    """Whether two different templates could give one path: they end alike, read as a file system without case does."""
    if first == second:
        return False
    one, other = (template.rpartition("}")[2].lower() for template in (first, second))
    return one.endswith(other) or other.endswith(one)
