"""Units of use: from the word that an operator writes to the asset that the books count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pricing.errors import Refusal, shown

UNIT_BY_CHARGING_BASIS: Final[Mapping[str, str]] = {
    "item": "RECORD",
    "call": "CALL",
    "duration": "DAY",
    "volume": "GB",
}
"""The unit of a product that names none (Price Notice 三: by items, calls, time or volume)."""

_MONEY: Final = "CNY"
_IDENTIFIER: Final = re.compile(r"[A-Z]([A-Z0-9_]{0,14}[A-Z0-9])?")
_WORDS: Final[Mapping[str, str]] = {
    "record": "RECORD",
    "records": "RECORD",
    "条": "RECORD",
    "item": "ITEM",
    "items": "ITEM",
    "件": "ITEM",
    "个": "ITEM",
    "份": "ITEM",
    "call": "CALL",
    "calls": "CALL",
    "次": "CALL",
    "minute": "MINUTE",
    "minutes": "MINUTE",
    "分钟": "MINUTE",
    "hour": "HOUR",
    "hours": "HOUR",
    "小时": "HOUR",
    "day": "DAY",
    "days": "DAY",
    "天": "DAY",
    "日": "DAY",
    "month": "MONTH",
    "months": "MONTH",
    "月": "MONTH",
    "year": "YEAR",
    "years": "YEAR",
    "年": "YEAR",
}


class UnitUnusable(Refusal):
    """A unit that no account can be kept in."""

    code = "unit_unusable"


def asset_of(unit: str) -> str:
    """Return the asset code in which use of a unit is booked; raises UnitUnusable.

    Known words of English and Chinese have one code each; any other unit is its own code where it can be one.

    >>> asset_of("calls"), asset_of("条"), asset_of("gb"), asset_of("km2")
    ('CALL', 'RECORD', 'GB', 'KM2')
    """
    code = _WORDS.get(unit.lower(), unit.upper())
    if code == _MONEY or not (code.isascii() and _IDENTIFIER.fullmatch(code)):
        message = (
            f"{shown(unit)} cannot be counted in the books: write a known unit such as call, record, item, GB, hour, "
            "day, 次, 条, 天, or an own one of up to 16 letters, digits and '_' that starts with a letter"
        )
        raise UnitUnusable(message, errors={"unit": [message]})
    return code
