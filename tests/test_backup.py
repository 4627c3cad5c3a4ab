"""Backup, restore, verify: the commands of docs/operations.md, run as they stand on paths of our own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from app import create_app
from migrations.schema import migrate
from store.settings import Settings
from tests.cli.command import Command
from tests.client import Client
from tests.conftest import SANDBOX_START
from tests.postgres import PORT, SUPERUSER, PostgresServer, account
from tests.web.usage_story import Story
from tests.world import World

GUIDE: Final = Path(__file__).parent.parent / "docs" / "operations.md"
DATABASE: Final = "tariffbook"
OWNER: Final = "postgresql://tariffbook_owner@db.example/"
SECONDS_MAX: Final = 30


def blocks(title: str, language: str = "sh") -> list[str]:
    """Return the blocks of code of a section of the guide."""
    [section] = re.findall(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Elsewhere:
    """Runs what the guide says, with other names in the place of its own, as whom the server runs as."""

    names: Mapping[str, str]
    folder: Path
    programs: Path | None = None

    def run(self, block: str) -> None:
        """Run a block, and require that it succeeds."""
        path = os.pathsep.join([*([str(self.programs)] if self.programs else []), os.environ["PATH"]])
        runner = account() if self.programs else None
        ended = subprocess.run(
            ["/bin/sh", "-eu", "-c", self.said(block)],
            cwd=self.folder,
            env={"PATH": path, "LC_ALL": "C", "PGHOST": str(self.folder), "PGUSER": SUPERUSER, "PGPORT": str(PORT)},
            capture_output=True,
            text=True,
            check=False,
            user=runner.uid if runner else None,
            group=runner.gid if runner else None,
        )
        assert ended.returncode == 0, f"{block}\n{ended.stdout}{ended.stderr}"

    def said(self, block: str) -> str:
        """Return a block with our names in it; each of them has to be there in some block."""
        for theirs, ours in self.names.items():
            block = block.replace(theirs, ours)
        return block


@dataclass
class Books:
    """A database with a jurisdiction in it, that use is sent to while it is backed up."""

    story: Story
    command: Command
    sent: int = 0

    def use(self) -> None:
        """Have ten more events counted, and seal them."""
        events = [self.story.event({"id": f"e{self.sent + number}"}) for number in range(10)]
        assert self.story.world.operator.made("/usage-events", {"events": events})["accepted"] == 10
        self.sent += 10
        self.command.done("ledger", "seal")

    def seals(self, path: Path) -> Path:
        """Write an auditor's copy of the seals."""
        path.write_bytes(self.command.done("ledger", "seals", "--export").out)
        return path


@pytest.fixture
def books(world: World, settings: Settings, tmp_path: Path) -> Books:
    made = Books(Story(world), Command(settings.database_url, tmp_path))
    made.use()
    return made


def check(command: Command, seals: Path) -> None:
    """Do what the guide says is done after a restore."""
    [block] = blocks("After a restore")
    lines = [line.split() for line in block.replace("/backup/seals.jsonl", str(seals)).splitlines()]
    assert [line[:3] for line in lines] == [
        ["tariffbook", "migrate"],
        ["tariffbook", "ledger", "verify"],
        ["tariffbook", "ledger", "check-seals"],
    ]
    for line in lines:
        command.done(*line[1:])


def events(command: Command) -> int:
    """Return how many events a database has, by its own API."""
    application = create_app(Settings(command.database_url))
    items = Client.administrator(application).client_of("auditor").seen("/usage-events", limit=500)["items"]
    application.extensions["tariffbook"].close()
    return len(items)


def need(*programs: str, folder: Path | None = None) -> None:
    for program in programs:
        if shutil.which(program, path=str(folder) if folder else None) is None:
            pytest.skip(f"there is no {program} {f'in {folder}' if folder else 'here'}")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_copy_of_a_file_in_use_is_put_in_its_place_and_verified(books: Books, tmp_path: Path) -> None:
    need("sqlite3")
    backup, restore = blocks("SQLite")
    (tmp_path / "backup").mkdir()
    file = books.command.database_url.removeprefix("sqlite:///")
    elsewhere = Elsewhere({"/backup": str(tmp_path / "backup"), "/srv/tariffbook/books.db": file}, tmp_path)
    elsewhere.run(backup)
    old = books.seals(tmp_path / "old.jsonl")
    books.use()
    new = books.seals(tmp_path / "new.jsonl")
    assert events(books.command) == 20
    store = books.story.world.admin.app.extensions["tariffbook"]
    store.close()
    elsewhere.run(restore)
    check(books.command, old)
    assert events(books.command) == 10
    ended = books.command.end("ledger", "check-seals", str(new))
    assert (ended.code, ended.text.startswith("FAILED")) == (1, True)


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_dump_of_a_served_database_is_restored_beside_it_and_verified(
    books: Books, postgres: PostgresServer, tmp_path: Path
) -> None:
    need("pg_dump", "pg_restore", "createdb", folder=postgres.binaries)
    name = books.command.database_url.rpartition("/")[2].partition("?")[0]
    (folder := postgres.folder / name).mkdir()
    _given_to_the_server(folder)
    names = {
        "/backup": str(folder),
        f'{OWNER}tariffbook_restored"': f'{_address(postgres, f"{name}_restored")}"',
        f'{OWNER}tariffbook"': f'{_address(postgres, name)}"',
        f'{OWNER}postgres"': f'{_address(postgres, "postgres")}"',
        " tariffbook_restored": f" {name}_restored",
    }
    elsewhere = Elsewhere(names, postgres.folder, postgres.binaries)
    backup, restore = blocks("PostgreSQL: a dump")
    elsewhere.run(backup)
    seals = books.seals(tmp_path / "seals.jsonl")
    books.use()
    elsewhere.run(restore)
    restored = replace(books.command, database_url=postgres.url(f"{name}_restored"))
    check(restored, seals)
    assert (events(restored), events(books.command)) == (10, 20)
    restored.done("ledger", "seal")
    postgres.administer(f"DROP DATABASE {name}_restored WITH (FORCE)")


@pytest.fixture
def archived(tmp_path: Path) -> Iterator[tuple[PostgresServer, Books]]:
    """Books on a PostgreSQL of their own, whose log is archived as the guide says."""
    with PostgresServer(durable=True) as server:
        need("pg_basebackup", folder=server.binaries)
        for folder in (server.folder / "backup", server.folder / "backup" / "wal"):
            folder.mkdir()
            _given_to_the_server(folder)
        [block] = blocks("PostgreSQL: any point in time", "sql")
        for statement in _names(server).said(block).split(";\n"):
            if statement:
                server.administer(statement)
        server.kill()
        server.start()
        server.administer(f"CREATE DATABASE {DATABASE}")
        settings = Settings(server.url(DATABASE))
        migrate(settings, sandbox=True, start=SANDBOX_START)
        application = create_app(settings)
        command = Command(settings.database_url, tmp_path)
        made = Books(Story(World.founded(Client.administrator(application))), command)
        made.use()
        yield server, made
        application.extensions["tariffbook"].close()


def test_a_server_is_brought_back_to_a_point_in_time_and_verified(
    archived: tuple[PostgresServer, Books], tmp_path: Path
) -> None:
    server, books = archived
    backup, restore = blocks("PostgreSQL: any point in time")
    _names(server).run(backup)
    books.use()
    old, moment = books.seals(tmp_path / "old.jsonl"), _ask(server, "SELECT clock_timestamp()::text")
    books.use()
    new = books.seals(tmp_path / "new.jsonl")
    file = _ask(server, "SELECT pg_walfile_name(pg_switch_wal())")
    _until((server.folder / "backup" / "wal" / str(file)).exists)
    _names(server, str(moment)).run(restore)
    with PostgresServer(durable=True, restored=server.folder / "restored") as recovered:
        _until(lambda: _ask(recovered, "SELECT NOT pg_is_in_recovery()"))
        command = replace(books.command, database_url=recovered.url(DATABASE))
        check(command, old)
        assert events(command) == 20
        assert command.end("ledger", "check-seals", str(new)).code == 1
        command.done("ledger", "seal")


def test_a_replica_follows_and_is_promoted_when_the_primary_is_gone(
    archived: tuple[PostgresServer, Books], tmp_path: Path
) -> None:
    server, books = archived
    [block] = blocks("Replicas and failover")
    _names(server).run(block)
    with PostgresServer(durable=True, restored=server.folder / "replica") as replica:
        books.use()
        seals, position = books.seals(tmp_path / "seals.jsonl"), _ask(server, "SELECT pg_current_wal_lsn()")
        _until(lambda: _ask(replica, f"SELECT pg_last_wal_replay_lsn() >= '{position}'"))
        server.kill()
        assert _ask(replica, "SELECT pg_promote()")
        command = replace(books.command, database_url=replica.url(DATABASE))
        check(command, seals)
        assert events(command) == 20
        command.done("ledger", "seal")


def _names(server: PostgresServer, moment: str = "") -> Elsewhere:
    ours = {
        "/backup": f"{server.folder}/backup",
        "/srv/restored": f"{server.folder}/restored",
        "/srv/replica": f"{server.folder}/replica",
        "2026-03-31 23:59:59+08": moment,
    }
    return Elsewhere(ours, server.folder, server.binaries)


def _given_to_the_server(folder: Path) -> None:
    runner = account()
    if runner is not None:
        os.chown(folder, runner.uid, runner.gid)


def _address(server: PostgresServer, database: str) -> str:
    return f"postgresql://{SUPERUSER}@/{database}?host={server.folder}&port={PORT}"


def _ask(server: PostgresServer, query: str) -> Any:
    with psycopg.connect(
        host=str(server.folder), port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True
    ) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
