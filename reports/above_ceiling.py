"""Prices that a ceiling has come to lie below: published tariffs and prices of contracts, for the operator to follow.

A ceiling lowered under a tariff in force takes no price back; it caps what is billed from its instant on (Price Notice
三). What is listed here is charged at the ceiling, and its nominal price waits to be lowered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import col

from pricing.ceiling import Above, prices_above
from pricing.classification import COMMERCIAL
from pricing.period import Span, format_instant
from pricing.segments import PriceVersion
from registry.tables import Contract, ContractOffering
from reports.frame import Frame, frame_of
from settlement.price_book import Priced, price_book, vat_rate
from store.unit import Unit


@dataclass
class _Touched:
    """Contracts that bear a price: their ids, and when the first of them began."""

    ids: list[str] = field(default_factory=list)
    first: date = date.max


_Frozen = Mapping[tuple[str, str, date], _Touched]
"""Contracts by offering, the tariff version that they froze, and the day on which their price is judged."""


def list_above_ceiling(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the prices of an operator that are above the ceiling in force on the day of ``as_of``.

    Raises NotFound for an operator that the caller does not oversee.
    """
    moment = wanted["as_of"]
    today = moment.astimezone(unit.zone).date()
    frame = frame_of(unit, wanted["operator"], Span(today, today + timedelta(days=1)), moment)
    return {
        "as_of": format_instant(frame.as_of, frame.zone),
        "items": above_ceiling_rows(unit, frame),
        "next_cursor": None,
    }


def above_ceiling_rows(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return every price above its ceiling as a wire row, on the period's last day or that of ``as_of`` before it.

    A price that is still to come is judged on its first day.
    """
    day = min(frame.last_day, frame.today)
    book = price_book(unit, frame.offerings, frame.as_of)
    following, frozen = _contracts(unit, frame, day)
    rows: list[dict[str, Any]] = []
    for offering_id in frame.offerings:
        rows += _published(frame, book[offering_id], following[offering_id], day)
        rows += _contracted(frame, book[offering_id], frozen)
    return rows


def _published(frame: Frame, priced: Priced, following: Sequence[str], day: date) -> Iterator[dict[str, Any]]:
    for version in priced.tariffs:
        if version.span.end is None or version.span.end > day:
            judged = max(day, version.span.start)
            yield from _rows(frame, priced, version, judged, version.span.start, "published", following)


def _contracted(frame: Frame, priced: Priced, frozen: _Frozen) -> Iterator[dict[str, Any]]:
    for (offering_id, tariff_id, judged), touched in sorted(frozen.items()):
        version = priced.tariff_of(tariff_id)
        if offering_id == priced.named.offering_id and version is not None:
            yield from _rows(frame, priced, version, judged, touched.first, "contracted", touched.ids)


def _rows(
    frame: Frame,
    priced: Priced,
    version: PriceVersion,
    judged: date,
    begun: date,
    source: str,
    contracts: Iterable[str],
) -> Iterator[dict[str, Any]]:
    tariff = version.tariff
    limits = priced.in_basis(tariff.price_basis, vat_rate(judged))
    above = prices_above(tariff, limits.ceiling_on(judged), limits.fixed_on(judged), priced.named.unit)
    touched = sorted(contracts)
    for each in above:
        yield {
            "offering": priced.named.code,
            "offering_name": priced.named.name,
            "source": source,
            "tariff": version.id,
            "field": each.field,
            "price": each.price,
            "ceiling": each.ceiling,
            "unit": each.unit,
            "per_quantity": each.per_quantity,
            "price_basis": tariff.price_basis.value,
            "decision_no": each.decision_no,
            "since": max(_decided_from(priced, each, judged), begun).isoformat(),
            "effective_from": begun.isoformat(),
            "trial": version.trial,
            "contracts": touched,
            "contracts_touched": len(touched),
            "links": {"tariff": frame.link(f"/tariffs/{version.id}")},
        }


def _decided_from(priced: Priced, above: Above, judged: date) -> date:
    """Return the first day of the ceiling that a price is above."""
    spans = [(held.span, held.ceiling.decision_no) for held in priced.ceilings]
    spans += [(held.span, held.ceiling.decision_no) for held in priced.fixed]
    starts = (span.start for span, decision_no in spans if decision_no == above.decision_no and span.contains(judged))
    return max(starts, default=judged)


def _contracts(unit: Unit, frame: Frame, day: date) -> tuple[Mapping[str, Sequence[str]], _Frozen]:
    """Return the contracts that hold on a day or are to come: those that follow the public price, and the others."""
    query = (
        select(
            col(ContractOffering.offering_id),
            col(ContractOffering.tariff_id),
            col(Contract.id),
            col(Contract.effective_from),
        )
        .join(Contract, col(Contract.id) == col(ContractOffering.contract_id))
        .where(
            col(Contract.operator_id) == frame.operator.id,
            col(Contract.accepted_at) <= frame.as_of,
            col(ContractOffering.category) == COMMERCIAL,
            or_(col(Contract.effective_until).is_(None), col(Contract.effective_until) > day),
        )
    )
    following: dict[str, list[str]] = defaultdict(list)
    frozen: dict[tuple[str, str, date], _Touched] = defaultdict(_Touched)
    for offering_id, tariff_id, contract_id, begins in unit.connection.execute(query):
        if tariff_id is None:
            following[offering_id].append(contract_id)
        else:
            touched = frozen[offering_id, tariff_id, max(day, begins)]
            touched.ids.append(contract_id)
            touched.first = min(touched.first, begins)
    return following, frozen
