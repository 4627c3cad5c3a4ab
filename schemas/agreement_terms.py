"""What the OpenAPI document says of the terms of a distribution agreement, which ``pricing.agreement`` reads as one."""

from __future__ import annotations

from typing import Any, Final

from pricing.agreement import RELEASE_MONTHS_MAX, SHARES_MAX, STEPS_MAX
from pricing.allocation import PLAYERS_MAX
from pricing.document import TEXT_LENGTH_MAX
from schemas.fields import WIRE_FORMS, Money, Rate, Words, not_negative

Described = dict[str, Any]

_NAME_PATTERN: Final = Words().pattern
_PERCENT_PATTERN: Final = r"^(?:0{0,18}[0-9]{1,2}(?:\.[0-9]{1,8})?|0{0,17}100(?:\.0{1,8})?)$"
_WHOLE_MAX: Final = 999_999


def _name(meaning: str) -> Described:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": TEXT_LENGTH_MAX,
        "pattern": _NAME_PATTERN,
        "description": meaning,
    }


def _number(pattern: str, most: int, meaning: str) -> Described:
    """A number that is not negative: decimal text, or a whole number."""
    text, whole = {"type": "string", "pattern": pattern}, {"type": "integer", "minimum": 0, "maximum": most}
    return {"anyOf": [text, whole], "description": meaning}


def _or_null(described: Described) -> Described:
    if "anyOf" in described:
        return {**described, "anyOf": [*described["anyOf"], {"type": "null"}]}
    if "enum" in described:
        return {**described, "type": [described["type"], "null"], "enum": [*described["enum"], None]}
    return {**described, "type": [described["type"], "null"]}


def _record(required: Described, optional: Described) -> Described:
    """An object with just these members; an optional one may be null, which is the same as leaving it out."""
    properties = {**required, **{name: _or_null(described) for name, described in optional.items()}}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def _items(item: Described, least: int, most: int) -> Described:
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}


AMOUNT: Final[Described] = {
    "type": "string",
    "pattern": not_negative(WIRE_FORMS[Money][0]),
    "example": WIRE_FORMS[Money][1],
}
_PAYEE: Final = {
    "payable_to": _name("the treasury that is paid instead, for an administrative body"),
    "collecting_body": _name("the body that collects for the treasury"),
    "revenue_item": _name("the item of non-tax revenue"),
}
_BENEFICIARY: Final = _name("a party")
_SHORTFALL: Final = {
    "type": "string",
    "enum": ["carry", "lapse"],
    "description": "what becomes of what the pool did not hold",
}
_REMAINING: Final = {"type": "string", "enum": ["remaining"]}
_POOL: Final = {"type": "string", "enum": ["pool"]}
_PERCENT: Final = _number(_PERCENT_PATTERN, 100, "up to 100")
_HELD: Final = {
    "percent": _PERCENT,
    "release_after_months": {"type": "integer", "minimum": 1, "maximum": RELEASE_MONTHS_MAX},
}


def _step(kind: str, required: Described, **optional: Described) -> Described:
    named = {"kind": {"type": "string", "enum": [kind]}, "beneficiary": _BENEFICIARY}
    return _record({**named, **required}, {**optional, **_PAYEE})


_STEP: Final = {
    "oneOf": [
        _step("fixed_fee", {"shortfall": _SHORTFALL, "amount": AMOUNT}),
        _step("cost_recovery", {"shortfall": _SHORTFALL, "due": AMOUNT}, cumulative_cap=AMOUNT),
        _step("percentage", {"percent": _PERCENT, "of": _REMAINING}, shortfall=_SHORTFALL),
        _step("percentage", {"percent": _PERCENT, "of": _POOL, "shortfall": _SHORTFALL}),
        _step("holdback", _HELD, of=_REMAINING, shortfall=_SHORTFALL),
        _step("holdback", {**_HELD, "of": _POOL, "shortfall": _SHORTFALL}),
    ]
}
_WEIGHT: Final = _number(WIRE_FORMS[Rate][0], _WHOLE_MAX, "with fixed weights")
_WORTH: Final = {
    "coalition": _items(_BENEFICIARY, 1, PLAYERS_MAX),
    "utility": _number(WIRE_FORMS[Rate][0], _WHOLE_MAX, "what it is worth"),
}

STEPS: Final = {**_items(_STEP, 0, STEPS_MAX), "description": "taken in their order, before the rest"}
RESIDUAL: Final = {
    "oneOf": [
        _record(
            {
                "weights": {"type": "string", "enum": ["fixed"]},
                "shares": _items(_record({"beneficiary": _BENEFICIARY, "weight": _WEIGHT}, _PAYEE), 1, SHARES_MAX),
            },
            {},
        ),
        _record(
            {
                "weights": {"type": "string", "enum": ["usage", "contribution"]},
                "shares": _items(_record({"beneficiary": _BENEFICIARY}, _PAYEE), 1, SHARES_MAX),
            },
            {},
        ),
    ],
    "description": "how the rest is divided",
}
UTILITY_TABLE: Final = {
    **_items(_record(_WORTH, {}), 1, 2**PLAYERS_MAX),
    "description": "what the data of each coalition of the rest's beneficiaries is worth, for weights by contribution",
}
