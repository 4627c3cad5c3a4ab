"""What the departures must come to, reckoned apart from the service: counts by pandas, money by decimal arithmetic.

Nothing of the service's own arithmetic is used here: the prices are read from ``tests.departures``, the rules are
written down once more. A month's use goes through the bands in the order of days; where a price or a ceiling changes,
the part before and the part after are each one charge, rounded once, half up, to the fen. VAT is 6 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import pandas as pd

from tests.departures import AIRPORTS, PROVIDER_PERCENT, QUOTED, REST_WEIGHTS, Airport, Version

FEN = Decimal("0.01")
VAT = Decimal("0.06")


@dataclass(frozen=True)
class Bill:
    """A bill: departures and net by airport, and yuan."""

    departures: Mapping[str, int]
    nets: Mapping[str, Decimal]
    net: Decimal
    tax: Decimal
    gross: Decimal


def counts(stream: pd.DataFrame) -> dict[tuple[str, str, str], int]:
    """Return departures by (carrier, airport, month)."""
    counted = stream.groupby(["carrier", "airport", "month"]).size().reset_index(name="number")
    keys = zip(counted["carrier"], counted["airport"], counted["month"], strict=True)
    return dict(zip(keys, map(int, counted["number"]), strict=True))


def bills(
    stream: pd.DataFrame, contracts: Iterable[tuple[str, str]], months: Sequence[str]
) -> dict[tuple[str, str, str], Bill]:
    """Return the bills of contracts (carrier, tax basis) by month, those of months without a departure included."""
    by_day: dict[tuple[str, str, str], dict[date, int]] = defaultdict(dict)
    counted = stream.groupby(["carrier", "airport", "month", "day"]).size().reset_index(name="number")
    for row in counted.itertuples(index=False):
        carrier, airport, month, day, number = row
        by_day[carrier, airport, month][date.fromisoformat(day)] = int(number)
    return {
        (carrier, basis, month): _bill(carrier, basis, month, by_day)
        for carrier, basis in contracts
        for month in months
    }


def shares(issued: Iterable[Bill]) -> dict[str, Decimal]:
    """Return what each beneficiary gets of bills: one pool an airport, a tenth, the rest by largest remainder."""
    pools: dict[str, Decimal] = defaultdict(Decimal)
    for bill in issued:
        for airport, net in bill.nets.items():
            pools[airport] += net
    taken: dict[str, Decimal] = defaultdict(Decimal)
    for pool in pools.values():
        first = _fen(pool * PROVIDER_PERCENT / 100)
        taken["tower"] += first
        for party, part in _divided(pool - first, REST_WEIGHTS).items():
            taken[party] += part
    return dict(taken)


def _divided(rest: Decimal, weights: Mapping[str, int]) -> dict[str, Decimal]:
    """Divide by weights: whole fen first, then one more to the largest remainders, ties by code."""
    exact = {party: rest * weight / sum(weights.values()) for party, weight in weights.items()}
    parts = {party: amount.quantize(FEN, ROUND_FLOOR) for party, amount in exact.items()}
    left = int((rest - sum(parts.values())) / FEN)
    for party in sorted(weights, key=lambda party: (parts[party] - exact[party], party))[:left]:
        parts[party] += FEN
    return parts


def _bill(carrier: str, basis: str, month: str, by_day: Mapping[tuple[str, str, str], Mapping[date, int]]) -> Bill:
    used = {
        airport: by_day.get((carrier, airport, month), {})
        for airport, offered in AIRPORTS.items()
        if offered.basis == basis
    }
    charges = {
        airport: sum(_charges(AIRPORTS[airport], carrier, days), Decimal(0)) for airport, days in used.items() if days
    }
    departures = {airport: sum(used[airport].values()) for airport in charges}
    charged = sum(charges.values(), Decimal(0))
    if basis == "tax_exclusive":
        tax = _fen(charged * VAT)
        return Bill(departures, charges, charged, tax, charged + tax)
    net = _fen(charged / (1 + VAT))
    # One airport alone is sold at prices with tax, so the net of such a bill is the airport's.
    return Bill(departures, dict.fromkeys(charges, net), net, charged - net, charged)


def _charges(airport: Airport, carrier: str, days: Mapping[date, int]) -> Iterable[Decimal]:
    """Yield the charge of each stretch of days with one tariff and one ceiling."""
    stretches: dict[tuple[Version, Decimal], int] = defaultdict(int)
    for day in sorted(days):
        version = airport.versions[0] if carrier in QUOTED else _newest(airport.versions, day)
        ceiling = [price for start, price in airport.ceilings if start <= day][-1]
        stretches[version, ceiling] += days[day]
    before = 0
    for (version, ceiling), number in stretches.items():
        yield _fen(_graduated(version, ceiling, before, before + number))
        before += number


def _newest(versions: Sequence[Version], day: date) -> Version:
    return [version for version in versions if version.start <= day][-1]


def _graduated(version: Version, ceiling: Decimal, start: int, end: int) -> Decimal:
    """Return what the departures after the ``start``-th up to the ``end``-th of a month cost, each in its band."""
    charge, floor = Decimal(0), 0
    for up_to, price in version.bands:
        top = end if up_to is None else up_to
        inside = max(0, min(end, top) - max(start, floor))
        charge += inside * min(price, ceiling)
        floor = top
    return charge


def _fen(amount: Decimal) -> Decimal:
    return amount.quantize(FEN, ROUND_HALF_UP)
