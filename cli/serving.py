"""``tariffbook serve``: gunicorn, with as many workers as the database bears."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.util import import_app

from store.settings import CALLS_MAX, Settings

POSTGRESQL_WORKERS = 2
THREADS_SPARE = 4
"""Threads that refuse what is too much, and say how the process is."""
_GARBAGE = (50_000, 20, 20)
"""How much more there is before garbage is looked for: a report of a year holds millions of things that are none."""


class _Server(BaseApplication):
    """Gunicorn with options from here instead of from its own command line."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()  # type: ignore[no-untyped-call]

    def load_config(self) -> None:
        """Hand the options over."""
        for name, value in self.options.items():
            self.cfg.set(name, value)  # type: ignore[union-attr]

    def load(self) -> Any:
        """Make the application, in each worker for itself."""
        application = import_app("app:create_app()")  # type: ignore[no-untyped-call]
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        return application


def _forget_worker(_server: object, worker: Any) -> None:
    # Imported only now: the package decides when it is first imported whether it counts over several processes.
    from prometheus_client import multiprocess  # noqa: PLC0415

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; one on SQLite, which has one writer.")
@click.option("--threads", type=click.IntRange(1, CALLS_MAX), help="Calls in work at once, a process.")
def serve(host: str, port: int, workers: int | None, threads: int | None) -> None:
    """Serve the API."""
    if threads is not None:
        os.environ["TARIFFBOOK_CALLS_IN_WORK_MAX"] = str(threads)
    settings = Settings.from_environment()
    sqlite = settings.database_url.startswith("sqlite")
    if sqlite and workers not in (None, 1):
        raise click.UsageError("SQLite is served by one process; take PostgreSQL for more workers")
    metrics = tempfile.mkdtemp(prefix="tariffbook-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
    options = {
        "bind": f"{host}:{port}",
        "workers": 1 if sqlite else workers or POSTGRESQL_WORKERS,
        # A call that waits holds a thread, asleep; there is always one left to refuse the next.
        "threads": settings.calls_in_work_max + settings.calls_waiting_max + THREADS_SPARE,
        "worker_class": "gthread",
        "control_socket_disable": True,
        "graceful_timeout": 30,
        "timeout": 120,
        "child_exit": _forget_worker,
        "on_exit": lambda _server: shutil.rmtree(metrics, ignore_errors=True),
    }
    _Server(options).run()  # type: ignore[no-untyped-call]
