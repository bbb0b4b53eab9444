"""bitewing-console operator: the people who may watch and decide."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from commandline.outcome import answer, say
from console.cli import passphrase
from console.cli.options import Options
from protocol.vocabulary import Role

app = typer.Typer(help="Add and list operators.")


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The operator's name; it never leaves the hub.")],
    role: Annotated[Role, typer.Option(help="What the operator may do.")],
    out: Annotated[Path, typer.Option(help="Folder for the operator's keys; give it to them.")],
) -> None:
    """Add an operator: make their keys and publish a key set that names them."""
    from cryptography.x509 import random_serial_number

    from console.hub import staff
    from console.hub.home import Home
    from console.hub.words import checked_name
    from console.operator import save

    options: Options = context.obj
    now, home = int(time.time()), Home.load(options.folder)
    root = home.unlock_root(passphrase.ask(passphrase.ROOT_VARIABLE, "Passphrase of the firm's root key"))
    secret = passphrase.choose(passphrase.OPERATOR_VARIABLE, f"New passphrase for {name}")
    person = staff.Person(secrets.token_hex(16), checked_name(name), role)
    made = staff.equip(person, home, secret, staff.operator_term(now, random_serial_number()))
    save(made.identity, out)
    version = home.database().write(lambda connection: staff.enlist(connection, made.account, root, now))
    if options.json:
        return answer({"id": person.id, "name": person.name, "role": role, "keyset_version": version})
    return say(f"{person.name} is {role} in key set {version}; keys in {out}")


@app.command("list")
def show(context: typer.Context) -> None:
    """List the operators."""
    from console.hub.home import Home
    from console.hub.store import operators

    options: Options = context.obj
    everyone = Home.load(options.folder).database().read(operators.everyone)
    if options.json:
        rows = [{"id": one.id, "name": one.name, "role": one.role, "revoked": one.revoked} for one in everyone]
        return answer({"operators": rows})
    for one in everyone:
        say(f"{one.name:<24} {one.role:<9} {one.id}{'  revoked' if one.revoked else ''}")
    return None
