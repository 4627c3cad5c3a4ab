"""The OpenAPI document, generated from the routes, and a page to browse it that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import swagger_ui_bundle
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Response, send_from_directory
from flask_smorest import Api
from werkzeug.routing import BaseConverter, PathConverter, UnicodeConverter

from schemas.fields import REFERENCE_LENGTH_MAX
from schemas.metering import ATTRIBUTE_LENGTH_MAX
from schemas.wire import ProblemDocument
from web import problems
from web.door import guard

BASE = "/api/v1"
CONFIGURATION: dict[str, Any] = {
    "API_TITLE": "Tariffbook",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": BASE,
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {"description": "Pricing and settlement of public data products: quotes, use, bills, books, reports."},
        "servers": [{"url": "/"}],
    },
}
ASSETS = Path(swagger_ui_bundle.swagger_ui_path)
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"

_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tariffbook API</title>
<link rel="stylesheet" href="{BASE}/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{BASE}/docs/assets/swagger-ui-bundle.js"></script>
<script src="{BASE}/docs/start.js"></script>
</body>
</html>
"""
_START = f"""SwaggerUIBundle({{ url: "{BASE}/openapi.json", dom_id: "#swagger-ui", deepLinking: true }});
"""

pages = Blueprint("documentation", __name__)


class ProblemApi(Api):
    """The generator of the document, which says that every error is a problem document of its own media type."""

    def _register_responses(self) -> None:
        described = {status.name: status.phrase for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST}
        for name, description in {**described, "DEFAULT_ERROR": "What went wrong"}.items():
            content = {problems.MEDIA_TYPE: {"schema": ProblemDocument}}
            self.spec.components.response(name, {"description": description, "content": content}, lazy=True)


def describe(api: Api, properties: Callable[..., dict[str, Any]]) -> None:
    """Tell the generator of the document about keys, exact fields and the references in paths."""
    plugin = next(plugin for plugin in api.spec.plugins if isinstance(plugin, MarshmallowPlugin))
    assert plugin.converter is not None  # noqa: S101 - set when the plugin joined the document
    plugin.converter.add_attribute_function(properties)
    api.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    api.register_converter(UnicodeConverter, partial(_named, REFERENCE_LENGTH_MAX))
    api.register_converter(PathConverter, partial(_named, ATTRIBUTE_LENGTH_MAX))


def _named(longest: int, _converter: BaseConverter) -> dict[str, Any]:
    """What the document says of a reference in a path: no object has a longer one."""
    return {"type": "string", "minLength": 1, "maxLength": longest}


def docs_page() -> Response:
    """Show the API page."""
    return _with_policy(Response(_PAGE, mimetype="text/html"))


def docs_start() -> Response:
    """Give the script that starts the API page."""
    return _with_policy(Response(_START, mimetype="text/javascript"))


def docs_asset(name: str) -> Response:
    """Give a file of the packaged API browser."""
    response = send_from_directory(ASSETS, name, max_age=86400)
    response.headers["Cache-Control"] = "public, max-age=86400"
    return _with_policy(response)


def _with_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response


for _rule, _view in (
    ("/docs", docs_page),
    ("/docs/start.js", docs_start),
    ("/docs/assets/<name>", docs_asset),
):
    pages.add_url_rule(f"{BASE}{_rule}", view_func=guard(_view, ("public",)))
