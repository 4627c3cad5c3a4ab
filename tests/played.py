"""The sample jurisdiction, played once a test session by the command itself, and copies of it to go on with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Command, Ended
from tests.postgres import PostgresServer


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A SQLite database that the sample was played into, and what the command said."""
    folder = tmp_path_factory.mktemp("sample")
    path = folder / "sample.db"
    return path, Command(f"sqlite:///{path}", folder).done("demo")


@pytest.fixture
def sample(sample_file: tuple[Path, Ended], tmp_path: Path) -> Command:
    """The command on a copy of the played sample."""
    path = tmp_path / "tariffbook.db"
    shutil.copy(sample_file[0], path)
    return Command(f"sqlite:///{path}", tmp_path)


@pytest.fixture
def sample_on_postgres(postgres: PostgresServer, tmp_path: Path) -> Iterator[Command]:
    """The command on a PostgreSQL database that it has played the sample into."""
    postgres.administer("CREATE DATABASE sample")
    command = Command(postgres.url("sample"), tmp_path)
    command.done("demo")
    yield command
    postgres.administer("DROP DATABASE sample WITH (FORCE)")


def keys_said(ended: Ended) -> dict[str, str]:
    """Return the keys that the command printed, by their variables."""
    exports = [line.removeprefix("export ") for line in ended.lines if line.startswith("export ")]
    return dict(line.split("=", 1) for line in exports)
