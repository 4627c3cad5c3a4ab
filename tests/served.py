"""The service as a process of its own on a free port."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.command import Command

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 40


@dataclass(frozen=True)
class Served:
    """A running service."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str, key: str | None = None) -> tuple[int, Any]:
        """Return status and document of a GET."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
            answer = connection.getresponse()
            body = answer.read()
        return answer.status, json.loads(body) if body[:1] == b"{" else body

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers."""
        number = self.process.pid
        return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]

    def kill(self) -> None:
        """Kill it with all its workers, as if the machine had lost its power."""
        workers = self.workers
        self.process.kill()
        self.process.wait()
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def stop(self) -> int:
        """Stop it as a supervisor does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX)


@contextmanager
def serving(command: Command, *options: str, port: int | None = None) -> Iterator[Served]:
    """Serve a database on a port, and wait until it is ready; stopped at the end, if it was not before."""
    log = command.folder / "serve.log"
    port = port or _free_port()
    served = Served(port, log, command.start("serve", "--port", str(port), *options, log=log))
    try:
        _wait_until_ready(served)
        yield served
    finally:
        if served.process.poll() is None:
            served.process.terminate()
            served.process.wait(STOP_SECONDS_MAX)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        assert served.process.poll() is None, served.log.read_text()
        try:
            if served.get("/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    message = f"not ready within {START_SECONDS_MAX} s: {served.log.read_text()}"
    raise AssertionError(message)
