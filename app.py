"""The composition root: puts store, routes and error answers together; nothing imports this module."""

from __future__ import annotations

import uuid

from flask import Flask, Response, g, request

from schemas import fields
from store.logs import write_json_lines
from store.settings import Settings
from store.unit import Store
from web import api as routes
from web import documentation, problems
from web.admission import admit_calls
from web.health import health
from web.metrics import count_requests

REQUEST_ID_LENGTH_MAX = 128


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application for these settings (those of the environment if not given)."""
    settings = settings or Settings.from_environment()
    settings.law  # noqa: B018 - law with a fault is told before anything is served
    write_json_lines()
    app = Flask(__name__, static_folder=None)
    app.config.update(documentation.CONFIGURATION, MAX_CONTENT_LENGTH=settings.body_bytes_max)
    app.url_map.merge_slashes = False  # a path is as it is written: no redirection to where another host leads
    app.extensions["tariffbook"] = Store(settings)
    app.before_request(_name_request)
    count_requests(app)
    admit_calls(app, settings)
    app.after_request(_add_headers)
    api = documentation.ProblemApi(app)
    documentation.describe(api, fields.openapi_properties)
    for door in routes.DOORS:
        api.register_blueprint(door, url_prefix=f"{documentation.BASE}{door.url_prefix}")
    app.register_blueprint(documentation.pages)
    app.register_blueprint(health)
    problems.handle_problems(app)
    return app


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    usable = given.isascii() and given.isprintable() and 0 < len(given) <= REQUEST_ID_LENGTH_MAX
    g.request_id = given if usable else f"urn:uuid:{uuid.uuid4()}"


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("X-Request-Id", g.get("request_id", ""))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    return response
