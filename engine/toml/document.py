"""A TOML file read strictly: whatever is misspelt, missing or of a wrong type is named with its file and line."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from engine.toml import lines as toml_lines
from engine.toml.suggest import allowed, closest, nearest
from protocol.errors import UsageProblem

_MOST_BYTES: Final = 250_000  # a settings file is written by people; a bigger one is some other file
_TYPE_WORDS: Final[Mapping[type, str]] = {str: "a text", int: "an integer", dict: "a table", list: "a list"}


@dataclass(frozen=True, slots=True)
class Document:
    """One TOML file: its name for messages, its bytes, and where each key stands.

    `examples` has a correct line for keys by their dotted path, "*" for a name of one's own; places in lists are left
    out of the path.
    """

    name: str
    content: bytes
    root: Mapping[str, Any]
    lines: Mapping[toml_lines.Path, int]
    examples: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def read(path: Path) -> Document:
        """The file at `path`. Raises UsageProblem if it cannot be read, is not UTF-8 or is not TOML."""
        return Document.parse(str(path), _content(path))

    @staticmethod
    def parse(name: str, content: bytes) -> Document:
        """`content` as a document called `name`. Raises UsageProblem."""
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
            root = tomllib.loads(text)
        except UnicodeDecodeError as problem:
            raise UsageProblem("is not UTF-8 text", where=name, next_step="save the file as UTF-8") from problem
        except (tomllib.TOMLDecodeError, RecursionError) as problem:
            raise _syntax_problem(name, str(problem)) from problem
        return Document(name, content, root, toml_lines.locate(text))

    def table(self) -> Table:
        """The whole document as a table."""
        return Table(self, self.root, ())

    def problem(self, path: toml_lines.Path, what: str, next_step: str = "") -> UsageProblem:
        """An error that points at the line of `path`, or of the nearest key above it."""
        at = next((self.lines[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in self.lines), 1)
        return UsageProblem(what, where=f"{self.name}:{at}", next_step=next_step or self.example(path))

    def example(self, path: toml_lines.Path) -> str:
        """What a correct line for this key looks like; nothing where none is known."""
        names = tuple(part for part in path if isinstance(part, str))
        for own in (False, True):
            for pattern, line in self.examples.items():
                if ("*" in pattern) is own and _fits(tuple(pattern.split(".")), names):
                    return f"write, for example: {line}"
        return ""


def _fits(pattern: tuple[str, ...], names: tuple[str, ...]) -> bool:
    pairs = zip(pattern, names, strict=True) if len(pattern) == len(names) else ()
    return len(pattern) == len(names) and all(part in ("*", name) for part, name in pairs)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as problem:
        raise UsageProblem(
            f"cannot be read ({problem.strerror or 'I/O error'})", where=str(path), next_step="check the path"
        ) from problem
    if len(content) > _MOST_BYTES:
        raise UsageProblem(f"is larger than {_MOST_BYTES} bytes", where=str(path), next_step="check the path")
    return content


def _syntax_problem(name: str, message: str) -> UsageProblem:
    match = re.search(r"\(at line (\d+), column \d+\)", message)
    where = f"{name}:{match.group(1)}" if match else name
    what = f"is not TOML: {message.partition(' (at ')[0]}"
    return UsageProblem(what, where=where, next_step="correct the file; https://toml.io shows the grammar")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a document; each getter checks the type and raises UsageProblem with file and line."""

    document: Document
    value: Mapping[str, Any]
    path: toml_lines.Path

    def only(self, required: Collection[str], optional: Collection[str] = ()) -> Table:
        """This table, if it has all the `required` keys and none besides them and the `optional` ones."""
        known = (*required, *optional)
        for key in self.value:
            if key not in known:
                what = f"unknown key {self.dotted(key)}{closest(key, known)}; {allowed(known)}"
                raise self.problem(key, what, "correct the name, or remove the line")
        for key in required:
            if key not in self.value:
                example = self.document.example((*self.path, key))
                raise self.document.problem(self.path, f"{self.dotted(key)} is missing", example)
        return self

    def problem(self, key: str, what: str, next_step: str = "") -> UsageProblem:
        """An error about `key` of this table."""
        return self.document.problem((*self.path, key), what, next_step)

    def has(self, key: str) -> bool:
        return key in self.value

    def text(self, key: str) -> str:
        return str(self._typed(key, str))

    def filled_text(self, key: str) -> str:
        """A text that is not empty."""
        text = self.text(key)
        if not text.strip():
            raise self.problem(key, f"{self.dotted(key)} is empty")
        return text

    def word(self, key: str, words: Iterable[str]) -> str:
        """A text out of a closed list."""
        word, words = self.text(key), tuple(words)
        if word not in words:
            near = nearest(word, words)
            advice = f'write {key} = "{near}"' if near else ""
            raise self.problem(key, f"{self.dotted(key)} is {word!r}{closest(word, words)}; {allowed(words)}", advice)
        return word

    def integer(self, key: str, lowest: int, highest: int) -> int:
        number = int(self._typed(key, int))
        if not lowest <= number <= highest:
            raise self.problem(key, f"{self.dotted(key)} is {number}; allowed: {lowest} to {highest}")
        return number

    def number(self, key: str) -> float:
        """A number, with or without a fraction."""
        value = self.value[key]
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self.problem(key, f"{self.dotted(key)} must be a number")
        return float(value)

    def day(self, key: str) -> date:
        value = self.value[key]
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.problem(key, f"{self.dotted(key)} must be a date such as 1753-01-01")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, not empty, none twice."""
        values = self._typed(key, list)
        if not values or not all(isinstance(value, str) and value for value in values):
            raise self.problem(key, f"{self.dotted(key)} must be a list of texts that is not empty")
        if len(set(values)) != len(values):
            raise self.problem(key, f"{self.dotted(key)} names something twice")
        return tuple(values)

    def words(self, key: str, words: Iterable[str]) -> tuple[str, ...]:
        """A list of texts out of a closed list."""
        found, words = self.texts(key), tuple(words)
        for word in found:
            if word not in words:
                raise self.problem(key, f"{self.dotted(key)} names {word!r}{closest(word, words)}; {allowed(words)}")
        return found

    def table(self, key: str) -> Table:
        return Table(self.document, self._typed(key, dict), (*self.path, key))

    def named_tables(self) -> Iterator[tuple[str, Table]]:
        """Every entry of a table whose keys are names, each a table itself."""
        return ((key, self.table(key)) for key in self.value)

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables that is not empty."""
        values = self._typed(key, list)
        if not values or not all(isinstance(value, dict) for value in values):
            raise self.problem(key, f"{self.dotted(key)} must be a list of tables that is not empty")
        return tuple(Table(self.document, value, (*self.path, key, index)) for index, value in enumerate(values))

    def _typed(self, key: str, kind: type) -> Any:
        value = self.value[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.problem(key, f"{self.dotted(key)} must be {_TYPE_WORDS[kind]}")
        return value

    def dotted(self, key: str) -> str:
        """The key with the tables that it stands in."""
        return ".".join(str(part) for part in (*self.path, key))
