"""A SQL Server URL keeps what it says, gets what it lacks, and never hides which database it means."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.engine import make_url

from engine.sqlserver.address import LOGIN_SECONDS, QUERY_SECONDS, Address, ready
from engine.sqlserver.driver import chosen, fitting, missing, wheel_driver
from protocol.errors import EnvironmentProblem, UsageProblem

URL = "mssql+pyodbc://dex@server\\DEXIS_DATA:1433/DEXIS"


def made(url: str, environment: dict[str, str] | None = None, **options: str) -> Address:
    return ready(make_url(url), environment or {}, options, driver=lambda: "/wheel/libmsodbcsql-18.so")


def sent(address: Address) -> str:
    """The connection string that the driver gets."""
    arguments, _ = MSDialect_pyodbc().create_connect_args(address.url)
    return str(arguments[0])


def test_the_driver_is_found_when_the_url_names_none() -> None:
    assert sent(made(URL)).startswith(
        "DRIVER={/wheel/libmsodbcsql-18.so};Server=server\\DEXIS_DATA,1433;Database=DEXIS;"
    )


@pytest.mark.parametrize("name", ["driver", "Driver", "DRIVER"])
def test_a_driver_that_the_url_names_is_taken(name: str) -> None:
    text = sent(made(f"{URL}?{name}=FreeTDS&TDS_Version=7.4"))
    assert text.startswith("DRIVER={FreeTDS};")
    assert text.lower().count("driver=") == 1
    assert "TDS_Version=7.4" in text


def test_options_for_tls_reach_the_driver_as_they_were_written() -> None:
    options = "Encrypt=strict&TrustServerCertificate=no&HostNameInCertificate=sql&ServerCertificate=C:\\sql.cer"
    text = sent(made(f"{URL}?{options}"))
    for option in options.split("&"):
        assert option in text


def test_what_the_url_says_itself_is_not_overruled() -> None:
    text = sent(made(f"{URL}?applicationintent=ReadWrite", ApplicationIntent="ReadOnly", MARS_Connection="yes"))
    assert "ReadOnly" not in text
    assert "MARS_Connection=yes" in text


def test_without_a_user_windows_integrated_authentication_is_used() -> None:
    assert "Trusted_Connection=Yes" in sent(made("mssql+pyodbc://@.\\DEXIS_DATA/DEXIS"))
    assert "Trusted_Connection" not in sent(made(URL))


def test_a_password_may_come_from_the_environment() -> None:
    known = {"SQLCMDPASSWORD": "p;w}d"}
    assert "PWD={p;w}}d}" in sent(made(URL, known))
    assert "PWD=own" in sent(made(URL.replace("dex@", "dex:own@"), known))
    assert "PWD" not in sent(made("mssql+pyodbc://@server/DEXIS", known))


def test_time_outs_are_ours_and_may_be_changed() -> None:
    assert (made(URL).login_seconds, made(URL).query_seconds) == (LOGIN_SECONDS, QUERY_SECONDS)
    changed = made(f"{URL}?timeout=3&query_timeout=0")
    assert (changed.login_seconds, changed.query_seconds) == (3, 0)
    assert "timeout" not in sent(changed)


@pytest.mark.parametrize("words", ["timeout=soon", "query_timeout=-1", "timeout=99999999"])
def test_a_time_out_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(UsageProblem, match="no number of seconds"):
        made(f"{URL}?{words}")


@pytest.mark.attack
@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc:///?odbc_connect=SERVER%3Dproduction",
        "mssql+pyodbc:///DEXIS?dsn=production",
        f"{URL}?Server=production",
        f"{URL}?DATABASE=production",
    ],
)
def test_an_address_that_hides_its_database_is_refused(url: str) -> None:
    with pytest.raises(UsageProblem, match="must name server and database itself"):
        made(url)


def test_the_wheels_driver_comes_first_then_the_newest_registered_one() -> None:
    registered = ["FreeTDS", "ODBC Driver 17 for SQL Server", "SQL Server"]
    assert chosen(Path("/wheel/driver.so"), registered) == "/wheel/driver.so"
    assert chosen(None, registered) == "ODBC Driver 17 for SQL Server"
    assert chosen(None, ["FreeTDS"]) == "FreeTDS"
    with pytest.raises(EnvironmentProblem, match="no ODBC driver for SQL Server is installed") as problem:
        chosen(None, ["SQL Server", "SQLite3"])
    assert "bitewing[mssql]" in problem.value.next_step


FITTING = [
    ("linux", "x86_64", "ID=debian", "linux/debian_ubuntu/x86_64"),
    ("linux", "aarch64", 'ID=fedora\nID_LIKE="rhel"', "linux/rhel/arm64"),
    ("linux", "x86_64", 'ID="opensuse-leap"', "linux/suse/x86_64"),
    ("linux", "x86_64", "ID=alpine", "linux/alpine/x86_64"),
    ("darwin", "arm64", "", "macos/arm64"),
]


@pytest.mark.parametrize(("system", "machine", "release", "folder"), FITTING)
def test_the_build_that_fits_the_system_is_taken(
    tmp_path: Path, system: str, machine: str, release: str, folder: str
) -> None:
    for _, _, _, each in FITTING:
        (tmp_path / each / "lib").mkdir(parents=True)
        (tmp_path / each / "lib" / "libmsodbcsql-18.6.so.2.1").touch()
    assert fitting(tmp_path, system, machine, release) == tmp_path / folder / "lib" / "libmsodbcsql-18.6.so.2.1"


def test_windows_and_unknown_processors_have_no_driver_by_path(tmp_path: Path) -> None:
    assert fitting(tmp_path, "win32", "AMD64", "") is None
    assert fitting(tmp_path, "linux", "riscv64", "ID=debian") is None
    assert fitting(tmp_path, "linux", "x86_64", "ID=debian") is None


def test_the_installed_wheel_holds_a_driver_for_this_machine() -> None:
    found = wheel_driver()
    assert found is not None
    assert found.is_file()


def test_a_missing_driver_manager_is_told_from_a_missing_package() -> None:
    manager = missing(ImportError("libodbc.so.2: cannot open shared object file: No such file or directory"))
    assert "libodbc2" in manager.next_step
    assert "bitewing[mssql]" in missing(ImportError("No module named 'pyodbc'")).next_step
