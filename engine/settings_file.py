"""Strict TOML: a file becomes typed values, or an error that names file, line, what was found and what is allowed."""

from __future__ import annotations

import difflib
import re
import tomllib
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from protocol.errors import UsageProblem

T = TypeVar("T")

_PATH = re.compile(r" - at `(?P<path>[^`]*)`")
_PATTERN = re.compile(r"matching regex .*")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")


def read_toml(path: Path, kind: type[T]) -> T:
    """The file as a value of `kind`, a msgspec struct that forbids unknown fields. Raises UsageProblem."""
    text = _text(path)
    try:
        return msgspec.convert(_parsed(path, text), kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise _explained(path, text, kind, str(error)) from None


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError(f"Expected a path, got {value!r}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageProblem("there is no such file", where=str(path), next_step="run init, or check --job") from None
    except UnicodeDecodeError as error:
        raise UsageProblem(f"not UTF-8 at byte {error.start}", where=str(path), next_step="save it as UTF-8") from None
    except OSError as error:
        advice = "check --job and permissions: it names the folder that holds job.toml"
        raise UsageProblem(f"cannot be read ({error.strerror})", where=str(path), next_step=advice) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageProblem(f"not valid TOML: {error}", where=str(path), next_step="mend that line") from None


def _explained(path: Path, text: str, kind: type, message: str) -> UsageProblem:
    place = _PATH.search(message)
    keys = _keys(place["path"]) if place else []
    allowed = _fields(kind, keys)
    if unknown := _UNKNOWN.search(message):
        what, keys = f"'{unknown['name']}' is not known here", [*keys, unknown["name"]]
        advice = _nearest(unknown["name"], allowed)
    elif missing := _MISSING.search(message):
        what, advice = f"'{missing['name']}' is missing here", "add it"
    else:
        what, advice = _PATTERN.sub("of another form", _PATH.sub("", message)).strip(), _example(_kind_at(kind, keys))
    where = f"{path}, line {line_of(text, keys)}"
    name = ".".join(keys) or "top level"
    return UsageProblem(f"{name}: {what}", where=where, next_step=advice)


def _keys(path: str) -> list[str]:
    return [key for key in re.split(r"[.\[\]$]+", path.replace("`", "")) if key and key != "..."]


def _fields(kind: type, keys: list[str]) -> list[str]:
    """The names allowed at a place, for the structs met on the way there."""
    info = _struct(_kind_at(kind, keys))
    return [field.encode_name for field in msgspec.structs.fields(info)] if info else []


def _kind_at(kind: type, keys: list[str]) -> Any:
    """The type that is expected at a place; None where the place holds no field of a struct."""
    current: Any = kind
    for key in keys:
        current = _field_type(current, key)
    return current


def _example(kind: Any) -> str:
    """What may stand where a value of `kind` is expected."""
    kinds = (kind, *getattr(kind, "__args__", ()))
    if words := next((one for one in kinds if isinstance(one, type) and issubclass(one, Enum)), None):
        return f"allowed: {', '.join(str(word.value) for word in words)}"
    metas = [meta for one in kinds for meta in getattr(one, "__metadata__", ()) if meta.examples]
    return f"write it like {metas[0].examples[0]!r}" if metas else "correct this value"


def _field_type(kind: Any, key: str) -> Any:
    info = _struct(kind)
    if info is None:
        return None
    return next((field.type for field in msgspec.structs.fields(info) if field.encode_name == key), None)


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    candidates = [kind, *getattr(kind, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, msgspec.Struct)), None)


def _nearest(name: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return f"{guess}allowed: {', '.join(allowed)}" if allowed else "remove it"


def line_of(text: str, keys: list[str]) -> int:
    """The line (from 1) where the deepest of `keys` that can be found stands; 1 if none can."""
    lines, line = text.splitlines(), 0
    for key in keys:
        spelling = re.compile(rf"""(^|[\s\[.{{,"'])["']?{re.escape(key)}["']?\s*([=\].]|$)""")
        line = next((n for n in range(line, len(lines)) if spelling.search(lines[n].split("#")[0])), line)
    return line + 1
