"""The demo practice on a real PostgreSQL holds the same rows as on SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from demo.server import POSTGRES_BIN_PATH, Server
from demo.world import World, build
from tests.simulators.postgresql import folder_for_a_server


@pytest.fixture(scope="module")
def practice() -> Iterator[tuple[World, Server]]:
    with folder_for_a_server() as folder:
        world = build(folder, patients=2, database="postgresql")
        server = Server(world.folder / "postgresql")
        yield world, server
        server.stop()


def _rows(server: Server, table: str) -> list[tuple[object, ...]]:
    url = server.url("core").replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("twin"), patients=2)


@pytest.mark.parametrize("table", ["core_info", "device", "patient", "study", "series", "media", "annotation"])
def test_both_databases_hold_the_same_rows(practice: tuple[World, Server], twin: World, table: str) -> None:
    with sqlite3.connect(twin.folder / "practice" / "dexis11" / "core.sqlite") as connection:
        wanted = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
    assert wanted
    assert _as_text(_rows(practice[1], table)) == _as_text(wanted)


def _as_text(rows: list[tuple[object, ...]]) -> list[list[str]]:
    return [[str(value) for value in row] for row in rows]


def test_the_nightly_backup_is_one_that_pg_restore_reads(practice: tuple[World, Server]) -> None:
    dump = practice[0].folder / "practice" / "backup" / "core.dump"
    listing = subprocess.run([POSTGRES_BIN_PATH / "pg_restore", "-l", dump], check=True, capture_output=True, text=True)
    assert "TABLE DATA public media" in listing.stdout


def test_the_server_can_be_stopped_and_found_again_by_the_same_urls(practice: tuple[World, Server]) -> None:
    world, server = practice
    before = server.url("core")
    server.stop()
    again = build(world.folder, patients=2, database="postgresql")
    assert again == world
    server = Server(world.folder / "postgresql")
    assert server.url("core") == before
    assert _rows(server, "core_info")
