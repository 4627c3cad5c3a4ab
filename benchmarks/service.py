"""The served product: ``tariffbook serve`` as a process of its own on 127.0.0.1, and clients that time their calls."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter, sleep

from store.settings import Settings

HOST = "127.0.0.1"
START_SECONDS_MAX = 60.0
CALL_SECONDS_MAX = 120.0
TARIFFBOOK = Path(sys.executable).with_name("tariffbook")


@dataclass(frozen=True)
class Request:
    """A request ready to be sent: nothing is encoded while the clock runs."""

    method: str
    path: str
    body: bytes | None = None


@dataclass(frozen=True)
class Service:
    """A running service."""

    port: int
    pid: int

    def call(self, key: str, requests: Sequence[Request], clients: int) -> Answers:
        """Send the requests from so many clients at once, each on a connection that stays open; require success."""
        shares = [requests[number::clients] for number in range(clients)]
        start = perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            answered = list(pool.map(lambda share: self._client(key, share), shares))
        seconds = perf_counter() - start
        return Answers(
            seconds,
            [latency for latencies, _ in answered for latency in latencies],
            [body for _, bodies in answered for body in bodies],
        )

    def _client(self, key: str, requests: Sequence[Request]) -> tuple[list[float], list[bytes]]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=CALL_SECONDS_MAX)
        latencies, bodies = [], []
        for request in requests:
            start = perf_counter()
            connection.request(request.method, request.path, request.body, _headers(key, request))
            answer = connection.getresponse()
            bodies.append(answer.read())
            latencies.append(perf_counter() - start)
            if answer.status >= http.HTTPStatus.MULTIPLE_CHOICES:
                message = f"{request.method} {request.path}: {answer.status} {bodies[-1].decode()[:1000]}"
                raise RuntimeError(message)
        connection.close()
        return latencies, bodies


@dataclass(frozen=True)
class Answers:
    """What came of a number of calls: how long all took together, how long each, and their bodies."""

    seconds: float
    latencies: list[float]
    bodies: list[bytes]


@contextmanager
def served(settings: Settings) -> Iterator[Service]:
    """Serve a database for as long as the block runs."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TARIFFBOOK_DATABASE_URL": settings.database_url}
    process = subprocess.Popen(
        [TARIFFBOOK, "serve", "--host", HOST, "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_ready(process, port)
        yield Service(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _headers(key: str, request: Request) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {key}"}
    if request.body is not None:
        headers |= {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    return headers


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = monotonic() + START_SECONDS_MAX
    while monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            pass
        sleep(0.1)
    message = f"`tariffbook serve` did not become ready on port {port} (exit code {process.poll()})"
    raise RuntimeError(message)
