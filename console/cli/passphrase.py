"""Where a passphrase comes from: the environment for scripts, else the person at the terminal."""

from __future__ import annotations

import os

import typer

from protocol.errors import UsageProblem

ROOT_VARIABLE = "BITEWING_ROOT_PASSPHRASE"
OPERATOR_VARIABLE = "BITEWING_PASSPHRASE"
SHORTEST = 8
"""Characters; the key file is the second factor."""


def ask(variable: str, prompt: str) -> str:
    """The passphrase of an existing key."""
    return os.environ.get(variable) or str(typer.prompt(prompt, hide_input=True, err=True))


def choose(variable: str, prompt: str) -> str:
    """A passphrase for a new key; UsageProblem when it is too short."""
    chosen = os.environ.get(variable) or str(typer.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))
    if len(chosen) < SHORTEST:
        raise UsageProblem(f"the passphrase needs at least {SHORTEST} characters")
    return chosen
