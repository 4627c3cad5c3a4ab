"""Whether the process lives, whether it may serve, and its metrics; at the root, outside the API."""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError

from migrations.schema import is_current
from web.door import guard, store

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
    """Give the metrics of this process in Prometheus' text form."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _said(status: HTTPStatus, text: str) -> Response:
    return Response(json.dumps({"status": text}), status=status, mimetype="application/json")


for _rule, _view in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
    health.add_url_rule(_rule, view_func=guard(_view, ("public",)))
