"""Starts the stand-in for a session of tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from engine.sqlserver.address import PASSWORD_VARIABLE
from tests.simulators.postgresql import libpq
from tests.simulators.sqlserver.storage.store import PASSWORD

_ROOT: Final = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def standin_url(driver_manager: None, postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the stand-in's database `master`."""
    with serving(postgresql_url, tmp_path_factory.mktemp("standin")) as url:
        yield f"{url}&Encrypt=no"


@contextmanager
def serving(postgresql_url: str, folder: Path, *, certificate: bool = False) -> Iterator[str]:
    """A stand-in of its own, by the URL of its `master`; with a certificate, which is `folder`/server.pem, if asked."""
    command = [sys.executable, "-m", "tests.simulators.sqlserver.server", libpq(postgresql_url), str(folder)]
    if certificate:
        command += map(str, _certificate(folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(PASSWORD_VARIABLE, PASSWORD)  # job.toml must hold none
                yield f"mssql+pyodbc://sa@127.0.0.1:{port}/master?APP=bitewing-tests"
        finally:
            process.kill()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    span = (now - timedelta(days=1), now + timedelta(days=1))
    signed = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *span).sign(
        key, hashes.SHA256()
    )
    place, secret = folder / "server.pem", folder / "server.key"
    place.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*form))
    return place, secret
