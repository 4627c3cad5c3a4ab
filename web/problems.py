"""The one table of error → status, and the problem document (RFC 9457) that says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from pricing import errors
from store.faults import unavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
FAULTS_MAX = 100
PATH_LENGTH_MAX = 200

STATUS: dict[type[errors.Problem], HTTPStatus] = {
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.Refusal: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_log = structlog.get_logger()


def status_of(problem: errors.Problem) -> HTTPStatus:
    """Return the status of a problem: that of the branch of the tree it grows on."""
    return next(status for branch, status in STATUS.items() if isinstance(problem, branch))


def wording(problem: errors.Problem) -> tuple[int, bytes]:
    """Return the status and the bytes of a problem's document."""
    status = status_of(problem)
    return status, _document(status, problem.code, problem.detail, problem.errors, problem.facts)


def answer(problem: errors.Problem) -> Response:
    """Return the response that tells a problem."""
    response = respond(*wording(problem))
    if isinstance(problem, errors.TooMany):
        response.headers["Retry-After"] = str(problem.facts["retry_after_seconds"])
    return response


def respond(status: int, body: bytes) -> Response:
    """Return a response with a problem's document."""
    response = Response(body, status=status, mimetype=MEDIA_TYPE)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def handle_problems(app: Flask) -> None:
    """Make every error of the application end in a problem document."""
    app.register_error_handler(errors.Problem, answer)
    app.register_error_handler(HTTPException, _http_answer)
    app.register_error_handler(SQLAlchemyError, _database_answer)
    app.register_error_handler(Exception, _fault_answer)


def _document(
    status: HTTPStatus,
    code: str,
    detail: str,
    faults: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> bytes:
    document: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "instance": getattr(g, "request_id", None) or "",
    }
    if faults:
        document["errors"] = faults
    text = json.dumps({**(facts or {}), **document}, ensure_ascii=False, default=str)
    # half of a surrogate pair, quoted from a request, becomes the escape that JSON has for it
    return text.encode(errors="backslashreplace")


def _http_answer(fault: HTTPException) -> Response:
    status = HTTPStatus(fault.code or 500)
    messages = getattr(fault, "data", {}).get("messages") if hasattr(fault, "data") else None
    if messages is not None:
        return answer(malformed(messages))
    code = status.phrase.lower().replace(" ", "_").replace("-", "_")
    detail = fault.description or status.phrase
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        code, detail = "too_large", "the body is larger than this service takes; send it in parts"
    response = respond(status, _document(status, code, detail))
    for name, value in fault.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def malformed(messages: Mapping[str, Any]) -> errors.Malformed:
    """Return the problem of a document that does not fit its schema: the fields at fault, by their paths.

    Of very many faults the first are told: the answer to a hostile body is no larger than others.
    """
    faults: dict[str, list[str]] = {}
    for location, found in messages.items():
        _flatten(found, "" if location in ("json", "query", "path") else location, faults)
    told = {path[:PATH_LENGTH_MAX]: faults[path][:FAULTS_MAX] for path in list(faults)[:FAULTS_MAX]}
    rest = f", and {len(faults) - FAULTS_MAX} more" if len(faults) > FAULTS_MAX else ""
    fields = ", ".join(sorted(told)) or "body"
    return errors.Malformed(f"not well formed: {fields}{rest}", errors=told)


def _flatten(found: Any, path: str, faults: dict[str, list[str]]) -> None:
    if isinstance(found, Mapping):
        for name, inner in found.items():
            _flatten(inner, _inner_path(path, str(name)), faults)
    elif isinstance(found, list):
        faults.setdefault(path, []).extend(str(message) for message in found)
    else:
        faults.setdefault(path, []).append(str(found))


def _inner_path(path: str, name: str) -> str:
    """Return the path of a member; what is wrong with the whole of something is told under its own path."""
    if name == "_schema":
        return path or "body"
    return f"{path}.{name}" if path else name


def _database_answer(fault: SQLAlchemyError) -> Response:
    """A fault of the database: the client may send it again under the same key, for nothing was kept."""
    _log.error("database fault", error=str(fault), request_id=getattr(g, "request_id", None), exc_info=fault)
    problem = unavailable(fault)
    if problem is not None:
        return answer(problem)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return respond(status, _document(status, "database_fault", "the database failed; nothing was kept, send it again"))


def _fault_answer(fault: Exception) -> Response:
    _log.error("fault", request_id=getattr(g, "request_id", None), exc_info=fault)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return respond(status, _document(status, "internal_error", "the service failed; nothing was kept, send it again"))
