"""What the service counts of itself: requests by route and status, and how long they took."""

from __future__ import annotations

import os
from time import perf_counter

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

REQUESTS = Counter("tariffbook_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("tariffbook_request_seconds", "Seconds a request took", ["method", "route"])


def count_requests(app: Flask) -> None:
    """Count every request of an application."""
    app.before_request(_start)
    app.after_request(_count)


def exposition() -> bytes:
    """Return the counts of all worker processes in Prometheus' text form."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return generate_latest(registry)


def _start() -> None:
    g.started = perf_counter()


def _count(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "unknown"
    REQUESTS.labels(request.method, route, response.status_code).inc()
    SECONDS.labels(request.method, route).observe(perf_counter() - g.started)
    return response
