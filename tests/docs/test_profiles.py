"""docs/profiles.md is what the code does: its example is run line by line, its tables hold every word there is."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.profiles import expressions, limits, native_rules, resolve, schema, target_paths, values
from engine.profiles.functions import PURE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "docs" / "examples" / "quillmark4.toml").read_text(encoding="utf-8")
WALK = TEXT[TEXT.index("## A worked example") : TEXT.index("## Both kinds")]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", WALK, re.DOTALL)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.splitlines()[0][:30])
def test_what_the_example_shows_stands_in_the_profile(block: str) -> None:
    assert block in EXAMPLE


def _commands() -> Iterator[tuple[str, str]]:
    """Every command of the example with what it prints."""
    for block in blocks("console"):
        for part in block.split("$ ")[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def _run(command: str, folder: Path) -> str:
    """What the command prints; shell, sed and sqlite3 are done here, as not every machine has them."""
    words = shlex.split(command)
    if words[0] == "sed":
        old, new = words[1].split("/")[1:3]
        (folder / words[4]).write_text((folder / words[2]).read_text(encoding="utf-8").replace(old, new, 1), "utf-8")
        return ""
    if words[0] == "sqlite3":
        sql = (folder / words[3]).read_text(encoding="utf-8") if words[2] == "<" else words[2]
        with closing(sqlite3.connect(folder / words[1])) as connection:
            rows = [] if words[2] == "<" else connection.execute(sql).fetchall()
            if words[2] == "<":
                connection.executescript(sql)
        return "".join("|".join(map(str, row)) + "\n" for row in rows)
    printed = StringIO()
    with pytest.raises(SystemExit), redirect_stdout(printed), redirect_stderr(printed):
        main(words[1:])
    return printed.getvalue()


def test_every_command_of_the_example_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    monkeypatch.chdir(tmp_path)
    shown = list(_commands())
    assert len(shown) > 8
    for command, output in shown:
        assert (command, _run(command, tmp_path)) == (command, output)


def _spelt_out(words: list[str]) -> list[str]:
    """Code pages from the first to the last of a row stand as "`cp1250` to `cp1258`"."""
    rows = ("cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257", "cp861 cp862 cp863 cp864 cp865")
    return [word for word in words if word not in " ".join(rows).split()]


@pytest.mark.parametrize(
    "words",
    [
        [name for name in PURE if name.isidentifier()],
        [name for name in expressions.FUNCTIONS if name.isidentifier()],
        _spelt_out(list(limits.TEXT_ENCODINGS)),
        list(limits.PRECISIONS),
        list(limits.UNITS),
        list(values.DATE_FORMS),
        list(resolve.FILTERS),
        [name for name in target_paths.KEYS if name != "hex8"],
        list(schema.COLUMN_KINDS),
        list(schema.TEETH_NOTATIONS),
        list(schema.ORIENTATION_UNITS),
        list(native_rules.FIELD_SIZES),
        list(native_rules.PAYLOAD_CODECS),
        list(native_rules.INTEGRITY_SIZES),
        list(native_rules.INTEGRITY_COVERS),
    ],
    ids=lambda words: words[0],
)
def test_every_word_of_the_grammar_is_in_the_tables(words: list[str]) -> None:
    assert [word for word in words if not re.search(rf"[`|{{ ]{re.escape(word)}[`(}} ]", TEXT)] == []
