"""Reads the ceilings and segments that the case files state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pricing.ceiling import Ceiling, ChargingForm, FixedCeiling
from pricing.fees import FeePeriod
from pricing.money import PriceBasis, parse_quantity, parse_unit_price
from pricing.period import Span
from pricing.rating import Segment
from pricing.tariff import tariff_from_document

_WHOLE_MARCH = {"from": date(2026, 3, 1), "until": date(2026, 4, 1)}


def ceiling_from_case(stated: Mapping[str, str]) -> Ceiling:
    """A ceiling of a case file: its price; for one unit and tax-exclusive, unless it says otherwise."""
    return Ceiling(
        id="cl_1",
        decision_no=stated.get("decision_no", "D-1"),
        unit_price=parse_unit_price(stated["unit_price"]),
        per_quantity=parse_quantity(stated.get("per_quantity", "1")),
        price_basis=PriceBasis(stated.get("price_basis", "tax_exclusive")),
        charging_form=ChargingForm.CALL,
        effective_from=date(2026, 1, 1),
    )


def fixed_ceiling_from_case(stated: Mapping[str, str]) -> FixedCeiling:
    """What a ceiling of a case file allows for the fixed part of prices; tax-exclusive, unless it says otherwise."""
    return FixedCeiling(
        id=stated.get("id", "cl_1"),
        decision_no=stated.get("decision_no", "D-1"),
        stated=parse_unit_price(stated["price"]),
        period=FeePeriod(stated["period"]),
        price_basis=PriceBasis(stated.get("price_basis", "tax_exclusive")),
    )


def segments_from_case(case: Mapping[str, Any]) -> list[Segment]:
    """The segments of a case; without any, its quantity in the whole of March 2026."""
    stated = case.get("segments") or [_WHOLE_MARCH | {"quantity": case["quantity"]}]
    return [_segment(case | segment) for segment in stated]


def _segment(stated: Mapping[str, Any]) -> Segment:
    ceiling = stated.get("ceiling")
    return Segment(
        start=stated["from"],
        end=stated["until"],
        tariff_id=stated.get("tariff_id", "tf_1"),
        tariff=tariff_from_document(stated["tariff"]),
        ceiling=None if ceiling is None else ceiling_from_case(ceiling),
        quantity_micro=parse_quantity(stated["quantity"]),
        fixed_ceiling=fixed_ceiling_from_case(stated["fixed_ceiling"]) if stated.get("fixed_ceiling") else None,
        term=Span(stated["term"]["from"], stated["term"].get("until")) if "term" in stated else None,
    )
