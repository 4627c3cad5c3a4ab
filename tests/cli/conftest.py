"""The command on fresh databases, and on the sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.settings import Settings
from tests.cli.command import Command
from tests.played import sample, sample_file, sample_on_postgres

__all__ = ["command", "on_new_file", "sample", "sample_file", "sample_on_postgres"]


@pytest.fixture
def command(settings: Settings, tmp_path: Path) -> Command:
    """The command on a fresh sandbox, on SQLite and on PostgreSQL."""
    return Command(settings.database_url, tmp_path)


@pytest.fixture
def on_new_file(tmp_path: Path) -> Command:
    """The command where there is no database yet."""
    return Command(f"sqlite:///{tmp_path}/new.db", tmp_path)
