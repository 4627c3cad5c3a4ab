"""Amounts as integers: reading and writing them, rounding, tax, and spreading a total without losing a fen.

Money is an ``int`` of fen (scale 2), a quantity an ``int`` of millionths of its unit ("micro", scale 6), a
unit price or a rate an exact ``Decimal``. Division is done in ``Fraction`` and ends in one named rounding:
half up, away from zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from pricing.errors import AmountTooLarge, MalformedAmount, shown

MONEY_SCALE: Final = 2
QUANTITY_SCALE: Final = 6
UNIT_PRICE_SCALE: Final = 8

FEN_PER_YUAN: Final = 10**MONEY_SCALE
MICRO_PER_UNIT: Final = 10**QUANTITY_SCALE

MONEY_LIMIT: Final = 10**13
"""Amounts of money stay below this many fen, in size."""
QUANTITY_LIMIT: Final = 10**9 * MICRO_PER_UNIT
"""Quantities of one item stay below this many millionths of a unit."""
USE_LIMIT: Final = 9 * 10**18
"""Millionths of a unit that one bill can take: what a quantity's 64 bits, and the legs of one posting, hold."""
RATE_LIMIT: Final = 10**6
"""Rates and percentages stay below this number."""

_NUMBER: Final = re.compile(r"([+-]?)([0-9]{1,20})(?:\.([0-9]{1,20}))?")


class PriceBasis(StrEnum):
    """Whether prices are stated without or with value-added tax."""

    TAX_EXCLUSIVE = "tax_exclusive"
    TAX_INCLUSIVE = "tax_inclusive"


@dataclass(frozen=True)
class _Kind:
    """One kind of decimal text: its name in messages, its places, limit and sign, and an example."""

    name: str
    places: int
    limit: int
    signed: bool
    example: str


_MONEY: Final = _Kind("an amount of money in yuan", MONEY_SCALE, MONEY_LIMIT, signed=True, example="10.00")
_QUANTITY: Final = _Kind("a quantity", QUANTITY_SCALE, QUANTITY_LIMIT, signed=False, example="100.5")
_UNIT_PRICE: Final = _Kind(
    "a unit price in yuan",
    UNIT_PRICE_SCALE,
    MONEY_LIMIT * 10 ** (UNIT_PRICE_SCALE - MONEY_SCALE),
    signed=False,
    example="0.0004",
)
_RATE: Final = _Kind("a rate", UNIT_PRICE_SCALE, RATE_LIMIT * 10**UNIT_PRICE_SCALE, signed=False, example="2.20")


def _read(text: object, kind: _Kind) -> int:
    """The number that ``text`` writes, in units of ``10 ** -kind.places``, or a fault that says how to."""
    if not isinstance(text, str):
        problem = f"it is a JSON {type(text).__name__}, not text"
    elif (match := _NUMBER.fullmatch(text)) is None:
        problem = "only digits with at most one decimal point are read: no exponent, no spaces, no separators"
    elif len(fraction := match[3] or "") > kind.places:
        problem = f"it has {len(fraction)} decimal places and at most {kind.places} are kept"
    elif match[1] and not kind.signed:
        problem = "it carries a sign, and is never negative"
    elif (size := int(match[2] + fraction.ljust(kind.places, "0"))) >= kind.limit:
        problem = f"it is not below the limit of {kind.limit // 10**kind.places}"
    else:
        return -size if match[1] == "-" else size
    raise MalformedAmount(
        f'{shown(text)} is not {kind.name}: {problem}. Write a decimal string such as "{kind.example}".'
    )


def format_scaled(units: int, scale: int, places_min: int = 0) -> str:
    """Write ``units`` of ``10 ** -scale`` in decimals, without trailing zeros beyond ``places_min`` places.

    >>> format_scaled(-1050, 3, 2), format_scaled(1000, 3)
    ('-1.05', '1')
    """
    digits = str(abs(units)).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    fraction = fraction.rstrip("0").ljust(places_min, "0")
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def parse_money(text: str) -> int:
    """Read yuan in plain decimal notation, at most two places, an optional sign, and answer fen.

    Raises ``MalformedAmount`` for anything else: JSON numbers, exponents, NaN, spaces, a third place, or an
    amount not below ``MONEY_LIMIT``.

    >>> parse_money("10.00"), parse_money("-0.5"), parse_money("7")
    (1000, -50, 700)
    """
    return _read(text, _MONEY)


def format_money(fen: int) -> str:
    """Write fen as yuan with two places.

    >>> format_money(1000), format_money(-5), format_money(0)
    ('10.00', '-0.05', '0.00')
    """
    return format_scaled(fen, MONEY_SCALE, MONEY_SCALE)


def parse_quantity(text: str) -> int:
    """Read a quantity that is not negative, at most six places, and answer millionths of its unit.

    Raises ``MalformedAmount``.

    >>> parse_quantity("100.5"), parse_quantity("0.000001")
    (100500000, 1)
    """
    return _read(text, _QUANTITY)


def format_quantity(micro: int) -> str:
    """Write millionths of a unit as a quantity in its one canonical form, without trailing zeros.

    >>> format_quantity(100_500_000), format_quantity(100_000_000), format_quantity(0)
    ('100.5', '100', '0')
    """
    return format_scaled(micro, QUANTITY_SCALE)


def parse_unit_price(text: str) -> Decimal:
    """Read a price in yuan for one unit: not negative, at most eight places. Raises ``MalformedAmount``.

    >>> parse_unit_price("0.0004")
    Decimal('0.0004')
    """
    _read(text, _UNIT_PRICE)
    return Decimal(text)


def format_unit_price(price: Decimal | Fraction) -> str:
    """Write a unit price in yuan with at least two places, no further trailing zeros and no exponent.

    A price that has more than eight places (an effective price such as 10 ÷ 3) is shown with eight, half up.

    >>> [format_unit_price(price) for price in (Decimal("0.1"), Decimal("4E-4"), Fraction(10, 3))]
    ['0.10', '0.0004', '3.33333333']
    """
    return format_scaled(_scaled_half_up(price, UNIT_PRICE_SCALE), UNIT_PRICE_SCALE, MONEY_SCALE)


def parse_rate(text: str) -> Decimal:
    """Read a rate or percentage: not negative, at most eight places. Raises ``MalformedAmount``.

    >>> parse_rate("0.06"), parse_rate("2.20")
    (Decimal('0.06'), Decimal('2.20'))
    """
    _read(text, _RATE)
    return Decimal(text)


def format_rate(rate: Decimal) -> str:
    """Write a rate without trailing zeros and without exponent.

    >>> format_rate(Decimal("8.20")), format_rate(Decimal("1E+1"))
    ('8.2', '10')
    """
    return format_scaled(_scaled_half_up(rate, UNIT_PRICE_SCALE), UNIT_PRICE_SCALE)


def format_exact(fen: Fraction) -> str:
    """Write an amount that is not yet rounded, in yuan with at least two places, as explanations show it.

    Up to fourteen places are exact (a price of eight on a quantity of six); a recurring amount, which only a
    ceiling per 3 or per 7 units makes, is shown with fourteen, half up.

    >>> format_exact(Fraction(737, 200) * 100), format_exact(Fraction(4, 1))
    ('3.685', '0.04')
    """
    scale = UNIT_PRICE_SCALE + QUANTITY_SCALE
    return format_scaled(_scaled_half_up(fen, scale - MONEY_SCALE), scale, MONEY_SCALE)


def round_half_up(value: Fraction | Decimal | int) -> int:
    """Round to the nearest whole number, a half away from zero on either side of it.

    >>> round_half_up(Fraction(5, 2)), round_half_up(Fraction(-5, 2)), round_half_up(Decimal("0.49"))
    (3, -3, 0)
    """
    return _divided_half_up(*value.as_integer_ratio())


def _divided_half_up(numerator: int, denominator: int) -> int:
    """The quotient by a denominator above zero, to the nearest whole number, a half away from zero."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def _scaled_half_up(value: Fraction | Decimal, places: int) -> int:
    """``value`` in units of ``10 ** -places``, rounded half up."""
    numerator, denominator = value.as_integer_ratio()
    return _divided_half_up(numerator * 10**places, denominator)


def percent_of(amount: Fraction | int, percent: Decimal) -> Fraction:
    """``percent`` hundredths of ``amount``, exact, in the unit of ``amount``.

    >>> percent_of(1000, Decimal("2.5"))
    Fraction(25, 1)
    """
    return Fraction(amount) * Fraction(percent) / 100


def within_money_limit(fen: int, what: str) -> int:
    """``fen`` itself where the books can hold it, else ``AmountTooLarge``; ``what`` names the amount.

    >>> within_money_limit(10**13 - 1, "line")
    9999999999999
    """
    if abs(fen) < MONEY_LIMIT:
        return fen
    raise AmountTooLarge(
        f"The {what} comes to {format_money(fen)}; amounts must stay below {format_money(MONEY_LIMIT)}. "
        "Split it into several contracts or shorter periods.",
        amount=format_money(fen),
        limit=format_money(MONEY_LIMIT),
    )


def within_use_limit(micro: int, what: str) -> int:
    """``micro`` millionths of a unit where one bill can hold them, else ``AmountTooLarge``; ``what`` names the use.

    >>> within_use_limit(9 * 10**18 - 1, "month")
    8999999999999999999
    """
    if abs(micro) < USE_LIMIT:
        return micro
    raise AmountTooLarge(
        f"The {what} comes to {format_quantity(micro)}; what one bill takes must stay below "
        f"{format_quantity(USE_LIMIT)}. Split the use into several contracts, or write some of it off.",
        amount=format_quantity(micro),
        limit=format_quantity(USE_LIMIT),
    )


@dataclass(frozen=True)
class Tax:
    """An amount with its value-added tax, in fen: ``net + tax = gross``."""

    net: int
    tax: int
    gross: int


def _checked_rate(rate: Decimal) -> Fraction:
    if not 0 <= rate < 1:
        raise ValueError(f"a tax rate is a fraction such as 0.06, not {rate}")
    return Fraction(rate)


def tax_on_net(net: int, rate: Decimal) -> Tax:
    """Tax of a document with tax-exclusive prices: round(net × rate), half up, in fen.

    ``rate`` is a fraction (0.06 for 6 %). The rate in force comes from the dated table (VAT Law).

    >>> tax_on_net(109_150, Decimal("0.15"))
    Tax(net=109150, tax=16373, gross=125523)
    """
    tax = round_half_up(net * _checked_rate(rate))
    return Tax(net, tax, net + tax)


def tax_in_gross(gross: int, rate: Decimal) -> Tax:
    """Tax of a document with tax-inclusive prices: net = round(gross ÷ (1 + rate)), half up; tax is the rest.

    ``rate`` is a fraction (0.06 for 6 %). The rate in force comes from the dated table (VAT Law).

    >>> tax_in_gross(10_000, Decimal("0.06"))
    Tax(net=9434, tax=566, gross=10000)
    """
    net = round_half_up(gross / (1 + _checked_rate(rate)))
    return Tax(net, gross - net, gross)


def tax_of_document(amounts: Sequence[int], basis: PriceBasis, rate: Decimal) -> tuple[Tax, list[Tax]]:
    """Tax of a document, computed once on the sum of its lines, and what each line shows of it; they add up.

    ``amounts`` are the lines in fen in their own basis, reliefs negative. Each line gets its own tax at the
    rate to within a fen (so a line and its relief cancel), the odd fen going by largest remainder, ties by
    position.

    >>> document, lines = tax_of_document([1008, 1008, 1008], PriceBasis.TAX_EXCLUSIVE, Decimal("0.06"))
    >>> document.tax, [line.tax for line in lines]
    (181, [61, 60, 60])
    """
    exact_rate = _checked_rate(rate)
    if basis is PriceBasis.TAX_EXCLUSIVE:
        document = tax_on_net(sum(amounts), rate)
        taxes = _largest_remainder(document.tax, [net * exact_rate for net in amounts])
        return document, [Tax(net, tax, net + tax) for net, tax in zip(amounts, taxes, strict=True)]
    document = tax_in_gross(sum(amounts), rate)
    nets = _largest_remainder(document.net, [gross / (1 + exact_rate) for gross in amounts])
    return document, [Tax(net, gross - net, gross) for net, gross in zip(nets, amounts, strict=True)]


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Divide ``total`` by ``weights`` into whole parts that sum to it: largest remainder, ties by position.

    A negative total or all-negative weights mirror the positive case. A weight of zero takes nothing, a
    negative one takes a part of the other sign. Where the weights cancel out there is no proportion to keep,
    and their sizes count; where all are zero, the parts are equal. Raises ``ValueError`` where there is a
    total and no weight at all.

    >>> spread(181, [1008, 1008, 1008]), spread(-181, [1008, 1008, 1008])
    ([61, 60, 60], [-61, -60, -60])
    >>> spread(360, [10_000, -4_000]), spread(5, [0, 0])
    ([600, -240], [3, 2])
    """
    if not weights and total:
        raise ValueError(f"nothing to spread {total} over")
    if sum(weights) == 0:
        weights = [abs(weight) for weight in weights] if any(weights) else [1] * len(weights)
    whole = sum(weights)
    return _largest_remainder(total, [Fraction(total * weight, whole) for weight in weights])


def _largest_remainder(total: int, shares: Sequence[Fraction]) -> list[int]:
    """Whole parts, each within one of its share, that sum to ``total``, the rounded sum of the shares."""
    first = next((share for share in shares if share), Fraction(0))
    if (total or first) < 0:
        # Mirrored, so that a credit note is allotted exactly as the bill that it takes back.
        return [-part for part in _largest_remainder(-total, [-share for share in shares])]
    parts = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda index: parts[index] - shares[index])
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
