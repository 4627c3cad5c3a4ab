"""A field accepts just what its pattern in the OpenAPI document says, and quotes little of what it refuses."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields, validate
from marshmallow.exceptions import ValidationError

from schemas.fields import (
    Choice,
    Code,
    Count,
    Cursor,
    Day,
    Instant,
    Items,
    Money,
    MonthField,
    Quantity,
    Rate,
    Ref,
    TotalQuantity,
    UnitPrice,
    Words,
    YesNo,
    openapi_properties,
)

MESSAGE_LENGTH_MAX = 250
FIELDS: dict[str, fields.Field[Any]] = {
    "money": Money(),
    "money of zero or more": Money(at_least=0),
    "money above zero": Money(above=0),
    "quantity": Quantity(),
    "quantity above zero": Quantity(above=0),
    "unit price": UnitPrice(),
    "rate": Rate(),
    "day": Day(),
    "month": MonthField(),
    "instant": Instant(),
    "words": Words(longest=12),
    "words or none": Words(longest=12, empty=True),
    "code": Code(),
    "reference": Ref(),
    "cursor": Cursor(),
}
YEAR = Count(validate=validate.Range(min=1970, max=9998))
SIGNS = "0123456789.-+T:Zz "
WHOLE_CALENDAR = re.compile("there is no such day|is not a day: ")


def pattern_of(field: fields.Field[Any]) -> re.Pattern[str]:
    return re.compile(openapi_properties(None, field, {})["pattern"])


def fault_of(field: fields.Field[Any], value: object) -> str | None:
    try:
        field.deserialize(value)
    except ValidationError as fault:
        return str(fault)
    return None


def agrees(field: fields.Field[Any], text: str) -> bool:
    """Whether pattern and length say of a text what the field does; the days of a month are beyond a pattern."""
    fault = fault_of(field, text)
    fits = pattern_of(field).fullmatch(text) is not None
    if isinstance(field, Words):
        fits = fits and len(text) <= field.longest
    return fits == (fault is None) or (fits and WHOLE_CALENDAR.search(fault or "") is not None)


@pytest.mark.parametrize("name", FIELDS)
@given(data=st.data())
def test_what_the_pattern_says_is_accepted(name: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern_of(FIELDS[name]), fullmatch=True))
    assert agrees(FIELDS[name], text), text


@pytest.mark.parametrize("name", FIELDS)
@given(text=st.text(SIGNS, max_size=30) | st.text(st.characters(codec="utf-8", exclude_characters="\ufeff")))
def test_what_the_pattern_does_not_say_is_refused(name: str, text: str) -> None:
    assert agrees(FIELDS[name], text), text


@pytest.mark.parametrize(
    ("name", "text", "fits"),
    [
        ("money", "99999999999.99", True),
        ("money", "100000000000.00", False),
        ("money", "00000000099999999999.9", True),
        ("money", "000000000000000000001", False),
        ("money of zero or more", "-0.00", True),
        ("money of zero or more", "-0.01", False),
        ("money above zero", "0.00", False),
        ("money above zero", "-0.01", False),
        ("money above zero", "+0.01", True),
        ("quantity", "999999999.999999", True),
        ("quantity", "1000000000", False),
        ("quantity", "1.0000001", False),
        ("quantity", "+1", False),
        ("unit price", "99999999999.99999999", True),
        ("rate", "999999.99999999", True),
        ("rate", "1000000", False),
        ("rate", "-1", False),
        ("day", "9999-12-31", True),
        ("day", "1969-12-31", False),
        ("day", "2025-2-1", False),
        ("month", "9998-12", True),
        ("month", "9999-01", False),
        ("month", "2025-00", False),
        ("instant", "1970-01-01T00:00:00.000001Z", True),
        ("instant", "2025-01-01T24:00:00Z", False),
        ("instant", "2025-01-01T23:59:60Z", False),
        ("instant", "2025-01-01T00:00:00", False),
        ("instant", "2025-01-01 00:00:00Z", False),
        ("words", " \n ", False),
        ("words", "x\x85", False),
        ("words", "x\ny\tz", True),
        ("words or none", "", True),
        ("code", "数据_1.a-b", True),
        ("code", ".a", False),
        ("code", "a b", False),
        ("code", "é", False),
        ("code", "a" * 64, True),
        ("code", "a" * 65, False),
        ("cursor", "a/b", False),
    ],
)
def test_the_bounds_are_those_of_the_pattern(name: str, text: str, fits: bool) -> None:
    assert (fault_of(FIELDS[name], text) is None) is fits
    assert agrees(FIELDS[name], text)


def test_blanks_around_words_are_taken_off() -> None:
    assert Words(longest=12).deserialize(" a b\n") == "a b"
    assert fault_of(Code(), " code ")


@pytest.mark.parametrize("value", [1, 1.5, True, None, [], {}, Decimal(1)])
def test_what_is_exact_travels_as_text_alone(value: object) -> None:
    for name, field in FIELDS.items():
        assert fault_of(field, value), name


@pytest.mark.parametrize("value", ["x" * 1_000_000, ["x"] * 100_000, 10**299, {"x": "x" * 1_000_000}])
def test_no_message_quotes_at_length(value: object) -> None:
    for field in (*FIELDS.values(), Choice("a", "b"), YesNo(), YEAR, Items(Ref(), most=3)):
        fault = fault_of(field, value)
        assert fault is not None
        assert len(fault) <= MESSAGE_LENGTH_MAX


def test_a_list_over_its_bound_is_refused_before_its_members_are_read() -> None:
    field = Items(Ref(), most=3)
    assert fault_of(field, [1, 2, 3, 4]) == "Longer than maximum length 3."
    assert fault_of(field, [1, 2]) == "{0: ['Not a valid string.'], 1: ['Not a valid string.']}"


def test_sums_may_be_larger_than_what_is_sent() -> None:
    class Sums(Schema):
        sent = Quantity()
        summed = TotalQuantity()

    text = "123456789012.5"
    assert Sums().dump({"summed": 123_456_789_012_500_000}) == {"summed": text}
    assert pattern_of(TotalQuantity()).fullmatch(text)
    assert not pattern_of(Quantity()).fullmatch(text)
