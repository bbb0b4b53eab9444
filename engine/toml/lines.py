"""On which line each key of a TOML text stands. The standard parser does not say; people need to know.

The text must already have passed `tomllib`, so this walks it without judging it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

Path = tuple[str | int, ...]

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[A-Za-z0-9_-]+')
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_SCALAR: Final = re.compile(r"[^,\]}\n#]+")


def locate(text: str) -> Mapping[Path, int]:
    """The line (from 1) of every key and array element, by its path: ("native", "header", 3, "size")."""
    return _Walk(text).document()


class _Walk:
    """A position in the text, moved forward over one construct at a time."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._lines: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}

    def document(self) -> Mapping[Path, int]:
        prefix: Path = ()
        while self._skip_space() < len(self._text):
            prefix = self._header() if self._peek("[") else self._pair(prefix)
        return self._lines

    def _header(self) -> Path:
        line, opening = self._line(), "[[" if self._peek("[[") else "["
        self._at += len(opening)
        path = self._indexed(self._dotted_key())
        for depth in range(1, len(path) + 1):
            self._note(path[:depth], line)
        self._skip_space()
        self._at += len(opening)
        if opening == "[[":
            self._elements[path] = self._elements.get(path, -1) + 1
            path = (*path, self._elements[path])
            self._note(path, line)
        return path

    def _pair(self, prefix: Path) -> Path:
        line = self._line()
        path = prefix + self._dotted_key()
        for depth in range(len(prefix) + 1, len(path) + 1):
            self._note(path[:depth], line)
        self._skip_space()
        self._at += 1
        self._value(path)
        return prefix

    def _value(self, path: Path) -> None:
        self._skip_space()
        if self._peek("["):
            self._array(path)
        elif self._peek("{"):
            self._inline_table(path)
        elif match := _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at):
            self._at = match.end()

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip_space() and not self._peek("]"):
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
            self._skip_comma()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip_space() and not self._peek("}"):
            self._pair(path)
            self._skip_comma()
        self._at += 1

    def _dotted_key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip_space()
            match = _KEY.match(self._text, self._at)
            if match is None:
                raise AssertionError("the text passed tomllib, so a key stands here")
            parts.append(match.group().strip("\"'"))
            self._at = match.end()
            self._skip_space()
            if not self._peek("."):
                return tuple(parts)
            self._at += 1

    def _indexed(self, path: Path) -> Path:
        """A header below an array of tables speaks of the array's newest element."""
        for depth in range(1, len(path)):
            if path[:depth] in self._elements:
                return (*path[:depth], self._elements[path[:depth]], *path[depth:])
        return path

    def _skip_space(self) -> int:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _skip_comma(self) -> None:
        self._skip_space()
        self._at += self._peek(",")

    def _peek(self, token: str) -> bool:
        return self._text.startswith(token, self._at)

    def _note(self, path: Path, line: int) -> None:
        self._lines.setdefault(path, line)

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
