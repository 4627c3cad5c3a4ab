"""Whether the process lives, whether it may serve, and its metrics; at the root, outside the API."""

from __future__ import annotations

import json
from http import HTTPStatus
from ipaddress import ip_address

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import DBAPIError

from migrations.schema import is_current
from web.door import guard, store
from web.metrics import exposition

health = Blueprint("health", __name__)


def healthz() -> Response:
    """Say that the process answers."""
    return _said(HTTPStatus.OK, "ok")


def readyz() -> Response:
    """Say whether the database is reached and its schema is the one this program was written for."""
    try:
        with store().engine.connect() as connection:
            current = is_current(connection)
    except DBAPIError:
        return _said(HTTPStatus.SERVICE_UNAVAILABLE, "the database is not reached")
    if not current:
        return _said(HTTPStatus.SERVICE_UNAVAILABLE, "the schema is not current: run tariffbook migrate")
    return _said(HTTPStatus.OK, "ready")


def metrics() -> Response:
    """Give the metrics in Prometheus' text form, to a caller on this machine only."""
    if not ip_address(request.remote_addr or "::").is_loopback:
        abort(HTTPStatus.NOT_FOUND)
    return Response(exposition(), content_type=CONTENT_TYPE_LATEST)


def _said(status: HTTPStatus, text: str) -> Response:
    return Response(json.dumps({"status": text}), status=status, mimetype="application/json")


for _rule, _view in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
    health.add_url_rule(_rule, view_func=guard(_view, ("public",)))
