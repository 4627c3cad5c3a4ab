"""Fields of the wire: text of one exact form in, values of the domain out, and back.

Money, prices and quantities are text: a JSON number is refused, for a client's float may already have lost a fen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from marshmallow import fields, validate
from marshmallow.exceptions import ValidationError

from pricing import money, period
from pricing.document import NOT_TEXT
from pricing.errors import Malformed, shown

T = TypeVar("T")
CODE_LENGTH_MAX = 64
REFERENCE_LENGTH_MAX = 128
TEXT_MAX = 2000
BUSINESS_ZONE = ZoneInfo(period.BUSINESS_TIMEZONE_DEFAULT)


class _Exact(fields.Field[T]):
    """A value that travels as text; ``parse`` and ``write`` are each other's inverse."""

    what = "text"

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
            raise ValidationError(f"{shown(value)} is a JSON {_kind(value)}; give {self.what} as text in quotes")
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


class TotalQuantity(Quantity):
    """A sum of quantities, which may be larger than any one of them."""


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

    strips = True

    def __init__(self, *, longest: int = TEXT_MAX, empty: bool = False, **kwargs: Any) -> None:
        self.longest, self.empty = longest, empty
        given = kwargs.pop("validate", [])
        length = validate.Length(min=0 if empty else 1, max=longest)
        super().__init__(validate=[length, *([given] if callable(given) else given)], **kwargs)

    @property
    def pattern(self) -> str:
        """What the text looks like, as the OpenAPI document says it."""
        return f"^[^{_CONTROLS}]*$" if self.empty else f"^[^{_CONTROLS}]*[^\\s{_CONTROLS}][^{_CONTROLS}]*$"

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if len(text) > self.longest:
            raise ValidationError(f"Longer than maximum length {self.longest}.")
        if (found := NOT_TEXT.search(text)) is not None:
            raise ValidationError(f"the character {found[0]!r} is not text")
        return text.strip() if self.strips else text


_CONTROLS = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f"
"""The control characters of NOT_TEXT, as patterns of JSON Schema spell them."""


_CODE_SIGNS = r"A-Za-z0-9_\u3400-\u4dbf\u4e00-\u9fff"


class Code(Words):
    """A code that a client gives: 64 Latin letters, Chinese characters, digits, ``_``, ``-`` and ``.`` at most."""

    strips = False
    pattern = rf"^[{_CODE_SIGNS}][{_CODE_SIGNS}.\-]{{0,{CODE_LENGTH_MAX - 1}}}$"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=CODE_LENGTH_MAX, validate=_require_code, **kwargs)


def _require_code(text: str) -> None:
    if re.fullmatch(Code.pattern, text) is None:
        message = f"{shown(text)} is no code; use up to {CODE_LENGTH_MAX} letters, digits, '_', '-' and '.'"
        raise ValidationError(message)


class Ref(Words):
    """A reference: an id, or the code of something that has one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=REFERENCE_LENGTH_MAX, **kwargs)


class Cursor(Ref):
    """Where a list goes on: ``next_cursor`` of the page before, letters, digits and signs that URLs hold."""

    strips = False
    pattern = "^[A-Za-z0-9_.=-]+$"

    def __init__(self, *, longest: int = REFERENCE_LENGTH_MAX, **kwargs: Any) -> None:
        error = "this is no cursor; use next_cursor of the page before, or none"
        Words.__init__(self, longest=longest, validate=validate.Regexp(self.pattern, error=error), **kwargs)


class Choice(fields.String):
    """One of a few words."""

    def __init__(self, *choices: str, **kwargs: Any) -> None:
        super().__init__(validate=_OneOf(choices), **kwargs)


class _OneOf(validate.OneOf):
    """One of a few; what is not, is quoted no longer than a message bears."""

    def _format_error(self, value: Any) -> str:
        return f"{shown(value)} is not one of: {', '.join(map(str, self.choices))}"


class YesNo(fields.Boolean):
    """true or false, and nothing that only looks like it."""

    truthy = {True}  # noqa: RUF012 - marshmallow's own way to say it
    falsy = {False}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError(f"{shown(value)} is neither true nor false")
        return value


class Count(fields.Integer):
    """A whole number; no text, no fraction."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError(f"{shown(value)} is not a whole number")
        return super()._deserialize(value, attr, data, **kwargs)


class Items(fields.List[T]):
    """A list of bounded length; its length is judged before its members are, which could be a million."""

    def __init__(self, inner: fields.Field[T], *, most: int, least: int = 0, **kwargs: Any) -> None:
        super().__init__(inner, validate=validate.Length(min=least, max=most), **kwargs)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, list) and len(value) > self.most:
            raise ValidationError(f"Longer than maximum length {self.most}.")
        return super()._deserialize(value, attr, data, **kwargs)


_YEAR = "(?!9999)(?:19[7-9][0-9]|[2-9][0-9]{3})"
_MONTH_OF_YEAR = "(?:0[1-9]|1[0-2])"
_DAY_OF_MONTH = "(?:0[1-9]|[12][0-9]|3[01])"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
_OFFSET = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"

WIRE_FORMS: Mapping[type[fields.Field[Any]], tuple[str, str]] = {
    Money: (r"^[+-]?0{0,9}[0-9]{1,11}(?:\.[0-9]{1,2})?$", "10.00"),
    Quantity: (r"^0{0,11}[0-9]{1,9}(?:\.[0-9]{1,6})?$", "100"),
    TotalQuantity: (r"^[0-9]{1,20}(?:\.[0-9]{1,6})?$", "100"),
    UnitPrice: (r"^0{0,9}[0-9]{1,11}(?:\.[0-9]{1,8})?$", "0.50"),
    Rate: (r"^0{0,14}[0-9]{1,6}(?:\.[0-9]{1,8})?$", "2.20"),
    Day: (f"^(?:19[7-9][0-9]|[2-9][0-9]{{3}})-{_MONTH_OF_YEAR}-{_DAY_OF_MONTH}$", "2026-03-31"),
    MonthField: (f"^{_YEAR}-{_MONTH_OF_YEAR}$", "2026-03"),
    Instant: (f"^{_YEAR}-{_MONTH_OF_YEAR}-{_DAY_OF_MONTH}[Tt]{_TIME}{_OFFSET}$", "2026-03-31T23:59:59+08:00"),
}
"""Pattern and example of each exact field, for the OpenAPI document: what ``parse`` reads, but for the calendar."""

_FORMATS: Mapping[type[fields.Field[Any]], str] = {Day: "date", Instant: "date-time"}
_ABOVE_ZERO = "(?!-)(?=.*[1-9])"
_NOT_NEGATIVE = "(?!-.*[1-9])"


def openapi_properties(_converter: object, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a field of this module; a default of null says nothing and goes."""
    if ret.get("default", ...) is None:
        del ret["default"]
    if isinstance(pattern := getattr(field, "pattern", None), str):
        return {"pattern": ret.get("pattern", pattern)}
    form = WIRE_FORMS.get(type(field))
    if form is None or not isinstance(field, _Exact):
        return {}
    pattern, example = form
    described: dict[str, Any] = {"type": ["string", "null"] if field.allow_none else "string", "example": example}
    if type(field) in _FORMATS:
        described["format"] = _FORMATS[type(field)]
    return {**described, "pattern": _bounded(pattern, field)}


def _bounded(pattern: str, field: _Exact[Any]) -> str:
    """Say the bounds that a pattern can say: above zero, and zero at least."""
    if field.above == 0:
        return f"^{_ABOVE_ZERO}{pattern[1:]}"
    return not_negative(pattern) if field.at_least == 0 else pattern


def not_negative(pattern: str) -> str:
    """Return the pattern of the numbers of ``pattern`` that are not below zero."""
    return f"^{_NOT_NEGATIVE}{pattern[1:]}"
