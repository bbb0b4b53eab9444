"""The guard on profile SQL: one pure SELECT passes, everything else is refused, in each dialect."""

from __future__ import annotations

import contextlib
import sqlite3

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.profiles.sql import SqlError, for_dialect, pure_select
from tests.simulators.postgresql import libpq

DIALECTS = ("postgresql", "mssql", "sqlite")

ATTACKS = {
    "two statements": "SELECT 1; DROP TABLE patient",
    "two selects": "SELECT 1 AS a; SELECT 2 AS a",
    "delete": "DELETE FROM patient",
    "update": "UPDATE patient SET dob = NULL",
    "insert": "INSERT INTO patient SELECT * FROM patient",
    "merge": "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE TABLE patient",
    "create": "CREATE TABLE x AS SELECT 1 AS a",
    "drop": "DROP TABLE patient",
    "grant": "GRANT ALL ON patient TO public",
    "select into": "SELECT id INTO copy FROM patient",
    "select into temporary": "SELECT id INTO TEMPORARY copy FROM patient",
    "for update": "SELECT id FROM patient FOR UPDATE",
    "for share": "SELECT id FROM patient FOR SHARE",
    "deleting cte": "WITH gone AS (DELETE FROM patient RETURNING id) SELECT id FROM gone",
    "updating cte": "WITH x AS (UPDATE patient SET dob = NULL RETURNING id) SELECT id FROM x",
    "inserting cte": "WITH x AS (INSERT INTO patient (id) VALUES (1) RETURNING id) SELECT id FROM x",
    "sequence": "SELECT nextval('patient_id_seq') AS a",
    "sequence set": "SELECT setval('patient_id_seq', 1) AS a",
    "next value": "SELECT NEXT VALUE FOR patient_id_seq AS a",
    "file write": "SELECT pg_file_write('/tmp/x', 'x', false) AS a",
    "file read": "SELECT pg_read_file('/etc/passwd') AS a",
    "large object in": "SELECT lo_import('/etc/passwd') AS a",
    "large object out": "SELECT lo_export(1, '/tmp/x') AS a",
    "sleep": "SELECT pg_sleep(1000) AS a",
    "terminate": "SELECT pg_terminate_backend(1) AS a",
    "configuration": "SELECT set_config('role', 'postgres', false) AS a",
    "advisory lock": "SELECT pg_advisory_lock(1) AS a",
    "remote": "SELECT dblink_exec('host=x', 'DROP TABLE y') AS a",
    "query to xml": "SELECT query_to_xml('DELETE FROM x', true, true, '') AS a",
    "shell": "EXEC xp_cmdshell 'dir'",
    "shell as a function": "SELECT xp_cmdshell('dir') AS a",
    "execute": "EXECUTE('DROP TABLE x')",
    "procedure": "CALL drop_everything()",
    "open rowset": "SELECT a FROM OPENROWSET('SQLNCLI', 'Server=x', 'DROP TABLE y')",
    "open query": "SELECT a FROM OPENQUERY(linked, 'DROP TABLE y')",
    "other server": "SELECT a FROM linked.core.dbo.patient",
    "other database": "SELECT p.id AS key FROM core.dbo.patient AS p",
    "load extension": "SELECT load_extension('evil') AS a",
    "write file": "SELECT writefile('x', 'y') AS a",
    "edit": "SELECT edit('x') AS a",
    "own function": "SELECT public.erase_all() AS a",
    "own table function": "SELECT a FROM erase_all()",
    "function in where": "SELECT id FROM patient WHERE lo_unlink(id) = 1",
    "function in order": "SELECT id FROM patient ORDER BY nextval('s')",
    "function in join": "SELECT p.id FROM patient AS p JOIN pg_ls_dir('/') AS f ON TRUE",
    "function in subquery": "SELECT id FROM patient WHERE id IN (SELECT setval('s', 1))",
    "function in window": "SELECT SUM(id) OVER (PARTITION BY nextval('s')) AS a FROM patient",
    "attach": "ATTACH DATABASE 'x' AS y",
    "pragma": "PRAGMA query_only = OFF",
    "set": "SET ROLE postgres",
    "copy": "COPY patient TO PROGRAM 'sh'",
    "do": "DO $$ BEGIN DELETE FROM patient; END $$",
    "begin": "BEGIN",
    "commit": "COMMIT",
    "vacuum": "VACUUM",
    "explain analyze": "EXPLAIN ANALYZE DELETE FROM patient",
    "declare": "DECLARE @x INT = 1; SELECT @x",
    "parameter": "SELECT id FROM patient WHERE id = :id",
    "T-SQL variable": "SELECT @@version AS a",
    "star": "SELECT * FROM patient",
    "star of one table": "SELECT p.* FROM patient AS p",
    "nothing": "",
    "comment only": "-- SELECT 1",
    "not SQL": "hello world, this is not SQL (",
    "NUL": "SELECT 1 AS a\0; DROP TABLE x",
    "book": "SELECT " + "1 + " * 10_000 + "1 AS a",
    "nested without end": "SELECT " + "(" * 5_000 + "1" + ")" * 5_000 + " AS a",
    "clock as a text": "SELECT CAST('now' AS TIMESTAMP) AS a",
    "clock as a day": "SELECT DATE 'today' AS a",
    "clock compared": "SELECT id FROM patient WHERE dob > ' NOW '",
    "clock put together": "SELECT CAST('n' || 'ow' AS DATE) AS a",
    "clock of SQLite": "SELECT datetime('now') AS a",
    "clock without a word": "SELECT datetime() AS a",
    "clock in seconds": "SELECT unixepoch() AS a",
    "clock as a number": "SELECT julianday() AS a",
    "clock of the standard": "SELECT CURRENT_TIMESTAMP AS a",
    "clock of T-SQL": "SELECT GETDATE() AS a",
    "clock in another function": "SELECT DATEADD(day, 1, GETDATE()) AS a",
    "age until today": "SELECT age(dob) AS a FROM patient",
    "zone of the machine": "SELECT datetime(x, 'localtime') AS a FROM patient",
    "chance": "SELECT random() AS a",
    "chance of T-SQL": "SELECT NEWID() AS a",
    "chance of PostgreSQL": "SELECT gen_random_uuid() AS a",
    "chance of rows": "SELECT id FROM patient TABLESAMPLE SYSTEM (10)",
    "who asks": "SELECT current_user AS a",
    "what is set": "SELECT current_setting('data_directory') AS a",
    "which transaction": "SELECT txid_current() AS a",
    "rows without end": "SELECT x FROM generate_series(1, 1000000000) AS g(x)",
    "type of somebody's own": "SELECT CAST(x AS erase.all) AS a FROM patient",
    "XML with an address": "SELECT CAST('<!DOCTYPE a SYSTEM \"http://x\">' AS XML) AS a",
    "catalogue": "SELECT 'patient'::regclass AS a",
    "wait": "WAITFOR DELAY '00:01'",
    "swollen by a pad": "SELECT LPAD(x, 1000000000, '0') AS a FROM patient",
    "swollen by a column": "SELECT LPAD(x, y, '0') AS a FROM patient",
    "swollen by a format": "SELECT printf('%1000000000d', 1) AS a",
    "swollen by repeating": "SELECT REPEAT('x', 1000000000) AS a",
    "swollen blob": "SELECT zeroblob(1000000000) AS a",
    "file as text": "SELECT CAST(readfile('/etc/passwd') AS TEXT) AS a",
    "only a string closes": "SELECT 'a\\'; DROP TABLE x; --' AS a",
}


@pytest.mark.attack
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", ATTACKS.values(), ids=ATTACKS.keys())
def test_what_is_not_one_pure_select_is_refused(sql: str, dialect: str) -> None:
    with pytest.raises(SqlError):
        pure_select(sql, dialect)


# What a query over a table t (id, tag, x, y, d) may do, in the words of one dialect.
ABLE = {
    "postgresql": [
        "SELECT SUBSTRING(x, 1, 2) || '/' || SUBSTR(x, 3, 2) AS a FROM t",
        "SELECT LOWER(REPLACE(CAST(x AS TEXT), '-', '')) AS a FROM t",
        "SELECT CONCAT(x, '/', y) AS a, CONCAT_WS('/', x, y) AS b, BTRIM(x, '{}') AS c FROM t",
        "SELECT LPAD(x, 8, '0') AS a, LEFT(x, 2) AS b, RIGHT(x, 2) AS c, LENGTH(x) AS e FROM t",
        "SELECT MAX(CASE WHEN tag = 'x' THEN x END) AS a, MAX(x) FILTER (WHERE tag = 'x') AS b FROM t GROUP BY id",
        "SELECT ROW_NUMBER() OVER (PARTITION BY tag ORDER BY id) AS a, FIRST_VALUE(x) OVER (ORDER BY id) AS b FROM t",
        "SELECT STRING_AGG(x, ';' ORDER BY id) AS a FROM t GROUP BY tag",
        "SELECT TO_CHAR(d, 'YYYYMMDD') AS a, EXTRACT(YEAR FROM d) AS b, DATE_TRUNC('day', d) AS c FROM t",
        "SELECT TO_TIMESTAMP(id) AT TIME ZONE 'Europe/Oslo' AS a, TO_DATE('20240506', 'YYYYMMDD') AS b FROM t",
        "SELECT CAST('2024-05-06 07:08:09' AS TIMESTAMP) AS a, MAKE_DATE(2024, 5, 6) AS b FROM t",
        "SELECT (SELECT MAX(u.x) FROM t AS u WHERE u.id = t.id) AS a FROM t WHERE t.id IN (SELECT id FROM t)",
        "WITH RECURSIVE f AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM f WHERE n < 3) SELECT n AS a FROM f",
        "SELECT q.x AS a FROM t CROSS JOIN LATERAL (SELECT u.x FROM t AS u WHERE u.id = t.id LIMIT 1) AS q",
        "SELECT COALESCE(NULLIF(x, ''), 'none') AS a, ABS(-id) AS b, id IS DISTINCT FROM 7 AS c FROM t",
        "SELECT MD5(x) AS a, SPLIT_PART(x, '-', 1) AS b FROM t",
    ],
    "sqlite": [
        "SELECT substr(x, 1, 2) || '/' || substr(x, 3, 2) AS a FROM t",
        "SELECT lower(replace(x, '-', '')) AS a, upper(trim(x, '{}')) AS b, printf('%08d', id) AS c FROM t",
        "SELECT ifnull(x, '') AS a, iif(id = 1, 'one', 'more') AS b, instr(x, 'a') AS c, hex(x) AS e FROM t",
        "SELECT MAX(CASE WHEN tag = 'x' THEN x END) AS a, MAX(x) FILTER (WHERE tag = 'x') AS b FROM t GROUP BY id",
        "SELECT ROW_NUMBER() OVER (PARTITION BY tag ORDER BY id) AS a, LAST_VALUE(x) OVER (ORDER BY id) AS b FROM t",
        "SELECT group_concat(x, ';') AS a FROM t GROUP BY tag",
        "SELECT datetime(id, 'unixepoch') AS a, strftime('%Y%m%d', d) AS b, date(d) AS c, julianday(d) AS e FROM t",
        "SELECT CAST(x AS INTEGER) AS a, round(id, 1) AS b, abs(-id) AS c, min(id, 2) AS e FROM t",
        "SELECT json_extract('{\"a\": 1}', '$.a') AS a FROM t",
        "WITH RECURSIVE f AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM f WHERE n < 3) SELECT n AS a FROM f",
        "SELECT x AS a FROM t UNION ALL SELECT y AS a FROM t ORDER BY a",
        "SELECT q.x AS a FROM (SELECT id, x FROM t WHERE x LIKE 'a%') AS q JOIN t ON t.id = q.id",
    ],
    "mssql": [
        "SELECT SUBSTRING(x, 1, 2) + '/' + SUBSTRING(x, 3, 2) AS a FROM t",
        "SELECT LOWER(REPLACE(CAST(x AS VARCHAR(36)), '-', '')) AS a, LTRIM(RTRIM(x)) AS b, TRIM(x) AS c FROM t",
        "SELECT CONCAT(x, '/', y) AS a, CONCAT_WS('/', x, y) AS b, STUFF(x, 1, 2, 'a') AS c, LEN(x) AS e FROM t",
        "SELECT RIGHT('00000000' + CAST(id AS VARCHAR(8)), 8) AS a, FORMAT(id, '00000000') AS b FROM t",
        "SELECT ISNULL(x, '') AS a, IIF(id = 1, 'one', 'more') AS b, CHARINDEX('a', x) AS c FROM t",
        "SELECT STRING_AGG(x, ';') WITHIN GROUP (ORDER BY id) AS a FROM t GROUP BY tag",
        "SELECT CONVERT(VARCHAR(8), d, 112) AS a, TRY_CONVERT(INT, x) AS b, TRY_CAST(x AS INT) AS c FROM t",
        "SELECT DATEADD(second, id, '1970-01-01') AS a, DATEDIFF(day, d, d) AS b, YEAR(d) AS c FROM t",
        "SELECT d AT TIME ZONE 'UTC' AT TIME ZONE 'Central European Standard Time' AS a FROM t",
        "SELECT a.x AS a FROM t AS a CROSS APPLY (SELECT TOP 1 u.y FROM t AS u WHERE u.id = a.id ORDER BY u.y) AS q",
        "SELECT LAG(x, 1) OVER (ORDER BY id) AS a, N'ø' AS b FROM t ORDER BY id OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY",
    ],
}


@pytest.mark.parametrize("sql", ABLE["sqlite"])
def test_what_a_query_may_do_runs_on_sqlite_as_it_was_written(sql: str) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLE)
        assert connection.execute(for_dialect(sql, "sqlite")).fetchall() == connection.execute(sql).fetchall()


def test_what_a_query_may_do_runs_on_postgresql_as_it_was_written(postgresql_url: str) -> None:
    with psycopg.connect(libpq(postgresql_url)) as connection:
        connection.execute(_TABLE.replace("CREATE", "CREATE TEMPORARY").encode())
        for sql in ABLE["postgresql"]:
            passed = connection.execute(for_dialect(sql, "postgresql").encode()).fetchall()
            assert passed == connection.execute(sql.encode()).fetchall(), sql


@pytest.mark.parametrize("sql", ABLE["mssql"])
def test_what_a_query_may_do_is_still_t_sql_when_it_was_judged(sql: str) -> None:
    passed = for_dialect(sql, "mssql")
    assert for_dialect(passed, "mssql") == passed


_TABLE = (
    "CREATE TABLE t (id INTEGER, tag TEXT, x TEXT, y TEXT, d TIMESTAMP);"
    "INSERT INTO t VALUES (1, 'x', '{a-b}', 'y', '2024-05-06 07:08:09'), (2, 'x', 'abcd', NULL, NULL)"
)

PURE = {
    "plain": "SELECT p.id AS key FROM patient AS p ORDER BY p.id",
    "joins": "SELECT a.id AS key FROM a LEFT JOIN b ON b.id = a.id CROSS JOIN c WHERE a.x IS NULL",
    "common table": "WITH d AS (SELECT id FROM patient) SELECT d.id AS key FROM d ORDER BY d.id",
    "union": "SELECT id AS key FROM a UNION ALL SELECT id AS key FROM b",
    "attributes as rows": "SELECT p.id AS key, MAX(CASE WHEN v.name = 'dob' THEN v.value END) AS dob "
    "FROM p JOIN v ON v.owner = p.id GROUP BY p.id HAVING COUNT(*) > 1 ORDER BY p.id",
    "sub-select": "SELECT id AS key FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id) AND a.x IN (1, 2)",
    "texts": "SELECT UPPER(TRIM(a.x)) AS x, SUBSTRING(a.y, 1, 2) AS y, REPLACE(a.z, '/', '-') AS z FROM a",
    "window": "SELECT ROW_NUMBER() OVER (PARTITION BY a.x ORDER BY a.y) AS n FROM a",
    "numbers": "SELECT COALESCE(a.x, 0) + 1 AS x, CAST(a.y AS INTEGER) AS y, ABS(-a.z) AS z FROM a",
    "like": "SELECT a.id AS key FROM a WHERE a.name LIKE 'x!_%' ESCAPE '!' AND a.n BETWEEN 1 AND 2",
    "trailing semicolon": "SELECT a.id AS key FROM a;",
    "comment": "SELECT a.id AS key /* the key */ FROM a -- all of them",
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", PURE.values(), ids=PURE.keys())
def test_a_pure_select_passes_in_every_dialect(sql: str, dialect: str) -> None:
    assert pure_select(sql, dialect).columns


REASONS: dict[str, tuple[str, str, str]] = {
    "logins": ("postgresql", "SELECT usename AS a FROM pg_shadow", "names pg_shadow, a table of the server's own"),
    "logins by schema": ("postgresql", "SELECT a FROM PG_CATALOG.t", "a table of the server's own"),
    "logins in capitals": ("postgresql", "SELECT usename AS a FROM PG_SHADOW", "a table of the server's own"),
    "hex that PostgreSQL reads otherwise": ("postgresql", "SELECT to_hex(id) AS a FROM t", "calls to_hex"),
    "day that is no date": ("postgresql", "SELECT CAST('some day' AS DATE) AS a FROM t", "nor a date written out"),
    "catalogue": ("postgresql", "SELECT table_name AS a FROM information_schema.tables", "the server's own"),
    "session's tables": ("postgresql", "SELECT a FROM pg_temp.t", "the server's own"),
    "SQL Server's own": ("mssql", "SELECT name AS a FROM sys.sql_logins", "the server's own"),
    "temporary table": ("mssql", "SELECT a FROM #t", "a temporary table"),
    "schema of SQLite": ("sqlite", "SELECT sql AS a FROM sqlite_master", "the server's own"),
    "clock in two pieces": (
        "sqlite",
        "SELECT datetime(x) AS a FROM (SELECT 'no' || 'w' AS x FROM t) AS q",
        "makes a text by DPIPE of constants only",
    ),
    "clock in a CTE": (
        "sqlite",
        "WITH q AS (SELECT replace('nxw', 'x', 'o') AS x) SELECT datetime(x) AS a FROM q",
        "makes a text by REPLACE of constants only",
    ),
    "clock in VALUES": ("sqlite", "SELECT datetime(x) AS a FROM (VALUES (lower('NOW'))) AS q(x)", "constants only"),
    "zone from a row": ("sqlite", "SELECT datetime(a, b) AS a FROM t", "by a rule that is not written out"),
    "zone in two pieces": ("sqlite", "SELECT datetime(a, 'loc' || b) AS a FROM t", "by a rule that is not written out"),
    "width from a row": ("sqlite", "SELECT printf(a, 1) AS a FROM t", "formats by something that is not written out"),
    "format of a time from a row": ("sqlite", "SELECT strftime(a, b) AS a FROM t", "something that is not written out"),
    "format of three arguments": ("sqlite", "SELECT strftime(a, b, 'utc') AS a FROM t", "clock or time zone"),
    "format of a row": ("sqlite", "SELECT strftime(a, b, '+1 day') AS a FROM t", "something that is not written out"),
    "format of PostgreSQL": ("postgresql", "SELECT to_char(a, b) AS a FROM t", "something that is not written out"),
    "zone in a format": ("sqlite", "SELECT strftime('%Y', a, b) AS a FROM t", "by a rule that is not written out"),
    "another file": (
        "sqlite",
        "SELECT a FROM other.patient",
        "names other.patient, which in SQLite is a table of another file; write patient",
    ),
    "counting without end": (
        "sqlite",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT i AS a FROM n",
        "reads n in n itself and never stops; join it to a table by a column, or count in it and add WHERE",
    ),
    "without end and without the word": (
        "mssql",
        "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM N AS m WHERE 1 < 2) SELECT i AS a FROM n",
        "never stops",
    ),
    "without end inside": (
        "postgresql",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i FROM (SELECT i + 1 AS i FROM n) AS q) SELECT i FROM n",
        "never stops",
    ),
    "a condition that stops nothing": (
        "sqlite",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i IS NOT NULL) SELECT i AS a FROM n",
        "never stops",
    ),
    "every row again": (
        "postgresql",
        "WITH RECURSIVE n AS (SELECT id FROM t UNION ALL SELECT t.id FROM t CROSS JOIN n) SELECT id AS a FROM n",
        "never stops",
    ),
    "growing and growing": (
        "sqlite",
        "SELECT replace(replace(a, 'a', 'aaaa'), 'a', 'aaaa') AS a FROM t",
        "inside what was replaced by a longer text already",
    ),
}


@pytest.mark.parametrize("case", REASONS.values(), ids=REASONS)
def test_a_query_that_reaches_round_the_lists_is_refused_with_its_reason(case: tuple[str, str, str]) -> None:
    dialect, sql, reason = case
    with pytest.raises(SqlError, match=reason):
        pure_select(sql, dialect)


ENDING = {
    "folders": "SELECT f.id FROM folder AS f JOIN tree AS t ON f.parent = t.id",
    "folders by the same name": "SELECT f.id FROM folder AS f JOIN tree AS t USING (id)",
    "folders in WHERE": "SELECT f.id FROM folder AS f, tree AS t WHERE f.parent = t.id",
    "a number": "SELECT t.id + 1 FROM tree AS t WHERE t.id < 100",
    "a limit": "SELECT t.id + 1 FROM tree AS t LIMIT 100",
}


@pytest.mark.parametrize("step", ENDING.values(), ids=ENDING)
@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
def test_a_with_that_reads_itself_passes_where_it_stops(step: str, dialect: str) -> None:
    pure_select(f"WITH RECURSIVE tree AS (SELECT 1 AS id UNION ALL {step}) SELECT tree.id AS a FROM tree", dialect)


def test_main_is_the_name_of_sqlite_s_own_file() -> None:
    pure_select("SELECT a FROM main.patient", "sqlite")


def test_a_text_may_be_cleaned_as_often_as_needed() -> None:
    pure_select("SELECT replace(replace(replace(a, '-', ''), ' ', ''), '/', '.') AS a FROM t", "sqlite")


def test_what_runs_holds_no_comment() -> None:
    sql = "SELECT a.id AS key /*! DROP TABLE a */ FROM a -- ; DROP TABLE a\n ORDER BY a.id"
    for dialect in DIALECTS:
        assert "DROP" not in for_dialect(sql, dialect)


def test_t_sql_gets_every_name_quoted_because_key_is_a_reserved_word() -> None:
    sql = for_dialect("SELECT p.id AS key FROM patient AS p ORDER BY p.id", "mssql")
    assert sql == "SELECT [p].[id] AS [key] FROM [patient] AS [p] ORDER BY [p].[id]"


def test_names_stay_unquoted_elsewhere_so_that_the_database_folds_them_as_it_likes() -> None:
    for dialect in ("postgresql", "sqlite"):
        assert for_dialect("SELECT Value FROM SystemInfo", dialect) == "SELECT Value FROM SystemInfo"


def test_output_columns_are_told_in_order() -> None:
    select = pure_select("SELECT a.x, a.y AS z, COUNT(*), 1 AS one FROM a GROUP BY a.x, a.y", "sqlite")
    assert select.columns == ("x", "z", "", "one")


@pytest.mark.parametrize(
    ("order", "first"),
    {
        "ORDER BY a.id, a.x": "key",
        "ORDER BY key": "key",
        "ORDER BY 1": "key",
        "ORDER BY 2, 1": "x",
        "ORDER BY a.id ASC": "key",
        "ORDER BY a.id DESC": None,
        "ORDER BY a.other": None,
        "ORDER BY 9": None,
        "": None,
    }.items(),
)
def test_the_order_of_the_rows_is_known(order: str, first: str | None) -> None:
    assert pure_select(f"SELECT a.id AS key, a.x AS x FROM a {order}", "sqlite").first_order == first


def test_tables_and_columns_that_are_read_are_known() -> None:
    sql = "WITH d AS (SELECT id FROM a) SELECT d.id AS key, b.x FROM d JOIN b ON b.id = d.id"
    assert pure_select(sql, "sqlite").reads == {("a", ""), ("b", ""), ("b", "x"), ("b", "id")}


@pytest.mark.attack
@given(st.text(max_size=60))
def test_whatever_text_is_put_into_a_literal_no_second_statement_comes_out(text: str) -> None:
    """Whatever the guard lets through, SQLite itself sees as one statement that reads."""
    sql = f"SELECT '{text}' AS a"
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA query_only = ON")
        try:
            passed = for_dialect(sql, "sqlite")
        except SqlError:
            return
        with contextlib.suppress(sqlite3.OperationalError):
            assert len(connection.execute(passed).fetchall()) <= 1


@pytest.mark.attack
@given(st.lists(st.sampled_from(["SELECT", "1", "DELETE", "FROM", "a", "(", ")", ";", "WITH", "AS", ",", "INTO", "*"])))
def test_shuffled_words_never_become_a_statement_that_writes(words: list[str]) -> None:
    """SQLite's own authorizer says what each statement that the guard lets through would do."""
    with contextlib.suppress(SqlError, sqlite3.OperationalError), contextlib.closing(_watched()) as connection:
        connection.execute(for_dialect(" ".join(words), "sqlite"))


_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def _watched() -> sqlite3.Connection:
    """A database with a table `a` in which whatever is not reading fails the test."""

    def judge(action: int, *_: object) -> int:
        return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY

    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE a (a INTEGER)")
    connection.set_authorizer(judge)
    return connection


def test_the_watched_database_would_notice_a_write() -> None:
    with contextlib.closing(_watched()) as connection, pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        connection.execute("DELETE FROM a")
