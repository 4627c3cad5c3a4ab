"""The command ``tariffbook`` as somebody at a terminal runs it.

What is run to its end runs in this process, which has read the program already; what is left running, to be watched
or killed, is a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from cli.main import main

PROGRAM = Path(sys.executable).parent / "tariffbook"


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
        named = {"TARIFFBOOK_SIGNING_KEY_FILE": str(self.folder / "signing-key")}
        return {**ours, "TARIFFBOOK_DATABASE_URL": self.database_url, **named}

    def end(self, *arguments: str) -> Ended:
        """Run it to its end, however that is."""
        out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment, clear=True),
            mock.patch.multiple(sys, argv=[str(PROGRAM), *arguments], stdin=io.StringIO(), stdout=out, stderr=err),
        ):
            code = _exit_code()
        return Ended(code, _written(out), _written(err).decode())

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


def _exit_code() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _written(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()
