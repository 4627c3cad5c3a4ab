"""The service as a process, where what it does with threads and connections is at stake."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.settings import Settings
from tests.cli.command import Command


@pytest.fixture
def command(settings: Settings, tmp_path: Path) -> Command:
    """The command on a fresh sandbox, on SQLite and on PostgreSQL."""
    return Command(settings.database_url, tmp_path)
