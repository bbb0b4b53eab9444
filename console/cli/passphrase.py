"""Where a passphrase comes from: the environment for scripts, else the person at the terminal."""

from __future__ import annotations

import os
import sys

import typer

from protocol.errors import UsageProblem

ROOT_VARIABLE = "BITEWING_ROOT_PASSPHRASE"
OPERATOR_VARIABLE = "BITEWING_PASSPHRASE"
SHORTEST = 8
"""Characters; the key file is the second factor."""


def ask(variable: str, prompt: str) -> str:
    """The passphrase of an existing key."""
    return os.environ.get(variable) or _typed(variable, prompt, twice=False)


def choose(variable: str, prompt: str) -> str:
    """A passphrase for a new key; UsageProblem when it is too short."""
    chosen = os.environ.get(variable) or _typed(variable, prompt, twice=True)
    if len(chosen) < SHORTEST:
        advice = "choose a longer one; several words are easy to remember"
        raise UsageProblem(f"the passphrase needs at least {SHORTEST} characters", next_step=advice)
    return chosen


def _typed(variable: str, prompt: str, *, twice: bool) -> str:
    if not sys.stdin.isatty():
        advice = f"start this in a terminal, or set {variable}"
        raise UsageProblem(f"nobody can be asked for this: {prompt.lower()}", next_step=advice)
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True))
