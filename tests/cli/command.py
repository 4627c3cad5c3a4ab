"""The command ``tariffbook`` as a process of its own, as somebody at a terminal runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "tariffbook"
SECONDS_MAX = 120


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """What it wrote to standard output."""
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        """What it wrote to standard output, line by line."""
        return self.text.splitlines()


@dataclass(frozen=True)
class Command:
    """Runs the command on one database, in a folder of its own."""

    database_url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Ours, with the database and without any other setting of the service."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("TARIFFBOOK_")}
        return {**ours, "TARIFFBOOK_DATABASE_URL": self.database_url}

    def end(self, *arguments: str) -> Ended:
        """Run it to its end, however that is."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr.decode())

    def done(self, *arguments: str) -> Ended:
        """Run it and require that it succeeds."""
        ended = self.end(*arguments)
        assert ended.code == 0, f"{arguments}: {ended.text}{ended.err}"
        return ended

    def refused(self, *arguments: str) -> str:
        """Run it, require that it refuses, without a traceback, and return what it says."""
        ended = self.end(*arguments)
        assert ended.code == 1, f"{arguments}: {ended.text}{ended.err}"
        assert "Traceback" not in ended.err, ended.err
        return ended.err

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start it and leave it running."""
        with log.open("wb") as written:
            return subprocess.Popen(
                [PROGRAM, *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
