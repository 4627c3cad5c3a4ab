"""Commands of ``tariffbook`` as processes of their own: how long they take and how much memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.machine import peak_mebibytes
from benchmarks.service import TARIFFBOOK
from store.settings import Settings

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Ran:
    """A command that has ended well: seconds, the most memory it was seen with in MiB, and what it wrote."""

    seconds: float
    mebibytes: float
    output: str


def run(settings: Settings, *arguments: str, output: Path | None = None, program: Path = TARIFFBOOK) -> Ran:
    """Run a command on a database; what it writes goes to a file where one is named. RuntimeError if it fails."""
    environment = {**os.environ, "TARIFFBOOK_DATABASE_URL": settings.database_url}
    with tempfile.TemporaryDirectory() as folder:
        written, told = output or Path(folder, "output"), Path(folder, "messages")
        start = perf_counter()
        with written.open("wb") as standard_output, told.open("wb") as standard_error:
            process = subprocess.Popen(
                [program, *arguments], env=environment, stdout=standard_output, stderr=standard_error
            )
            peak = _wait(process)
        seconds = perf_counter() - start
        text = "" if output is not None else written.read_text(errors="replace")
        if process.returncode != 0:
            said = f"{text[-2000:]}{told.read_text(errors='replace')[-2000:]}"
            message = f"{program.name} {' '.join(arguments)} ended with {process.returncode}: {said}"
            raise RuntimeError(message)
    return Ran(seconds, peak, text)


def _wait(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process to end; return its peak of memory.

    It is asked while it runs: what the system says of an ended child counts its parent's memory in.
    """
    peak = 0.0
    while process.poll() is None:
        with suppress(OSError):
            peak = max(peak, peak_mebibytes(process.pid))
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
    return peak
