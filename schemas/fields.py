"""Fields of the wire: text of one exact form in, values of the domain out, and back.

Money, prices and quantities are text: a JSON number is refused, for a client's float may already have lost a fen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from marshmallow import fields, validate
from marshmallow.exceptions import ValidationError

from pricing import money, period
from pricing.errors import Malformed

T = TypeVar("T")
CODE_PATTERN = r"^\w[\w.\-]{0,63}$"
TEXT_MAX = 2000
BUSINESS_ZONE = ZoneInfo(period.BUSINESS_TIMEZONE_DEFAULT)


class _Exact(fields.Field[T]):
    """A value that travels as text; ``parse`` and ``write`` are each other's inverse."""

    what = "text"
    bounds: tuple[object, object] = (None, None)

    def __init__(
        self, *, at_least: T | None = None, above: T | None = None, at_most: T | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.at_least, self.above, self.at_most = at_least, above, at_most

    def parse(self, text: str) -> T:
        """Return the value that a text says; raises Malformed."""
        raise NotImplementedError

    def write(self, value: T) -> str:
        """Return the text that says a value."""
        raise NotImplementedError

    def _serialize(self, value: T | str | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        """Write a value; what a frozen document holds is the text already."""
        return value if value is None or isinstance(value, str) else self.write(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> T:
        if not isinstance(value, str):
            raise ValidationError(f"{value!r} is a JSON {_kind(value)}; give {self.what} as text in quotes")
        try:
            parsed = self.parse(value)
        except Malformed as fault:
            raise ValidationError(fault.detail) from fault
        self._require_bounds(parsed)
        return parsed

    def _require_bounds(self, value: Any) -> None:
        if self.at_least is not None and value < self.at_least:
            raise ValidationError(f"{self.write(value)} is below {self.write(self.at_least)}, the least allowed")
        if self.above is not None and value <= self.above:
            raise ValidationError(f"{self.write(value)} is not above {self.write(self.above)}")
        if self.at_most is not None and value > self.at_most:
            raise ValidationError(f"{self.write(value)} is above {self.write(self.at_most)}, the most allowed")


def _kind(value: object) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", list: "array", dict: "object", type(None): "null"}
    return kinds.get(type(value), "value")


class Money(_Exact[int]):
    """An amount in yuan with two places on the wire (``"10.00"``), fen inside."""

    what = 'an amount such as "10.00"'

    def parse(self, text: str) -> int:
        """Return fen."""
        return money.parse_money(text)

    def write(self, value: int) -> str:
        """Return yuan with two places."""
        return money.format_money(value)


class Quantity(_Exact[int]):
    """A quantity with up to six places on the wire, millionths inside."""

    what = 'a quantity such as "100" or "0.5"'

    def parse(self, text: str) -> int:
        """Return millionths."""
        return money.parse_quantity(text)

    def write(self, value: int) -> str:
        """Return the quantity without trailing zeros."""
        return money.format_quantity(value)


class UnitPrice(_Exact[Decimal]):
    """A price per unit in yuan, up to eight places."""

    what = 'a unit price such as "0.0005"'

    def parse(self, text: str) -> Decimal:
        """Return yuan per unit."""
        return money.parse_unit_price(text)

    def write(self, value: Decimal) -> str:
        """Return yuan per unit with two places or more."""
        return money.format_unit_price(value)


class Rate(_Exact[Decimal]):
    """An exact rate or percentage."""

    what = 'a rate such as "2.20"'

    def parse(self, text: str) -> Decimal:
        """Return the decimal with the digits given."""
        return money.parse_rate(text)

    def write(self, value: Decimal) -> str:
        """Return plain decimal notation, with the digits given."""
        return format(value, "f")


class Day(_Exact[date]):
    """A business day (``"2026-03-31"``)."""

    what = 'a date such as "2026-03-31"'

    def parse(self, text: str) -> date:
        """Return the day."""
        return period.parse_day(text)

    def write(self, value: date) -> str:
        """Return ISO 8601."""
        return value.isoformat()


class MonthField(_Exact[period.Month]):
    """A business month (``"2026-03"``)."""

    what = 'a month such as "2026-03"'

    def parse(self, text: str) -> period.Month:
        """Return the month."""
        return period.Month.parse(text)

    def write(self, value: period.Month) -> str:
        """Return year and month."""
        return str(value)


class Instant(_Exact[datetime]):
    """A moment by RFC 3339, with its offset."""

    what = 'an instant such as "2026-03-31T23:59:59+08:00"'

    def parse(self, text: str) -> datetime:
        """Return the moment, aware."""
        return period.parse_instant(text)

    def write(self, value: datetime) -> str:
        """Return the moment at the business time zone's offset."""
        return period.format_instant(value, BUSINESS_ZONE)


class Words(fields.String):
    """Text of bounded length, blanks around it removed, not empty unless said."""

    def __init__(self, *, longest: int = TEXT_MAX, empty: bool = False, **kwargs: Any) -> None:
        length = validate.Length(min=0 if empty else 1, max=longest)
        given = kwargs.pop("validate", [])
        validators = [length, _printable, *([given] if callable(given) else given)]
        super().__init__(validate=validators, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return str(super()._deserialize(value, attr, data, **kwargs)).strip()


def _printable(text: str) -> None:
    """Refuse control characters and lone surrogates, which no database or paper keeps; line breaks are text."""
    for character in text:
        if (character < " " and character not in "\n\t") or character == "\x7f" or "\ud800" <= character <= "\udfff":
            raise ValidationError(f"the character {character!r} is not text")


class Code(Words):
    """A code that a client gives: letters, digits, ``_``, ``-`` and ``.``, 64 at most."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            longest=64,
            validate=validate.Regexp(
                CODE_PATTERN, error="{input} is no code; use up to 64 letters, digits, '_', '-' and '.'"
            ),
            **kwargs,
        )


class Ref(Words):
    """A reference: an id, or the code of something that has one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=128, **kwargs)


class Choice(fields.String):
    """One of a few words."""

    def __init__(self, *choices: str, **kwargs: Any) -> None:
        message = "{input} is not one of: " + ", ".join(choices)
        super().__init__(validate=validate.OneOf(choices, error=message), **kwargs)


class YesNo(fields.Boolean):
    """true or false, and nothing that only looks like it."""

    truthy = {True}  # noqa: RUF012 - marshmallow's own way to say it
    falsy = {False}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError(f"{value!r} is neither true nor false")
        return value


class Count(fields.Integer):
    """A whole number; no text, no fraction."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError(f"{value!r} is not a whole number")
        return super()._deserialize(value, attr, data, **kwargs)


WIRE_FORMS: Mapping[type[fields.Field[Any]], tuple[str, str]] = {
    Money: (r"^-?\d{1,11}\.\d{2}$", "10.00"),
    Quantity: (r"^\d{1,10}(\.\d{1,6})?$", "100"),
    UnitPrice: (r"^\d{1,11}(\.\d{1,8})?$", "0.50"),
    Rate: (r"^-?\d{1,9}(\.\d{1,9})?$", "2.20"),
    Day: (r"^\d{4}-\d{2}-\d{2}$", "2026-03-31"),
    MonthField: (r"^\d{4}-\d{2}$", "2026-03"),
    Instant: ("", "2026-03-31T23:59:59+08:00"),
}
"""Pattern and example of each exact field, for the OpenAPI document."""


def openapi_properties(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """Return what the OpenAPI document says of an exact field: a string, its pattern, an example."""
    form = WIRE_FORMS.get(type(field))
    if form is None:
        return {}
    pattern, example = form
    described: dict[str, Any] = {"type": ["string", "null"] if field.allow_none else "string", "example": example}
    if isinstance(field, Day):
        described["format"] = "date"
    elif isinstance(field, Instant):
        described["format"] = "date-time"
    else:
        described["pattern"] = pattern
    return described
