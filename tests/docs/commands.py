"""Writes docs/commands.md from the code: python -m tests.docs.commands"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

import agent.cli.main
import console.cli.main
import demo.cli
import engine.cli.main
from protocol.vocabulary import ExitCode
from tests.protocol.reference import table

REFERENCE = Path(__file__).parents[2] / "docs" / "commands.md"

APPS = (engine.cli.main.app, agent.cli.main.app, console.cli.main.app, demo.cli.app)

OPENING = """\
# Commands

Written by `python -m tests.docs.commands` from the code; a test fails when the two differ.

Every command takes `--json`, before or after its verb: stdout then holds one JSON object and nothing else (`egress` and
`run` of the agent: one a line). An error is a sentence on stderr that says what, where and what next, never with
patient data; with `--json` the same stands in the object as `outcome`, `error`, `where`, `next`.
"""

MEANING = {
    ExitCode.DONE: "done, and passed",
    ExitCode.ANSWER_IS_NO: "done, and the answer is no: a check failed, or it is not exact",
    ExitCode.USAGE: "the command line, job.toml, a profile or a file that was named is wrong",
    ExitCode.REFUSED: "a gate is closed, an approval or signature is missing, or another process holds the job",
    ExitCode.INTERRUPTED: "stopped half-way; the same command resumes",
    ExitCode.ENVIRONMENT: "database, disk or network did not do what was asked",
}


def verbs(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every verb of a command as people type it, with its definition."""
    if not hasattr(command, "commands"):
        yield " ".join(words), command
        return
    for name, inner in command.commands.items():
        yield from verbs(inner, (*words, name))


def command_of(app: typer.Typer) -> Any:
    """The definition behind an app."""
    return typer.main.get_command(app)


def of_command(app: typer.Typer) -> str:
    """A section with one command: what all its verbs share, then each of them."""
    command, name = command_of(app), app.info.name
    parts = [f"## {name}", _text(command)]
    if hasattr(command, "commands"):
        parts.append(_options(command))
        rows = [(f"`{words}{_words(verb)}`", _text(verb), _few(verb)) for words, verb in verbs(command)]
        parts.append(table(("verb", "does", "options"), *rows))
    else:
        parts.append(_options(command))
    return "\n\n".join(parts)


def _text(command: Any) -> str:
    return " ".join((command.help or "").split())


def _words(command: Any) -> str:
    return "".join(f" {one.metavar or one.name.upper()}" for one in command.params if one.param_type_name == "argument")


def _spelt(option: Any) -> str:
    """An option as it is typed; a value stands in capitals."""
    names = " / ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts) if name.startswith("--"))
    return names if option.is_flag else f"{names[:-1]} {option.name.upper()}`"


def _mine(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "option" and one.name != "help"]


def _options(command: Any) -> str:
    return table(("option", ""), *((_spelt(one), one.help) for one in _mine(command)))


def _few(command: Any) -> str:
    return "; ".join(f"{_spelt(one)} {one.help.rstrip('.')}" for one in _mine(command))


def reference() -> str:
    """The whole of docs/commands.md."""
    codes = table(("exit code", "meaning"), *((code.value, MEANING[code]) for code in ExitCode))
    sections = (OPENING.strip(), f"## How a command ends\n\n{codes}", *map(of_command, APPS))
    return "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
