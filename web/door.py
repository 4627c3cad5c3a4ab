"""The door of the API: each route says who may call it, what it takes and gives, and which use case stands behind.

``writes`` runs a use case in one transaction under the caller's idempotency key; ``reads`` on one snapshot;
``lists`` gives pages of a query. The guard stands outermost: a wrong role is turned away before the body is read.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from flask import Response, current_app, g, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from sqlalchemy import Select
from webargs.flaskparser import FlaskParser

from pricing.errors import Forbidden, NotFound, Unauthenticated, UnsupportedMedia
from registry.keys import authenticate
from schemas.wire import NoQuery, PageQuery, page_of
from store.engine import reader_clock
from store.horizon import advance, settle_as_of
from store.idempotency import KEY_LENGTH_MAX, IdempotencyKeyMissing, claim_of
from store.paging import page
from store.unit import Call, Principal, Store, Unit
from web import problems

PUBLIC = Principal("public")
ROLES_OF_VIEW = "tariffbook_roles"

Use = Callable[..., Any]


class StrictParser(FlaskParser):
    """Reads a request's JSON and query; what a schema does not know is an error everywhere."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012 - webargs' own way to say it


class Door(Blueprint):
    """A blueprint whose routes are guarded and strict."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, module: str, *, url_prefix: str, description: str) -> None:
        super().__init__(name, module, url_prefix=url_prefix, description=description)


def writes(  # noqa: PLR0913 - each says one thing of the route, by its name
    door: Door,
    rule: str,
    *,
    roles: tuple[str, ...],
    answer: type[Schema],
    body: type[Schema] | None = None,
    status: int = 201,
    method: str = "POST",
    keyed: bool = True,
    at_horizon: bool = False,
    read: Callable[[bytes], Any] | None = None,
) -> Callable[[Use], Use]:
    """Make a route of a use case that writes: ``use(unit, body, **path)`` returns its document, or (status, document).

    ``keyed`` routes need an Idempotency-Key. Without ``body`` the use case is called as ``use(unit, **path)``.
    Where a body is too large for its schema, ``read`` opens it instead, and the schema only describes it; the use
    case may then return its document as the bytes of its JSON.
    With ``at_horizon`` the horizon is moved to the present first, for a use case that takes all recorded until then.
    """

    def decorate(use: Use) -> Use:
        @functools.wraps(use)
        def view(*given: Any, **path: Any) -> Response:
            arguments = given[:1] if body is not None else ()
            if read is not None:
                arguments = (read(request.get_data()),)

            def work(unit: Unit) -> tuple[int, bytes]:
                return _worded(use(unit, *arguments, **path), answer, status)

            if at_horizon:
                advance(store())
            return _perform(use.__name__, work, keyed=keyed)

        documented = view
        if keyed:
            documented = door.doc(parameters=[_KEY_PARAMETER])(documented)
        documented = door.arguments(NoQuery, location="query")(documented)
        if read is not None:
            documented = door.doc(requestBody=_json_body(body))(documented)
        elif body is not None:
            documented = door.arguments(body)(documented)
        _open(door, rule, documented, roles, answer, status, method, needs_json=body is not None)
        return use

    return decorate


def reads(
    door: Door, rule: str, *, roles: tuple[str, ...], answer: type[Schema], query: type[Schema] = NoQuery
) -> Callable[[Use], Use]:
    """Make a route of a use case that reads: ``use(unit, query, **path)`` returns a document.

    Where the query has ``as_of``, the use case is given the instant that the books are complete up to.
    """

    def decorate(use: Use) -> Use:
        @functools.wraps(use)
        def view(wanted: Mapping[str, Any], **path: Any) -> Response:
            if "as_of" in wanted:
                wanted = {**wanted, "as_of": settle_as_of(store(), wanted["as_of"])}
            with store().reading(_call(use.__name__)) as unit:
                status, document = _worded(use(unit, wanted, **path), answer, 200)
            return Response(document, status=status, mimetype="application/json")

        documented = door.arguments(query, location="query")(view)
        _open(door, rule, documented, roles, answer, 200, "GET", needs_json=False)
        return use

    return decorate


def lists(
    door: Door,
    rule: str,
    *,
    roles: tuple[str, ...],
    item: type[Schema],
    key: Any,
    document: Callable[[Unit, Any], Any],
    query: type[Schema] = PageQuery,
) -> Callable[[Callable[..., Select[Any]]], Callable[..., Select[Any]]]:
    """Make a route that gives pages of what ``visible(unit, query)`` selects, in the order of ``key``.

    ``query`` is PageQuery or a child of it that adds filters.
    """

    def decorate(visible: Callable[..., Select[Any]]) -> Callable[..., Select[Any]]:
        def list_page(unit: Unit, wanted: Mapping[str, Any], **path: Any) -> Mapping[str, Any]:
            rows, following = page(unit, visible(unit, wanted, **path), key, wanted["limit"], wanted["cursor"])
            return {"items": [document(unit, row) for row in rows], "next_cursor": following}

        list_page.__name__, list_page.__doc__ = visible.__name__, visible.__doc__
        reads(door, rule, roles=roles, answer=page_of(item), query=query)(list_page)
        return visible

    return decorate


def store() -> Store:
    """Return the store of the running application."""
    found: Store = current_app.extensions["tariffbook"]
    return found


def guard(view: Callable[..., Any], roles: tuple[str, ...], *, needs_json: bool = False) -> Callable[..., Any]:
    """Return the view behind its guard: a key of one of the roles; ``public`` needs none."""

    @functools.wraps(view)
    def guarded(*given: Any, **path: Any) -> Any:
        g.principal = PUBLIC if "public" in roles else _admit(roles)
        if needs_json and request.mimetype != "application/json":
            raise UnsupportedMedia(
                f"this route reads application/json, not {request.mimetype or 'a body without type'}"
            )
        if any("\0" in str(value) for value in path.values()):
            raise NotFound("nothing has a name with the character NUL in it, which no column holds")
        return view(*given, **path)

    setattr(guarded, ROLES_OF_VIEW, frozenset(roles))
    return guarded


def _open(
    door: Door,
    rule: str,
    view: Callable[..., Any],
    roles: tuple[str, ...],
    answer: type[Schema],
    status: int,
    method: str,
    *,
    needs_json: bool,
) -> None:
    documented = door.response(status, answer)(view)
    documented = door.doc(
        security=[] if "public" in roles else [{"key": []}],
        description=f"{(view.__doc__ or '').strip()}\n\nFor: {', '.join(roles)}.",
    )(documented)
    door.route(rule, methods=[method])(guard(documented, roles, needs_json=needs_json))


def _admit(roles: tuple[str, ...]) -> Principal:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated("this route needs a key: send the header Authorization: Bearer <key>")
    with store().engine.connect() as connection:
        offset = connection.exec_driver_sql("SELECT clock_offset_us FROM instance").scalar_one()
        principal = authenticate(connection, text.strip(), reader_clock(connection) + timedelta(microseconds=offset))
    if principal.role not in roles:
        raise Forbidden(f"this is for {', '.join(roles)}; the key is {principal.role}'s")
    return principal


def _call(action: str) -> Call:
    return Call(g.principal, action, g.request_id)


def _perform(action: str, work: Callable[[Unit], tuple[int, bytes]], *, keyed: bool) -> Response:
    call = _call(action)
    if not keyed:
        status, body = store().run(call, work)
        return Response(body, status=status, mimetype="application/json")
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key or len(key) > KEY_LENGTH_MAX:
        raise IdempotencyKeyMissing(
            f"send the header Idempotency-Key, 1 to {KEY_LENGTH_MAX} characters of your own that name this request"
        )
    claim = claim_of(key, call.principal, request.method, request.full_path, request.get_data())
    answered = store().answer(call, claim, work, problems.wording)
    failed = answered.status >= 400  # noqa: PLR2004 - the first of the client errors
    response = (
        problems.respond(answered.status, answered.body)
        if failed
        else Response(answered.body, status=answered.status, mimetype="application/json")
    )
    if answered.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _worded(result: Any, answer: type[Schema], status: int) -> tuple[int, bytes]:
    if isinstance(result, tuple):
        status, result = result
    if isinstance(result, bytes):
        return status, result
    return status, json.dumps(answer().dump(result), ensure_ascii=False).encode()


def _json_body(schema: type[Schema] | None) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_KEY_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "description": "A text of your own that names this request: sent again, it gets the same answer, once done.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
}
