"""The door of the API: each route says who may call it, what it takes and gives, and which use case stands behind.

``writes`` runs a use case in one transaction under the caller's idempotency key; ``reads`` on one snapshot;
``lists`` gives pages of a query, and ``asks`` is a question with a body. The guard stands outermost: a wrong role is
turned away before the body is read.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from flask import Request, Response, current_app, g, request, stream_with_context
from flask_smorest import Blueprint
from gunicorn.http.errors import ParseException
from marshmallow import RAISE, Schema, ValidationError
from sqlalchemy import Select
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import ClientDisconnected

from pricing.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    Problem,
    Refusal,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
    shown,
)
from registry.keys import authenticate
from schemas.json_text import read_json
from schemas.wire import NoQuery, PageQuery, page_of
from store.horizon import advance, settle_as_of
from store.idempotency import (
    KEY_LENGTH_MAX,
    Answer,
    Claim,
    IdempotencyKeyMalformed,
    IdempotencyKeyMissing,
    claim_of,
)
from store.paging import page
from store.unit import Asked, Call, Principal, Store, Together, Unit
from web import problems
from web.admission import spend

PUBLIC = Principal("public")
_STREAMED_CHARACTERS = 65_536
"""A stream is sent in parts of about so many characters."""
_FORM = "multipart/form-data"
FILE_BYTES_MAX = 64 * 1024 * 1024
"""What the document says of a file; how much a body may have is a setting, and less."""
ROLES_OF_VIEW = "tariffbook_roles"
KEY_PATTERN = rf"^[!-~]([ -~]{{0,{KEY_LENGTH_MAX - 2}}}[!-~])?$"

Use = Callable[..., Any]


@dataclass(frozen=True)
class Crowded:
    """A use case whose calls may be served several at once: which bodies it ``takes``, and how it serves them."""

    takes: Callable[[Any], bool]
    together: Together


class StrictParser(FlaskParser):
    """Reads a request's JSON and query; what a schema does not know is an error everywhere."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012 - webargs' own way to say it

    def _raw_load_json(self, req: Request) -> Any:
        return read_json(_body())

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Return the arguments of the query; one given twice is an error, for only one of the two can be meant."""
        twice = [name for name, values in req.args.lists() if len(values) > 1]
        if twice:
            raise ValidationError({name: ["Given more than once."] for name in twice})
        return super().load_querystring(req, schema)


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
    repeats: bool = False,
    prepare: Use | None = None,
    read: Callable[[bytes], Any] | None = None,
    crowd: Crowded | None = None,
) -> Callable[[Use], Use]:
    """Make a route of a use case that writes: ``use(unit, body, **path)`` returns its document, or (status, document).

    ``keyed`` routes need an Idempotency-Key. Without ``body`` the use case is called as ``use(unit, **path)``.
    One that ``repeats`` answers 200 with what it made before, where the same is asked for again.
    Where a body is too large for its schema, ``read`` opens it instead, and the schema only describes it; the use
    case may then return its document as the bytes of its JSON.
    Small bodies of a route with a ``crowd`` that come at the same time are served in one transaction.
    ``prepare(unit, body, **path)`` does the long work first, on a snapshot at the horizon, which is moved to the
    present; the use case is given its result after the body.
    """

    def decorate(use: Use) -> Use:
        @functools.wraps(use)
        def view(*given: Any, **path: Any) -> Response:
            arguments = given[:1] if body is not None else ()
            if body is None:
                _require_no_body()
            if read is not None:
                arguments = (read(_body()),)

            if keyed and prepare is not None:
                _idempotency_key()  # before the long work, which nobody could ask for again
            ready = _prepared(prepare, use.__name__, arguments, path)

            def work(unit: Unit) -> tuple[int, bytes]:
                return _worded(use(unit, *ready(), **path), answer, status)

            if crowd is not None and crowd.takes(arguments[0]):
                return _perform_among(crowd, use.__name__, arguments[0], work)
            return _perform(use.__name__, work, keyed=keyed)

        documented = _taking(door, view, body, keyed=keyed, loads=read is None)
        documented = door.response(status, answer)(documented)
        if repeats:
            documented = door.alt_response(200, schema=answer, description="It was there", success=True)(documented)
        _open(door, rule, documented, roles, method, needs_json=body is not None, refuses=True)
        return use

    return decorate


def _prepared(
    prepare: Use | None, action: str, arguments: tuple[Any, ...], path: Mapping[str, Any]
) -> Callable[[], tuple[Any, ...]]:
    """Do the long work of a use case, if it has any; return what gives its arguments.

    A refusal is raised only by that: under the key and in the transaction of the work, whose outcome it is.
    """
    if prepare is None:
        return lambda: arguments
    advance(store())
    try:
        with store().reading(long_call(action), fresh=True) as unit:
            result = prepare(unit, *arguments, **path)
    except (Conflict, Refusal) as problem:
        return functools.partial(_refuse, problem)
    return lambda: (*arguments, result)


def _refuse(problem: Problem) -> tuple[Any, ...]:
    raise problem


def reads(
    door: Door,
    rule: str,
    *,
    roles: tuple[str, ...],
    answer: type[Schema],
    query: type[Schema] = NoQuery,
    refuses: bool = False,
) -> Callable[[Use], Use]:
    """Make a route of a use case that reads: ``use(unit, query, **path)`` returns a document.

    Where the query has ``as_of``, the use case is given the instant that the books are complete up to. One that
    ``refuses`` may end in a conflict or refusal, as those that write do.
    """

    def decorate(use: Use) -> Use:
        @functools.wraps(use)
        def view(wanted: Mapping[str, Any], **path: Any) -> Response:
            if "as_of" in wanted:
                wanted = {**wanted, "as_of": settle_as_of(store(), wanted["as_of"])}
            with store().reading(long_call(use.__name__)) as unit:
                status, document = _worded(use(unit, wanted, **path), answer, 200)
            return Response(document, status=status, mimetype="application/json")

        documented = door.arguments(query, location="query")(view)
        refusable = refuses or "as_of" in query().fields
        documented = door.response(200, answer)(documented)
        _open(door, rule, documented, roles, "GET", needs_json=False, refuses=refusable)
        return use

    return decorate


def asks(
    door: Door, rule: str, *, roles: tuple[str, ...], body: type[Schema], answer: type[Schema], is_long: bool = False
) -> Callable[[Use], Use]:
    """Make a route of a use case that is asked by POST and moves nothing: ``use(unit, body)`` returns its document.

    It needs no Idempotency-Key, leaves nothing in the log, and is never answered by a replica. One that ``is_long``
    has the time of a report.
    """

    def decorate(use: Use) -> Use:
        @functools.wraps(use)
        def view(given: Any, _query: Any) -> Response:
            call = long_call if is_long else _call
            with store().reading(call(use.__name__), fresh=True) as unit:
                status, document = _worded(use(unit, given), answer, 200)
            return Response(document, status=status, mimetype="application/json")

        documented = door.response(200, answer)(_taking(door, view, body, keyed=False, loads=True))
        _open(door, rule, documented, roles, "POST", needs_json=True, refuses=True)
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


def takes_file(
    door: Door,
    rule: str,
    *,
    roles: tuple[str, ...],
    media_types: tuple[str, ...],
    read: Callable[[bytes, str], Any],
    answer: type[Schema],
    query: type[Schema] = NoQuery,
) -> Callable[[Use], Use]:
    """Make a POST route of a use case that takes a file: ``use(unit, query, what was read)``.

    The file is the body itself, of one of the media types, or the one part ``file`` of a form; ``read`` opens it before
    any transaction begins.
    """

    def decorate(use: Use) -> Use:
        @functools.wraps(use)
        def view(wanted: Mapping[str, Any]) -> Response:
            content, media_type = _file(media_types)
            found = read(content, media_type)

            def work(unit: Unit) -> tuple[int, bytes]:
                return _worded(use(unit, wanted, found), answer, 201)

            call = long_call(use.__name__)
            claim = claim_of(_idempotency_key(), call.principal, request.method, request.full_path, content)
            return _answered(store().answer(call, claim, work, problems.wording))

        documented = door.arguments(query, location="query")(view)
        documented = door.doc(parameters=[_KEY_PARAMETER], requestBody=_file_body(media_types))(documented)
        documented = door.response(201, answer)(documented)
        documented = describe(door, documented, roles, reads_json=True, refuses=True)
        door.route(rule, methods=["POST"])(guard(documented, roles))
        return use

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
        spend(g.principal)
        if needs_json:
            _require_json()
        if any("\0" in str(value) for value in path.values()):
            raise NotFound("nothing has a name with the character NUL in it, which no column holds")
        return view(*given, **path)

    setattr(guarded, ROLES_OF_VIEW, frozenset(roles))
    return guarded


def describe(
    door: Door, view: Callable[..., Any], roles: tuple[str, ...], *, reads_json: bool = False, refuses: bool = False
) -> Callable[..., Any]:
    """Return the view with what its document says beside its schemas: whom it is for, and how it can fail."""
    is_public = "public" in roles
    failures = [HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE]
    if not is_public:
        failures += [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS]
    if reads_json:
        failures += [HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE]
    if refuses:
        failures += [HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY]
    for failure in failures:
        view = door.alt_response(failure.value, failure.name)(view)
    described: Callable[..., Any] = door.doc(
        security=[] if is_public else [{"key": []}],
        description=f"{(view.__doc__ or '').strip()}\n\nFor: {', '.join(roles)}.",
    )(view)
    return described


def _taking(
    door: Door, view: Callable[..., Any], body: type[Schema] | None, *, keyed: bool, loads: bool
) -> Callable[..., Any]:
    """Return the view with what it takes, told in the document; it is given the body where the schema ``loads`` it."""
    if keyed:
        view = door.doc(parameters=[_KEY_PARAMETER])(view)
    view = door.arguments(NoQuery, location="query")(view)
    if body is not None:
        view = door.arguments(body)(view) if loads else door.doc(requestBody=_json_body(body))(view)
    return view


def _open(
    door: Door,
    rule: str,
    view: Callable[..., Any],
    roles: tuple[str, ...],
    method: str,
    *,
    needs_json: bool,
    refuses: bool,
) -> None:
    documented = describe(door, view, roles, reads_json=needs_json, refuses=refuses)
    door.route(rule, methods=[method])(guard(documented, roles, needs_json=needs_json))


def _admit(roles: tuple[str, ...]) -> Principal:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated("this route needs a key: send the header Authorization: Bearer <key>")
    with store().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        principal = authenticate(connection, text.strip())
    if principal.role not in roles:
        raise Forbidden(f"this is for {', '.join(roles)}; the key is {principal.role}'s")
    return principal


def _require_json() -> None:
    """Refuse what is not JSON, or is said to be in an encoding that JSON does not travel in."""
    if request.mimetype != "application/json":
        raise UnsupportedMedia(f"this route reads application/json, not {request.mimetype or 'a body without type'}")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia(f"JSON is read as UTF-8, not as {shown(charset)}")
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise UnsupportedMedia(f"a body is read as it is, not in the coding {shown(coding)}")


def _body() -> bytes:
    """Return the body; one sent in chunks breaks off at the limit, so that one as long as the limit is not whole."""
    try:
        body = request.get_data()
    except (ClientDisconnected, ParseException) as fault:
        message = "the body does not arrive as its headers announce it"
        raise Malformed(message, errors={"body": [message]}) from fault
    if request.content_length is None and len(body) >= current_app.config["MAX_CONTENT_LENGTH"]:
        raise TooLarge("the body is larger than this service takes; send it in parts")
    return body


def _file(media_types: tuple[str, ...]) -> tuple[bytes, str]:
    """Return the bytes of the file that the request carries, and their type."""
    content, media_type = _body(), request.mimetype
    if media_type == _FORM:
        parts = request.files.getlist("file")
        if len(parts) != 1 or len(request.files) != 1 or request.form:
            message = "a form has one part, the file, named file"
            raise Malformed(message, errors={"file": [message]})
        content, media_type = parts[0].read(), parts[0].mimetype
    if media_type not in media_types:
        raise UnsupportedMedia(f"this route reads {', '.join(media_types)}, not {media_type or 'a file without type'}")
    return content, media_type


def _require_no_body() -> None:
    """Refuse members that a route would not read; nothing, and an object without members, say nothing."""
    body = _body()
    if body.strip() and read_json(body) != {}:
        message = "this route takes no body; leave it out, or send an object without members"
        raise Malformed(message, errors={"body": [message]})


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise IdempotencyKeyMissing("send the header Idempotency-Key, a text of your own that names this request")
    if re.fullmatch(KEY_PATTERN, key) is None:
        raise IdempotencyKeyMalformed(
            f"the idempotency key {shown(key)} is not 1 to {KEY_LENGTH_MAX} letters, digits and signs of ASCII"
        )
    return key


def _call(action: str) -> Call:
    """Return the call that this request is; one that writes has less time than one that reads."""
    return Call(g.principal, action, g.request_id, store().settings.post_seconds_max)


def long_call(action: str) -> Call:
    """Return the call that this request is, with the time of a report."""
    return replace(_call(action), seconds_max=store().settings.report_seconds_max)


def streamed(action: str, pieces: Callable[[Unit], Iterator[str]], media_type: str) -> Response:
    """Answer with a stream of what a use case gives piece by piece; each part of it has the time of a report.

    What cannot be finished in that time ends the answer half way: the client sees that its end is missing.
    """
    call = long_call(action)

    def parts() -> Iterator[str]:
        with store().reading(call) as unit:
            for part in _parts(pieces(unit)):
                yield part
                unit.renew_deadline()

    return Response(stream_with_context(parts()), mimetype=media_type)


def _parts(pieces: Iterable[str]) -> Iterator[str]:
    """Put pieces together to parts that are worth sending."""
    part: list[str] = []
    size = 0
    for piece in pieces:
        part.append(piece)
        size += len(piece)
        if size >= _STREAMED_CHARACTERS:
            yield "".join(part)
            part, size = [], 0
    if part:
        yield "".join(part)


def _perform(action: str, work: Callable[[Unit], tuple[int, bytes]], *, keyed: bool) -> Response:
    call = _call(action)
    if not keyed:
        status, body = store().run(call, work)
        return Response(body, status=status, mimetype="application/json")
    return _answered(store().answer(call, _claim(call), work, problems.wording))


def _perform_among(crowd: Crowded, action: str, given: Any, work: Callable[[Unit], tuple[int, bytes]]) -> Response:
    call = _call(action)
    asked = Asked(call, _claim(call), given, work, problems.wording)
    return _answered(store().answer_among(action, asked, crowd.together))


def _claim(call: Call) -> Claim:
    return claim_of(_idempotency_key(), call.principal, request.method, request.full_path, _body())


def _answered(answered: Answer) -> Response:
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
    return status, json.dumps(_writer(answer).dump(result), ensure_ascii=False).encode()


@functools.cache
def _writer(schema: type[Schema]) -> Schema:
    """Return the one instance of a schema that writes: making it anew costs more than what it writes."""
    return schema()


def _json_body(schema: type[Schema] | None) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _file_body(media_types: tuple[str, ...]) -> dict[str, Any]:
    file = {"type": "string", "format": "binary", "maxLength": FILE_BYTES_MAX}
    form = {"type": "object", "properties": {"file": file}, "required": ["file"], "additionalProperties": False}
    content = {media_type: {"schema": file} for media_type in media_types}
    return {"required": True, "content": {**content, _FORM: {"schema": form}}}


_KEY_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "description": "A text of your own that names this request: sent again, it gets the same answer, once done.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": KEY_PATTERN},
}
