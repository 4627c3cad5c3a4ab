"""The price-parity report (Opinion 三, 五; Operation Rules 6): who paid another price for the same, and on what ground.

Compared is what one unit cost in a service month, within one offering, unit, tax basis and band. A *ground* is a
published reason why two buyers' prices differ: a discount's ground, a tier, a minimum, a relief, a ceiling, a version
that a quote froze. A credit note is no ground: what it takes off was published nowhere. What no ground explains stands
at the head.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from pricing.canonical import sha256_of
from pricing.money import FEN_PER_YUAN, MICRO_PER_UNIT, format_money, format_quantity
from pricing.period import Month, Span, format_instant
from pricing.rating import Segment, rate_period
from pricing.segments import PriceVersion
from pricing.tariff import Relief
from pricing.tariff_models import Graduated, Package, PerUnit, Volume
from registry.spans import require_span
from registry.tables import Contract
from reports.charged_anew import settled_credits, still_charged, taken_back_or_returned
from reports.charges import Charge, charges_of, difference, per_unit, shown
from reports.frame import Frame, frame_of, in_months
from reports.price_tests import ChargedMonth, charged_months
from settlement.price_book import Priced, price_book
from settlement.tables import Invoice, InvoiceLine
from store.unit import Unit

REPORT_VERSION: Final = "1"
"""Raised with every change of what the report says or how it is reckoned."""
WHOLE: Final = "all"
"""The band of a price that has none."""
_BY_USE: Final = frozenset({"tier", "package", "fixed_part", "minimum", "ceiling_relief", "version", "ceiling_changed"})
"""Grounds by which one and the same price list makes different prices, as quantity and days of use are."""
_RATED_ALONE: Final = (PerUnit, Graduated, Volume, Package)
"""Models whose charge hangs on the quantity alone, so that it can be reckoned anew from the papers."""


@dataclass(frozen=True)
class Ground:
    """A published reason for a price, or (``published`` false) what took something off it without one."""

    kind: str
    reference: str | None = None
    text: str | None = None
    published: bool = True

    def document(self) -> dict[str, Any]:
        """The ground in wire form."""
        return {"kind": self.kind, "reference": self.reference, "text": self.text, "published": self.published}


@dataclass(frozen=True)
class Paid:
    """A service month of one contract: what it cost, in the tax basis of its bills, and the grounds of its price.

    ``settled`` is what credit notes took off without a ground, in fen.
    """

    month: ChargedMonth
    contract: Contract
    versions: tuple[PriceVersion, ...]
    unpublished: bool
    grounds: frozenset[Ground]
    settled: int

    @property
    def first(self) -> Charge:
        """Any charge of the month: what all have in common is read off it."""
        return self.month.charges[0]

    @cached_property
    def charged(self) -> Fraction:
        """What a unit was charged, before credits."""
        return per_unit(self.month.total, self.month.quantity) or Fraction(0)

    @cached_property
    def price(self) -> Fraction:
        """What a unit cost after credits."""
        return per_unit(self.month.total - self.settled, self.month.quantity) or Fraction(0)

    @cached_property
    def band(self) -> str:
        """The band of the last version in which the month's use ends."""
        return band_of(self.versions[-1], self.month.quantity) if self.versions else WHOLE

    @cached_property
    def is_as_published(self) -> bool:
        """Whether the charge is that of the published version, where that can be told from the papers alone."""
        ceilings = {charge.ceiling for charge in self.month.used}
        if self.unpublished or not self.versions:
            return False
        if (
            len(self.versions) > 1
            or len(ceilings) > 1
            or self.month.is_corrected
            or not all(map(_met_one, self.month.used))
        ):
            return True
        tariff = self.versions[0].tariff
        if not isinstance(tariff.model, _RATED_ALONE):
            return True
        start = min(charge.service_from for charge in self.month.charges)
        end = max(charge.service_until for charge in self.month.charges)
        segment = Segment(start, end, self.versions[0].id, tariff, next(iter(ceilings)), self.month.quantity)
        # Use that was returned gives back its part of a line rounded: a fen a line is no other price.
        return abs(rate_period([segment]).total - self.month.total) <= len(self.month.charges)


def _met_one(charge: Charge) -> bool:
    """Whether all use of a line met one ceiling."""
    return charge.ceiling is None or charge.allowance == charge.ceiling.at(charge.quantity)


def band_of(version: PriceVersion, quantity_micro: int) -> str:
    """Return the band of a version in which a quantity ends, by its bounds.

    >>> from datetime import date
    >>> from decimal import Decimal
    >>> from pricing.money import PriceBasis
    >>> from pricing.tariff import Tariff
    >>> from pricing.tariff_models import Tier
    >>> tiers = (Tier(100 * 10**6, Decimal("0.9")), Tier(None, Decimal("0.7")))
    >>> version = PriceVersion(Span(date(2025, 1, 1)), "t", Tariff(Graduated(tiers), PriceBasis.TAX_EXCLUSIVE))
    >>> band_of(version, 100 * 10**6), band_of(version, 101 * 10**6)
    ('0-100', '100-')
    """
    model = version.tariff.model
    if not isinstance(model, Graduated | Volume):
        return WHOLE
    bounds = [0, *(tier.up_to for tier in model.tiers)]
    for lower, upper in pairwise(bounds):
        if upper is None or quantity_micro <= upper:
            return f"{format_quantity(lower or 0)}-{'' if upper is None else format_quantity(upper)}"
    return WHOLE


def parity_report(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report on an operator and a period, with its hash.

    ``wanted`` is that of the compliance report. A grantor is shown the offerings under its own authorisations. Raises
    NotFound for an operator that the caller does not oversee, DatesReversed.
    """
    span = require_span({"from": wanted["day_from"], "until": wanted["day_until"]}, "from", "until")
    frame = frame_of(unit, wanted["operator"], span, wanted["as_of"])
    groups: dict[tuple[str, ...], list[Paid]] = defaultdict(list)
    for paid in _paid(unit, frame):
        first = paid.first
        offered = frame.offerings[first.offering_id]
        key = (offered.code, offered.product.unit, first.service_month, first.price_basis, paid.band)
        groups[key].append(paid)
    compared = [_group(frame, groups[key], key) for key in sorted(groups)]
    compared.sort(key=lambda group: not group["unexplained"])
    report = {
        "report": "price_parity",
        "report_version": REPORT_VERSION,
        "operator": frame.operator.code,
        "period": {"from": frame.period.start.isoformat(), "until": frame.until.isoformat()},
        "service_months": {
            "from": frame.months.start.isoformat()[:7],
            "until": (frame.months.end or frame.until).isoformat()[:7],
        },
        "zone": str(frame.zone),
        "as_of": format_instant(frame.as_of, frame.zone),
        "is_partial": frame.is_partial,
        "rule_set": {
            "jurisdiction": unit.law.jurisdiction.code,
            "version": unit.law.version,
            "hash": unit.law.digest(),
        },
        "currency": "CNY",
        "settings": {"price_compared_in": "basis_of_the_bill", "rounding": "half_up"},
        "unexplained": sum(group["unexplained"] for group in compared),
        "groups": [{name: group[name] for name in group if name != "prices"} for group in compared],
        "prices": [price for group in compared for price in group["prices"]],
        "sandbox": unit.sandbox,
    }
    return {**report, "report_hash": sha256_of(report)}


def _paid(unit: Unit, frame: Frame) -> Iterator[Paid]:
    charges = still_charged(charges_of(unit, frame), taken_back_or_returned(unit, frame))
    settled, lines = settled_credits(unit, frame), _versions_of_lines(unit, frame)
    contracts = _contracts(unit, frame)
    book = price_book(unit, {charge.offering_id for charge in charges}, frame.as_of)
    for month in charged_months(charges):
        if not month.quantity:
            continue
        named = {lines[charge.invoice_id, charge.position] for charge in month.used}
        priced, contract = book[month.key[1]], contracts[month.key[0]]
        versions = tuple(version for version in priced.tariffs if version.id in named)
        taken = settled.get(month.key, 0)
        unpublished = len(versions) < len(named)
        grounds = frozenset(_grounds(month, contract, priced, versions, taken))
        yield Paid(month, contract, versions, unpublished, grounds, taken)


def _grounds(
    month: ChargedMonth, contract: Contract, priced: Priced, versions: Sequence[PriceVersion], settled: int
) -> Iterator[Ground]:
    for version in versions:
        yield from _grounds_of(version, month, contract)
    in_force = [version for version in priced.tariffs if version.span.overlaps(Month.parse(month.key[2]).span)]
    if len(in_force) > 1 or len(versions) > 1:
        yield Ground("version", ", ".join(version.id for version in versions))
    held = [each for each in priced.ceilings if each.span.overlaps(Month.parse(month.key[2]).span)]
    if len(held) > 1:
        yield Ground("ceiling_changed", ", ".join(each.ceiling.decision_no for each in held))
    kinds = {charge.kind for charge in month.charges}
    if "minimum" in kinds:
        yield Ground("minimum")
    for charge in month.charges:
        ceiling = charge.ceiling
        if ceiling is None:
            continue
        if charge.kind == "ceiling_relief":
            yield Ground("ceiling_relief", ceiling.decision_no)
        elif charge.nominal_unit_price is not None and charge.nominal_unit_price > ceiling.per_unit:
            yield Ground("ceiling", ceiling.decision_no)
    if settled:
        yield Ground("credit_note", None, format_money(settled), published=False)


def _grounds_of(version: PriceVersion, month: ChargedMonth, contract: Contract) -> Iterator[Ground]:
    tariff = version.tariff
    if tariff.relief is Relief.DISCOUNT:
        yield Ground("discount", version.id, tariff.ground)
    if tariff.relief is Relief.CALCULATED_NOT_COLLECTED:
        yield Ground("relief", version.id, tariff.relief.value)
    if isinstance(tariff.model, Graduated | Volume):
        yield Ground("tier", version.id)
    if isinstance(tariff.model, Package):
        yield Ground("package", version.id)
    if tariff.fixed is not None:
        yield Ground("fixed_part", version.id)
    days = [Span(charge.service_from, charge.service_until) for charge in month.used]
    if contract.quote_id is not None and not any(version.span.overlaps(span) for span in days):
        yield Ground("frozen_quote", contract.quote_id, f"{version.id} {version.span.start}")


def _group(frame: Frame, members: Sequence[Paid], key: tuple[str, ...]) -> dict[str, Any]:
    offering, unit_name, service_month, price_basis, band = key
    lowest = min(members, key=lambda paid: (paid.charged, paid.month.key))
    rows = [_price(frame, paid, lowest) for paid in sorted(members, key=lambda paid: (-paid.price, paid.month.key))]
    rows.sort(key=lambda row: row["explained"])
    quantity = sum(paid.month.quantity for paid in members)
    total = sum(paid.month.total - paid.settled for paid in members)
    cheapest, dearest = (shown(bound(paid.price for paid in members)) for bound in (min, max))
    return {
        "offering": offering,
        "offering_name": frame.offerings[lowest.first.offering_id].name,
        "unit": unit_name,
        "service_month": service_month,
        "price_basis": price_basis,
        "band": band,
        "buyers": len({paid.contract.buyer_id for paid in members}),
        "contracts": len(members),
        "quantity": format_quantity(quantity),
        "lowest": cheapest,
        "highest": dearest,
        "weighted": shown(per_unit(total, quantity)),
        "spread": difference(dearest, cheapest),
        "unexplained": not all(row["explained"] for row in rows),
        "links": {"charges": frame.charges(offering, Month.parse(service_month).span)},
        "prices": rows,
    }


def _price(frame: Frame, paid: Paid, lowest: Paid) -> dict[str, Any]:
    month, first = paid.month, paid.first
    offered = frame.offerings[first.offering_id]
    grounds = sorted(paid.grounds, key=lambda ground: (ground.kind, ground.reference or ""))
    explaining = sorted({ground.kind for ground in _explaining(paid, lowest)})
    return {
        "offering": offered.code,
        "offering_name": offered.name,
        "unit": offered.product.unit,
        "service_month": first.service_month,
        "price_basis": first.price_basis,
        "band": paid.band,
        "buyer": first.buyer,
        "contract": first.contract_id,
        "kind": paid.contract.kind,
        "quantity": format_quantity(month.quantity),
        "amount": format_money(month.total),
        "credited": format_money(paid.settled),
        "nominal_unit_price": shown(_nominal(month)),
        "charged_unit_price": shown(paid.charged),
        "unit_price": shown(paid.price),
        "difference": difference(shown(paid.charged), shown(lowest.charged)),
        "explained": _is_explained(paid, lowest),
        "explained_by": explaining,
        "tariffs": [version.id for version in paid.versions],
        "grounds": [ground.document() for ground in grounds],
        "grounds_said": [" ".join(filter(None, (g.kind, g.reference, g.text))) for g in grounds],
        "links": {
            "charges": frame.charges(offered.code, Month.parse(first.service_month).span),
            "contract": frame.link(f"/contracts/{first.contract_id}"),
            **{f"bill_{c.number}": frame.link(f"/invoices/{c.invoice_id}") for c in month.charges},
            **{f"tariff_{version.id}": frame.link(f"/tariffs/{version.id}") for version in paid.versions},
        },
    }


def _nominal(month: ChargedMonth) -> Decimal | None:
    met = (charge.nominal_unit_price for charge in month.used)
    return max((price for price in met if price is not None), default=None)


def _is_explained(paid: Paid, lowest: Paid) -> bool:
    """Say whether a price is that of a published version, and its difference from the lowest has a ground."""
    if paid.settled or not paid.is_as_published:
        return False
    return _is_same(paid, lowest) or bool(_explaining(paid, lowest))


def _is_same(paid: Paid, lowest: Paid) -> bool:
    """Say whether two prices differ by no more than the rounding of their lines to the fen."""
    at_lowest = lowest.charged * FEN_PER_YUAN * paid.month.quantity / MICRO_PER_UNIT
    times = Fraction(paid.month.quantity, lowest.month.quantity)
    return abs(paid.month.total - at_lowest) <= (len(paid.month.charges) + len(lowest.month.charges) * times) / 2


def _explaining(paid: Paid, lowest: Paid) -> list[Ground]:
    """Return the published grounds by which a price differs from the lowest one.

    What hangs on quantity or days explains where either has it; anything else where it is not common to both.
    """
    if paid is lowest or _is_same(paid, lowest):
        return []
    either, common = paid.grounds | lowest.grounds, paid.grounds & lowest.grounds
    return [ground for ground in either if ground.published and (ground.kind in _BY_USE or ground not in common)]


def _versions_of_lines(unit: Unit, frame: Frame) -> dict[tuple[str, int], str | None]:
    query: Any = (
        select(col(InvoiceLine.invoice_id), col(InvoiceLine.position), col(InvoiceLine.tariff_id))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(
            col(Invoice.operator_id) == frame.operator.id,
            col(Invoice.recorded_at) <= frame.as_of,
            in_months(col(InvoiceLine.service_month), frame.months),
        )
    )
    return {(invoice_id, position): tariff_id for invoice_id, position, tariff_id in unit.connection.execute(query)}


def _contracts(unit: Unit, frame: Frame) -> dict[str, Contract]:
    query = select(Contract).where(col(Contract.operator_id) == frame.operator.id)
    return {contract.id: contract for contract in unit.session.execute(query).scalars()}
