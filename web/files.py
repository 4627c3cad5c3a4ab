"""Routes that give files: papers that are rendered once and then served from storage, with their hash."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Response
from marshmallow import Schema

from schemas.fields import Choice
from schemas.wire import Query
from store.files import find_file, keep_file
from store.tables import IssuedFile
from web.door import Door, describe, guard, long_call, store

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "svg": "image/svg+xml",
}
BYTES: Final = {"type": "string", "format": "binary"}


class LanguageQuery(Query):
    """The language of a paper."""

    lang = Choice("zh", "en", load_default="zh")


@dataclass(frozen=True)
class Paper:
    """A document that can be rendered: its id, the name of its file without suffix, and how its bytes are made."""

    document_id: str
    name: str
    render: Callable[[], bytes]


def issues(
    door: Door, rule: str, *, form: str, roles: tuple[str, ...], query: type[Schema] = LanguageQuery
) -> Callable[[Callable[..., Paper]], Callable[..., Paper]]:
    """Make a GET route of ``use(unit, query, **path)``, which says what paper the caller may have.

    The first request renders and keeps it, every other is given the same bytes; ``query`` has ``lang``.
    """

    def decorate(use: Callable[..., Paper]) -> Callable[..., Paper]:
        @functools.wraps(use)
        def view(wanted: Mapping[str, Any], **path: Any) -> Response:
            call = long_call(use.__name__)
            with store().reading(call) as unit:
                paper = use(unit, wanted, **path)
                kept = find_file(unit, paper.document_id, form, wanted["lang"])
            if kept is None:
                content = paper.render()
                kept = store().run(call, lambda unit: keep_file(unit, paper.document_id, form, wanted["lang"], content))
            return _response(kept, f"{paper.name}.{form}")

        documented = door.arguments(query, location="query")(view)
        documented = door.response(200, BYTES, content_type=MEDIA_TYPES[form], description="The file")(documented)
        door.route(rule, methods=["GET"])(guard(describe(door, documented, roles), roles))
        return use

    return decorate


def _response(kept: IssuedFile, name: str) -> Response:
    response = Response(kept.content, content_type=MEDIA_TYPES[kept.form])
    response.set_etag(kept.sha256)
    response.headers["X-Content-SHA256"] = kept.sha256
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response
