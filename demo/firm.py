"""The demo's migration firm: a hub's folder with one practice and two scripted operators.

Passphrases are made at random and kept beside the keys in passphrases.json: convenient for a demo, and exactly what a
real firm must not do.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from console.operator import OperatorIdentity, write_private
from demo.processes import Program, call
from protocol.signing import Signer

PRACTICE = "DEMO-1"
# The hub's names have no brackets: "scripted" says that no person acts here. The first is also the admin who resumes.
OPERATORS = (("demo-operator-1 scripted", "admin"), ("demo-operator-2 scripted", "approver"))
_PORTS = range(20_000, 30_000)  # below the range from which systems give ports to outgoing connections


@dataclass(frozen=True, slots=True)
class Firm:
    """The folder that `bitewing-console` calls its home, with the operators' folders inside."""

    folder: Path

    @property
    def hub(self) -> Program:
        """The hub as a service."""
        return Program("hub", _console(self.folder, "serve"), self.folder / "hub.log")

    @property
    def operators(self) -> tuple[OperatorIdentity, ...]:
        """Both operators, in the order of `OPERATORS`."""
        return tuple(OperatorIdentity.load(_operator_folder(self.folder, place)) for place in range(len(OPERATORS)))

    @property
    def passphrases(self) -> tuple[str, ...]:
        """The operators' passphrases, in the same order."""
        return tuple(json.loads((self.folder / "passphrases.json").read_text())["operators"])

    def unlock(self) -> tuple[Signer, ...]:
        """Both operators' signing keys."""
        pairs = zip(self.operators, self.passphrases, strict=True)
        return tuple(operator.unlock(passphrase) for operator, passphrase in pairs)

    async def token(self) -> str:
        """A fresh enrolment token for the demo practice."""
        return str((await call(_console(self.folder, "token", "--practice", PRACTICE)))["token"])


async def found(folder: Path) -> Firm:
    """The firm in `folder`, made there if it is not yet. An interrupted founding begins again from nothing."""
    if not folder.exists():
        building = folder.with_name(folder.name + ".building")
        shutil.rmtree(building, ignore_errors=True)
        await _make(building)
        building.rename(folder)
    return Firm(folder)


async def _make(folder: Path) -> None:
    root, *passphrases = (secrets.token_urlsafe(12) for _ in range(1 + len(OPERATORS)))
    known = {"BITEWING_ROOT_PASSPHRASE": root}
    await call(_console(folder, "init", "--host", "127.0.0.1", "--port", str(_free_port())), secrets=known)
    await call(_console(folder, "practice", "add", PRACTICE, "--opens", "07:30"))
    for place, ((name, role), passphrase) in enumerate(zip(OPERATORS, passphrases, strict=True)):
        keys = str(_operator_folder(folder, place))
        command = _console(folder, "operator", "add", name, "--role", role, "--out", keys)
        await call(command, secrets={**known, "BITEWING_PASSPHRASE": passphrase})
    kept = json.dumps({"root": root, "operators": passphrases}).encode()
    write_private(folder / "passphrases.json", kept)


def _operator_folder(folder: Path, place: int) -> Path:
    return folder / "operators" / f"demo-operator-{place + 1}"


def _console(home: Path, *verb: str) -> tuple[str, ...]:
    return ("-m", "console.cli.main", "--home", str(home), "--json", *verb)


def _free_port() -> int:
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
