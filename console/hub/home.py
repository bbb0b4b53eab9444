"""The hub's own folder.

hub.toml       address and store
ca.key, ca.pem the authority that signs every certificate
root.pem       the firm's root key, encrypted with the root passphrase; only `operator add` opens it
hub.pem        key and certificate of the server, made anew at every start
root.pub       its public half, which travels in every token
hub.db         the store, unless hub.toml names a PostgreSQL
"""

from __future__ import annotations

import json
import re
import ssl
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from console.hub.ca import Authority, Term, key_pem
from console.hub.store import database
from console.hub.store.database import Database
from console.operator import load_key, write_private
from protocol.errors import EnvironmentProblem, UsageProblem
from protocol.signing import Signer, public_hex
from protocol.values import Value

DEFAULT_DATABASE = "sqlite:///hub.db"


class Settings(Value, frozen=True):
    """What hub.toml holds. `host` is the name agents connect to; a SQLite path is relative to the folder."""

    host: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9.:-]{1,253}\Z")]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    database: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] = DEFAULT_DATABASE

    @property
    def url(self) -> str:
        """The address that tokens and operators' folders carry."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"wss://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder, its settings and its authority."""

    folder: Path
    settings: Settings
    authority: Authority
    root_public: str

    @classmethod
    def load(cls, folder: Path) -> Home:
        """Reads the folder that `init` made; UsageProblem when it is none or damaged."""
        settings = _read_settings(folder / "hub.toml")
        try:
            authority = Authority.from_pem((folder / "ca.key").read_bytes(), (folder / "ca.pem").read_bytes())
            root_public = (folder / "root.pub").read_text(encoding="ascii").strip()
        except (OSError, ValueError) as problem:
            advice = "restore ca.key, ca.pem and root.pub from backup"
            raise UsageProblem(
                "the hub's authority or root key cannot be read", where=str(folder), next_step=advice
            ) from problem
        return cls(folder, settings, authority, root_public)

    def database(self) -> Database:
        """The store, not yet connected."""
        url, prefix = self.settings.database, "sqlite:///"
        if url.startswith(prefix):
            return Database(f"{prefix}{self.folder.resolve() / url.removeprefix(prefix)}")
        return Database(url)

    def renew_certificate(self, term: Term) -> ssl.SSLContext:
        """Makes a fresh server key and certificate and returns the TLS that agents and operators meet.

        TLS 1.3 only, no session tickets (every connection shows its certificate anew). A client without a certificate
        is let in, so that an agent can enrol; one with a certificate that is not of our authority is not.
        """
        key = Ed25519PrivateKey.generate()
        certificate = self.authority.issue_hub(self.settings.host, key.public_key(), term)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=self.authority.certificate_pem.decode("ascii"))
        pair = self.folder / "hub.pem"
        pair.unlink(missing_ok=True)
        write_private(pair, key_pem(key) + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(pair)
        return context

    def unlock_root(self, passphrase: str) -> Signer:
        """The firm's root key; UsageProblem when the passphrase is wrong."""
        return Signer(load_key(self.folder / "root.pem", passphrase))


def create(folder: Path, settings: Settings, authority: Authority, root_passphrase: str) -> Home:
    """Writes a new hub's folder; UsageProblem when there is one already."""
    root = Ed25519PrivateKey.generate()
    files = {
        "root.pem": key_pem(root, root_passphrase.encode()),
        "root.pub": public_hex(root).encode() + b"\n",
        "ca.key": key_pem(authority.key),
        "ca.pem": authority.certificate_pem,
        "hub.toml": _render(settings).encode(),
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            write_private(folder / name, content)
    except FileExistsError as problem:
        raise UsageProblem(
            "a hub is already here", where=str(folder), next_step="serve it, or give another --home"
        ) from problem
    except OSError as problem:
        raise EnvironmentProblem(
            "the hub's folder cannot be written", where=str(folder), next_step="check permissions and free space"
        ) from problem
    return Home(folder, settings, authority, public_hex(root))


def checked_settings(**values: object) -> Settings:
    """Settings within their limits; UsageProblem names the field that is not."""
    settings = _convert(values, "hub settings")
    database.require_url(settings.database)
    return settings


def _read_settings(path: Path) -> Settings:
    try:
        return _convert(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as problem:
        advice = "run bitewing-console --home DIR init first"
        raise UsageProblem("no hub is here", where=str(path.parent), next_step=advice) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageProblem(f"not readable as TOML: {problem}", where=str(path), next_step="mend that line") from problem


def _convert(values: object, where: str) -> Settings:
    try:
        return msgspec.convert(values, type=Settings)
    except msgspec.ValidationError as problem:
        advice = "host: a name or address; port: 1 to 65535; database: a URL; nothing else"
        raise UsageProblem(_sentence(str(problem)), where=where, next_step=advice) from problem


def _sentence(problem: str) -> str:
    """msgspec's message with the setting's name in front, without the pattern it was held against."""
    text, _, place = problem.partition(" - at `$.")
    text = re.sub(r"matching regex .*", "of another form", text).replace("Expected ", "expected ")
    return f"{place.rstrip('`')}: {text}" if place else text


def _render(settings: Settings) -> str:
    return (
        "# The hub: the name agents and operators connect to, and where it keeps its store.\n"
        f"host = {json.dumps(settings.host)}\n"
        f"port = {settings.port}\n"
        f"database = {json.dumps(settings.database)}\n"
    )
