"""What every document of the wire shares: unknown fields are errors; lists have one form; so have problems."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from marshmallow import INCLUDE, RAISE, Schema, fields, validate

from schemas.fields import Count, Cursor, Instant

DIGITS_MAX: Final = 18
"""A number of a query has far fewer digits; more are no number to any of them."""


class Wire(Schema):
    """A document of the wire; a field that it does not know is an error."""

    class Meta:
        """Unknown fields are errors, and members keep the order they are declared in."""

        unknown = RAISE


class Query(Wire):
    """The arguments of a query: text, and no null among it; what is not given is None inside."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Leave null out of what may be sent."""
        field_obj.allow_none = False


class NoQuery(Query):
    """A query without arguments."""


class QueryCount(Count):
    """A whole number in a query, where everything is text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= DIGITS_MAX:
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)


class PageQuery(Query):
    """How much of a list, and from where on."""

    limit = QueryCount(load_default=100, validate=validate.Range(min=1, max=1000))
    cursor = Cursor(load_default=None)


class AsOfQuery(Query):
    """The moment that an answer is as of; the present if not given."""

    as_of = Instant(load_default=None)


class ProblemDocument(Wire):
    """What went wrong, by RFC 9457, with a stable ``code`` and the fields at fault; some codes add facts of theirs."""

    class Meta:
        """Facts are extension members: prices, decision numbers, the state that something is in."""

        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    instance = fields.String(required=True)


@lru_cache
def page_of(item: type[Schema]) -> type[Schema]:
    """Return the schema of a list of items: ``{"items": [...], "next_cursor": ...}``."""
    name = item.__name__.removesuffix("Out")
    return Wire.from_dict(
        {"items": fields.List(fields.Nested(item), required=True), "next_cursor": fields.String(allow_none=True)},
        name=f"{name}Page",
    )
