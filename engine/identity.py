"""The run's own Ed25519 key: it signs evidence, and is the agent's identity on the link. It never leaves the server."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from engine.chain import sync_folder
from protocol.errors import UsageProblem


def create(path: Path) -> Ed25519PrivateKey:
    """A new key, readable by this account only. An existing key is loaded instead."""
    if path.exists():
        return load(path)
    key = Ed25519PrivateKey.generate()
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def load(path: Path) -> Ed25519PrivateKey:
    """The key in `path`. Raises UsageProblem."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise UsageProblem("the run's key is missing", where=str(path), next_step="run init, or restore it") from None
    except ValueError:
        raise UsageProblem("the run's key is damaged", where=str(path), next_step="restore it from backup") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageProblem("not an Ed25519 key", where=str(path), next_step="restore the one that init made")
    return key


def write_private(path: Path, data: bytes) -> None:
    """Writes a file that only this account can read: complete and durable under its name, or not there at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
