"""PostgreSQL's own benchmark, TPC-B with prepared statements: what the server can do on this machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from tests.postgres import chosen_binaries

THREADS = 2


def program() -> Path | None:
    """Return pgbench of the binaries that the server is of, None if they hold none."""
    path = chosen_binaries() / "pgbench"
    return path if path.exists() else None


def prepare(path: Path, url: str, branches: int) -> None:
    """Make its tables; where there are fewer branches than clients, these wait for each other."""
    _run(path, url, "--initialize", "--quiet", f"--scale={branches}")


def transactions_a_second(path: Path, url: str, clients: int, seconds: int) -> float:
    """Run it; return the transactions per second, the making of connections excluded."""
    said = _run(
        path,
        url,
        "--protocol=prepared",
        "--no-vacuum",
        f"--client={clients}",
        f"--jobs={THREADS}",
        f"--time={seconds}",
    )
    found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
    if found is None:
        message = f"pgbench did not say how fast it was: {said[-1000:]}"
        raise RuntimeError(message)
    return float(found[1])


def _run(path: Path, url: str, *options: str) -> str:
    parts = make_url(url)
    server = [f"--host={parts.query['host']}", f"--port={parts.query['port']}", f"--username={parts.username}"]
    done = subprocess.run([path, *server, *options, str(parts.database)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"pgbench ended with {done.returncode}: {done.stderr[-1000:]}"
        raise RuntimeError(message)
    return done.stdout
