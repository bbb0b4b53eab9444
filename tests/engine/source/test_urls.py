"""Whether two addresses mean one database, however they are written; nothing secret is in what is said of them."""

from __future__ import annotations

import platform

import pytest

from engine.source.urls import place_of, same_database

SAME = [
    ("mssql+pyodbc://@.\\DEXIS_DATA/DEXIS", "mssql+pyodbc://sa:pw@LOCALHOST\\dexis_data/dexis?Encrypt=no"),
    ("mssql+pyodbc://@(local)/DEXIS", "mssql+pyodbc://127.0.0.1:1433/DEXIS"),
    ("mssql+pyodbc://@sql01/DEXIS", "mssql+pyodbc://SQL01./DEXIS"),
    ("mssql+pyodbc://@.\\DEXIS_DATA/DEXIS", "mssql+pyodbc://@.\\DEXIS_DATA:49172/DEXIS"),
    (f"mssql+pyodbc://@{platform.node()}\\A/DEXIS", "mssql+pyodbc://@.\\a/DEXIS"),
    ("postgresql+psycopg://a@localhost/core", "postgresql+psycopg://b:pw@127.0.0.1:5432/core"),
]
OTHER = [
    ("mssql+pyodbc://@.\\DEXIS_DATA/DEXIS", "mssql+pyodbc://@.\\OTHER/DEXIS"),
    ("mssql+pyodbc://@.\\DEXIS_DATA/DEXIS", "mssql+pyodbc://@.\\DEXIS_DATA/staging"),
    ("mssql+pyodbc://@sql01/DEXIS", "mssql+pyodbc://@sql01:1434/DEXIS"),
    ("mssql+pyodbc://@sql01/DEXIS", "postgresql+psycopg://sql01/DEXIS"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_database_is_known_under_all_its_names(one: str, other: str) -> None:
    assert same_database(one, other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_instance_name_or_server_is_another_database(one: str, other: str) -> None:
    assert not same_database(one, other)


def test_a_place_names_no_user_and_no_password() -> None:
    assert place_of("mssql+pyodbc://sa:swordfish@.\\DEXIS_DATA/DEXIS") == "mssql localhost\\dexis_data/DEXIS"
    assert place_of("mssql+pyodbc://sql01/DEXIS") == "mssql sql01:1433/DEXIS"
