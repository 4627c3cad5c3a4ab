"""The register behind a compliance report: offerings with their class, ceilings, prices, and what was changed and why.

Everything is as it was recorded by the frame's moment; what happened to a quote or contract later does not show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, Generic, TypeVar

from sqlalchemy import select
from sqlmodel import col

from pricing.ceiling import FixedCeiling, strictest
from pricing.classification import COMMERCIAL
from pricing.money import FEN_PER_YUAN, format_money, format_quantity, format_unit_price
from pricing.period import Span, day_of, format_instant, instant_of
from pricing.tariff import Tariff, tariff_from_document
from pricing.tariff_models import Graduated, Volume
from registry.lookup import code_of
from registry.prices import PERIOD_FORMS, fixed_ceiling_value, version_spans
from registry.tables import (
    CeilingVersion,
    ClassificationDecision,
    Contract,
    ContractOffering,
    Offering,
    Party,
    ProductRegistration,
    TariffVersion,
)
from reports.frame import Frame, Offered
from settlement.tables import Quote
from store.unit import Unit

Version = TypeVar("Version", CeilingVersion, TariffVersion)


@dataclass(frozen=True)
class Held(Generic[Version]):
    """A ceiling or tariff, and the days on which it really holds."""

    row: Version
    days: Span


@dataclass(frozen=True)
class Register:
    """What the registry holds of the frame's offerings, each series in time order."""

    decisions: Mapping[str, Sequence[ClassificationDecision]]
    ceilings: Mapping[str, Sequence[Held[CeilingVersion]]]
    tariffs: Mapping[str, Sequence[Held[TariffVersion]]]
    registrations: Mapping[str, ProductRegistration]

    def category_on(self, offering_id: str, day: date) -> ClassificationDecision | None:
        """The decision in force on a day."""
        return next((row for row in reversed(self.decisions[offering_id]) if row.effective_from <= day), None)

    def chargeable_on(self, offered: Offered, day: date) -> bool:
        """Whether an offering is commercial on a day, by decision or by proposal."""
        decision = self.category_on(offered.offering.id, day)
        return (decision.category if decision else offered.offering.proposed_category) == COMMERCIAL

    def ceiling_on(self, offered: Offered, day: date) -> CeilingVersion | None:
        """The ceiling of an offering's own charging form in force on a day."""
        form = offered.product.charging_basis
        for held in self.ceilings[offered.offering.id]:
            if held.row.charging_form == form and held.days.contains(day):
                return held.row
        return None

    def fixed_ceiling_on(self, offered: Offered, day: date) -> FixedCeiling | None:
        """The strictest ceiling of the fixed part of an offering's prices on a day, of those in one tax basis."""
        rows = [held.row for held in self.ceilings[offered.offering.id] if held.days.contains(day)]
        return strictest(limit for row in rows if (limit := fixed_ceiling_value(row)) is not None)


def read_register(unit: Unit, frame: Frame) -> Register:
    """Read the register of the frame's offerings in a fixed number of statements."""
    ceilings: dict[str, list[Held[CeilingVersion]]] = defaultdict(list)
    for (offering_id, _), rows in sorted(_series(unit, frame, CeilingVersion).items()):
        ceilings[offering_id] += [Held(*each) for each in zip(rows, version_spans(rows), strict=True)]
    tariffs: dict[str, list[Held[TariffVersion]]] = defaultdict(list)
    for (offering_id, _), rows in _series(unit, frame, TariffVersion).items():
        tariffs[offering_id] += [Held(*each) for each in zip(rows, version_spans(rows), strict=True)]
    decisions: dict[str, list[ClassificationDecision]] = defaultdict(list)
    for row in _recorded(unit, frame, ClassificationDecision):
        decisions[row.offering_id].append(row)
    return Register(decisions, ceilings, tariffs, _registrations(unit, frame))


def offering_rows(unit: Unit, frame: Frame, register: Register) -> list[dict[str, Any]]:
    """Return the register of offerings with class, reasons and charging basis, as on the period's last day."""
    return [_offering_row(unit, frame, register, offered) for offered in frame.offerings.values()]


def ceiling_rows(frame: Frame, register: Register) -> list[dict[str, Any]]:
    """Return every ceiling decided for the offerings until the end of the period."""
    return [
        _ceiling_row(frame, offered, held)
        for offered in frame.offerings.values()
        for held in register.ceilings[offered.offering.id]
        if held.row.effective_from < frame.until
    ]


def price_rows(unit: Unit, frame: Frame, register: Register) -> list[dict[str, Any]]:
    """Return the prices in force in the period, those quoted in it, and those of contracts that held in it."""
    return [
        *prices_in_force(frame, register),
        *_prices_quoted(unit, frame),
        *_prices_contracted(unit, frame, register),
    ]


def adjustment_rows(frame: Frame, register: Register) -> list[dict[str, Any]]:
    """Return what changed prices in the period: versions that began in it, and back-dated ones that reach into it."""
    rows = []
    for offered in frame.offerings.values():
        offering_id = offered.offering.id
        of_kinds: tuple[tuple[str, Sequence[Held[Any]]], ...] = (
            ("ceiling", register.ceilings[offering_id]),
            ("tariff", register.tariffs[offering_id]),
        )
        for kind, series in of_kinds:
            rows += [
                _adjustment_row(frame, offered, kind, held, before)
                for held, before in zip(series, [None, *series], strict=False)
                if _changes(frame, held)
            ]
    return sorted(rows, key=lambda row: (row["effective_from"], row["offering"], row["kind"]))


def backdated_rows(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return the prices and ceilings that began where use had been had already and reach into the period: with reasons.

    Every report whose figures hang on prices prints them.
    """
    rows = adjustment_rows(frame, read_register(unit, frame))
    return [row for row in rows if row["backdated"] and row["backdate_reason"] is not None]


def _offering_row(unit: Unit, frame: Frame, register: Register, offered: Offered) -> dict[str, Any]:
    offering, product = offered.offering, offered.product
    decision = register.category_on(offering.id, frame.last_day)
    registration = register.registrations.get(product.id)
    reference = offering.reference_offering_id
    reasons = decision.reasons if decision else offering.reasons
    return {
        "code": offering.code,
        "name": offered.name,
        "product": product.code,
        "scenario": offering.scenario["code"],
        "purpose": offering.scenario["purpose"],
        "category": decision.category if decision else offering.proposed_category,
        "status": "confirmed" if decision else "proposed",
        "classified_from": decision.effective_from.isoformat() if decision else None,
        "decision_no": decision.decision_no if decision else None,
        "reasons": reasons,
        "grounds": [_ground(reason) for reason in reasons],
        "decisions": [_decision(frame, row) for row in register.decisions[offering.id]],
        "charge_reason": offering.charge_reason,
        "charging_basis": product.charging_basis,
        "unit": product.unit,
        "reference_offering": code_of(unit, Offering, reference) if reference else None,
        "agreement_no": offered.authorisation.agreement_no,
        "grantor": code_of(unit, Party, offered.authorisation.grantor_id),
        "registration_code": registration.registration_code if registration else None,
        "registration_expires_on": registration.registration_expires_on.isoformat() if registration else None,
        "links": {"offering": frame.link(f"/offerings/{offering.code}")},
    }


def _ground(reason: Mapping[str, str]) -> str:
    """A reason in one line, as papers print it."""
    source = f"{reason['source']} {reason['article']}".strip()
    return f"{source}: {reason['fact']} → {reason['outcome']}"


def _decision(frame: Frame, row: ClassificationDecision) -> dict[str, Any]:
    return {
        "decision_no": row.decision_no,
        "category": row.category,
        "effective_from": row.effective_from.isoformat(),
        "reason": row.reason,
        "recorded_at": format_instant(row.recorded_at, frame.zone),
    }


def _ceiling_row(frame: Frame, offered: Offered, held: Held[CeilingVersion]) -> dict[str, Any]:
    row = held.row
    return {
        "offering": offered.code,
        "offering_name": offered.name,
        "unit_price": format_unit_price(row.unit_price),
        "per_quantity": format_quantity(row.per_quantity),
        "unit": row.charging_form if row.charging_form in PERIOD_FORMS else offered.product.unit,
        "charging_form": row.charging_form,
        "price_basis": row.price_basis,
        "base_price": None if row.base_price is None else format_unit_price(row.base_price),
        "base_price_period": row.base_price_period,
        "effective_from": row.effective_from.isoformat(),
        "effective_until": _day(held.days.end),
        "decision_no": row.decision_no,
        "report_no": row.report["report_no"],
        "reported_on": row.report["reported_on"],
        "planned_sales_volume": None if row.planned_sales_volume is None else format_quantity(row.planned_sales_volume),
        "above_maximum_reason": row.above_maximum_reason,
        "recorded_at": format_instant(row.recorded_at, frame.zone),
        "links": {"ceiling": frame.link(f"/ceilings/{row.id}")},
    }


def prices_in_force(frame: Frame, register: Register) -> Iterator[dict[str, Any]]:
    """Give a row for each published price that held in the period."""
    for offered in frame.offerings.values():
        for held in register.tariffs[offered.offering.id]:
            days = held.days.intersect(frame.period)
            if days is None:
                continue
            given = {
                "source": "in_force",
                "reference": held.row.guidance_no if held.row.trial else None,
                "effective_from": held.row.effective_from.isoformat(),
                "effective_until": _day(held.days.end),
                "trial": held.row.trial,
                "links": {"tariff": frame.link(f"/tariffs/{held.row.id}")},
            }
            yield from _bands(register, offered, tariff_from_document(held.row.tariff), _last_day(days), given)


def _prices_quoted(unit: Unit, frame: Frame) -> Iterator[dict[str, Any]]:
    query = (
        select(Quote, Party)
        .join(Party, col(Party.id) == col(Quote.buyer_id))
        .where(
            col(Quote.operator_id) == frame.operator.id,
            col(Quote.recorded_at) <= frame.as_of,
            col(Quote.recorded_at) >= instant_of(frame.period.start, frame.zone),
            col(Quote.recorded_at) < instant_of(frame.until, frame.zone),
        )
        .order_by(col(Quote.id))
    )
    for quote, buyer in unit.session.execute(query):
        for line in quote.snapshot["lines"]:
            offered = frame.offerings.get(line["offering_id"])
            if offered is not None:
                yield _quoted_row(frame, offered, quote, buyer, line)


def _quoted_row(frame: Frame, offered: Offered, quote: Quote, buyer: Party, line: Mapping[str, Any]) -> dict[str, Any]:
    ceiling, tariff = line["ceiling"] or {}, line["tariff"] or {}
    return {
        **_empty_price(offered),
        "source": "quoted",
        "reference": quote.number,
        "buyer": buyer.code,
        "status": _quote_status(frame, quote),
        "model": tariff.get("model"),
        "unit_price": line["nominal_unit_price"],
        "effective_unit_price": line["effective_unit_price"],
        "quantity": line["quantity"],
        "price_basis": quote.price_basis,
        "ceiling": ceiling.get("unit_price"),
        "per_quantity": ceiling.get("per_quantity"),
        "decision_no": ceiling.get("decision_no"),
        "effective_from": quote.effective_from.isoformat(),
        "effective_until": _day(quote.effective_until),
        "trial": line["trial"],
        "links": {"quote": frame.link(f"/quotes/{quote.id}")},
    }


def _prices_contracted(unit: Unit, frame: Frame, register: Register) -> Iterator[dict[str, Any]]:
    query: Any = (
        select(
            col(Contract.id),
            col(Contract.effective_from),
            col(Contract.effective_until),
            col(ContractOffering.offering_id),
            col(ContractOffering.tariff_id),
            col(ContractOffering.tariff),
            col(Party.code).label("buyer"),
        )
        .join(ContractOffering, col(ContractOffering.contract_id) == col(Contract.id))
        .join(Party, col(Party.id) == col(Contract.buyer_id))
        .where(
            col(Contract.operator_id) == frame.operator.id,
            col(Contract.recorded_at) <= frame.as_of,
            col(Contract.accepted_at) <= frame.as_of,
            col(ContractOffering.category) == COMMERCIAL,
        )
        .order_by(col(Contract.id), col(ContractOffering.offering_id))
    )
    for row in unit.connection.execute(query):
        offered = frame.offerings.get(row.offering_id)
        days = Span(row.effective_from, row.effective_until).intersect(frame.period)
        if offered is None or days is None:
            continue
        given = {
            "source": "contracted",
            "reference": row.id,
            "buyer": row.buyer,
            "effective_from": row.effective_from.isoformat(),
            "effective_until": _day(row.effective_until),
            "links": {"contract": frame.link(f"/contracts/{row.id}")},
        }
        if row.tariff is None:
            yield {**_empty_price(offered), **given, "follows": "public_tariff"}
        else:
            given["trial"] = _was_trial(register, row.offering_id, row.tariff_id)
            yield from _bands(register, offered, tariff_from_document(row.tariff), _last_day(days), given)


def _was_trial(register: Register, offering_id: str, tariff_id: str | None) -> bool:
    return any(held.row.id == tariff_id and held.row.trial for held in register.tariffs[offering_id])


def _bands(
    register: Register, offered: Offered, tariff: Tariff, day: date, given: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Give a row for each price that a buyer can meet, beside the ceilings of a day."""
    ceiling, fixed = register.ceiling_on(offered, day), register.fixed_ceiling_on(offered, day)
    said = {
        **_empty_price(offered),
        "model": tariff.model.name.value,
        "price_basis": tariff.price_basis.value,
        "minimum_commitment": None if tariff.minimum_commitment is None else format_money(tariff.minimum_commitment),
        "relief": tariff.relief.value,
        "ground": tariff.ground,
    }
    if tariff.fixed is not None:
        yield {
            **said,
            "unit": tariff.fixed.period.value,
            "unit_price": format_unit_price(Fraction(tariff.fixed.price, FEN_PER_YUAN)),
            "band": tariff.fixed.field,
            "ceiling": format_unit_price(fixed.limit(tariff.fixed.period) / FEN_PER_YUAN) if fixed else None,
            "per_quantity": "1" if fixed else None,
            "decision_no": fixed.decision_no if fixed else None,
            **given,
        }
    for band, (_, price) in zip(_band_names(tariff), tariff.priced_fields(), strict=False):
        yield {
            **said,
            "unit_price": format_unit_price(price),
            "band": band,
            "ceiling": format_unit_price(ceiling.unit_price) if ceiling else None,
            "per_quantity": format_quantity(ceiling.per_quantity) if ceiling else None,
            "decision_no": ceiling.decision_no if ceiling else None,
            **given,
        }


def _empty_price(offered: Offered) -> dict[str, Any]:
    return {
        "offering": offered.code,
        "offering_name": offered.name,
        "unit": offered.product.unit,
        **dict.fromkeys(_PRICE_MEMBERS),
        "trial": False,
    }


_PRICE_MEMBERS = (
    "source",
    "reference",
    "buyer",
    "status",
    "follows",
    "model",
    "unit_price",
    "effective_unit_price",
    "quantity",
    "band",
    "price_basis",
    "minimum_commitment",
    "relief",
    "ground",
    "ceiling",
    "per_quantity",
    "decision_no",
    "effective_from",
    "effective_until",
)


def _band_names(tariff: Tariff) -> list[str | None]:
    """What each price of a tariff is for; None where it has only one."""
    if not isinstance(tariff.model, Graduated | Volume):
        return [None]
    bounds = [0, *(tier.up_to for tier in tariff.model.tiers)]
    return [
        f"> {format_quantity(lower or 0)}" + ("" if upper is None else f" ≤ {format_quantity(upper)}")
        for lower, upper in pairwise(bounds)
    ]


def _quote_status(frame: Frame, quote: Quote) -> str:
    """What had become of a quote by the frame's moment."""
    if quote.accepted_at is not None and quote.accepted_at <= frame.as_of:
        return "accepted"
    if quote.withdrawn_at is not None and quote.withdrawn_at <= frame.as_of:
        return "withdrawn"
    return "expired" if frame.today > quote.valid_until else "open"


def _adjustment_row(
    frame: Frame,
    offered: Offered,
    kind: str,
    held: Held[Any],
    before: Held[Any] | None,
) -> dict[str, Any]:
    row = held.row
    return {
        "kind": kind,
        "offering": offered.code,
        "offering_name": offered.name,
        "decision_no": row.decision_no if isinstance(row, CeilingVersion) else row.guidance_no,
        "effective_from": row.effective_from.isoformat(),
        "recorded_at": format_instant(row.recorded_at, frame.zone),
        "price_before": _prices_of(before.row) if before and before.days.end == row.effective_from else None,
        "price_after": _prices_of(row),
        "backdated": _is_backdated(frame, row),
        "backdate_reason": row.backdate_reason,
        "reason": row.above_maximum_reason if isinstance(row, CeilingVersion) else row.ground,
        "links": {kind: frame.link(f"/{kind}s/{row.id}")},
    }


def _prices_of(row: CeilingVersion | TariffVersion) -> str:
    """The prices of a version in one text, the bands of a tariff from the first to the last."""
    if isinstance(row, CeilingVersion):
        fixed = fixed_ceiling_value(row)
        if fixed is not None and row.charging_form in PERIOD_FORMS:
            return f"{format_unit_price(fixed.stated)} / {fixed.period}"
        of_unit = f"{format_unit_price(row.unit_price)} / {format_quantity(row.per_quantity)}"
        return of_unit if fixed is None else f"{format_unit_price(fixed.stated)} / {fixed.period}; {of_unit}"
    tariff = tariff_from_document(row.tariff)
    of_period = [f"{format_money(tariff.fixed.price)} / {tariff.fixed.period}"] if tariff.fixed else []
    return "; ".join([*of_period, *(format_unit_price(price) for _, price in tariff.priced_fields())])


def _changes(frame: Frame, held: Held[Any]) -> bool:
    if frame.period.contains(held.row.effective_from):
        return True
    return _is_backdated(frame, held.row) and held.days.overlaps(frame.period)


def _is_backdated(frame: Frame, row: CeilingVersion | TariffVersion) -> bool:
    return day_of(row.recorded_at, frame.zone) > row.effective_from


def _series(unit: Unit, frame: Frame, table: Any) -> dict[tuple[str, str], list[Any]]:
    """Read the versions of a kind; those that succeed each other are of one offering and charging form."""
    series: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in _recorded(unit, frame, table):
        series[row.offering_id, getattr(row, "charging_form", "")].append(row)
    return series


def _recorded(unit: Unit, frame: Frame, table: Any) -> Sequence[Any]:
    query = (
        select(table)
        .where(col(table.offering_id).in_(list(frame.offerings)), col(table.recorded_at) <= frame.as_of)
        .order_by(col(table.effective_from))
    )
    return unit.session.execute(query).scalars().all()


def _registrations(unit: Unit, frame: Frame) -> dict[str, ProductRegistration]:
    """The latest registration of each product that began by the period's last day."""
    products = {offered.product.id for offered in frame.offerings.values()}
    query = (
        select(ProductRegistration)
        .where(
            col(ProductRegistration.product_id).in_(sorted(products)),
            col(ProductRegistration.recorded_at) <= frame.as_of,
            col(ProductRegistration.registered_on) <= frame.last_day,
        )
        .order_by(col(ProductRegistration.registered_on))
    )
    return {row.product_id: row for row in unit.session.execute(query).scalars()}


def _last_day(days: Span) -> date:
    """The last of some days of the period, by whose ceiling a price is judged."""
    return (days.end or date.max) - timedelta(days=1)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
