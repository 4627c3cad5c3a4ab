"""A tariff or ceiling tried on past use; every sum worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.price_bodies import cap_body
from tests.world import World

TRIED = {"offering": "offering", "effective_from": "2025-03-01", "until": "2025-05-01"}


@pytest.fixture
def used(world: World) -> World:
    """100 and 200 calls in March and April at the public tariff of 0.50, 300 in April under a quote that froze it."""
    world.priced()
    world.regulator.made("/revenue-caps", cap_body("operator"))
    public, frozen = world.contract(buyer="other-buyer")["id"], world.accepted()
    world.clock("2025-05-02")
    for contract, quantity, day in ((public, "100", "03-10"), (public, "200", "04-20"), (frozen, "300", "04-02")):
        world.usage(contract, "offering", quantity, f"2025-{day}T12:00:00+08:00")
    world.invoice(public, "2025-03")
    return world


def tariff(price: str, **given: Any) -> dict[str, Any]:
    return {**TRIED, "price_basis": "tax_exclusive", "model": "per_unit", "unit_price": price, **given}


def ceiling(price: str, **given: Any) -> dict[str, Any]:
    form = {"price_basis": "tax_exclusive", "charging_form": "call", "per_quantity": "1"}
    return {**TRIED, **form, "unit_price": price, **given}


def changes(document: dict[str, Any]) -> tuple[str, str, str]:
    return tuple(document[name] for name in ("before", "after", "difference"))


def test_a_tariff_is_tried_on_those_who_follow_the_public_one(used: World) -> None:
    tried = used.operator.made("/tariffs/what-if", tariff("0.60"), 200)
    assert changes(tried["revenue"]) == ("300.00", "330.00", "30.00")
    assert [(row["month"], *changes(row)) for row in tried["months"]] == [
        ("2025-03", "50.00", "60.00", "10.00"),
        ("2025-04", "250.00", "270.00", "20.00"),
    ]
    assert (tried["contracts"], tried["contracts_frozen"], tried["contracts_affected"]) == (2, 1, 1)
    [row] = tried["affected"]
    assert (row["buyer"], row["quantity"], *changes(row)) == ("other-buyer", "300", "150.00", "180.00", "30.00")
    [year] = tried["headroom"]
    assert (year["actual"], year["actual_after"]) == ("300.00", "330.00")
    assert (year["headroom"], year["headroom_after"]) == ("999700.00", "999670.00")
    assert tried["prices_above_ceiling"] == []
    assert used.operator.seen("/tariffs", offering="offering")["items"][-1]["unit_price"] == "0.50"


def test_a_tariff_from_the_middle_of_a_month_charges_only_the_use_after_it(used: World) -> None:
    later = tariff("0.60", effective_from="2025-04-16")
    assert changes(used.grantor.made("/tariffs/what-if", later, 200)["revenue"]) == ("250.00", "270.00", "20.00")
    earlier = tariff("0.60", effective_from="2025-03-01", until="2025-03-11")
    assert changes(used.grantor.made("/tariffs/what-if", earlier, 200)["revenue"]) == ("50.00", "60.00", "10.00")
    before = tariff("0.60", effective_from="2025-03-01", until="2025-03-10")
    assert changes(used.grantor.made("/tariffs/what-if", before, 200)["revenue"]) == ("50.00", "50.00", "0.00")


def test_a_ceiling_caps_every_contract_and_names_the_prices_above_it(used: World) -> None:
    tried = used.regulator.made("/ceilings/what-if", ceiling("0.40"), 200)
    assert changes(tried["revenue"]) == ("300.00", "240.00", "-60.00")
    assert (tried["contracts_affected"], tried["buyers_affected"]) == (2, 2)
    [above] = tried["prices_above_ceiling"]
    assert (above["field"], above["unit_price"], above["ceiling"]["unit_price"]) == ("unit_price", "0.50", "0.40")
    assert used.operator.seen("/ceilings", offering="offering")["items"][-1]["unit_price"] == "1.00"


def test_a_higher_ceiling_raises_no_contract(used: World) -> None:
    tried = used.operator.made("/ceilings/what-if", ceiling("2.00"), 200)
    assert (changes(tried["revenue"]), tried["affected"]) == (("300.00", "300.00", "0.00"), [])


def test_a_tariff_above_the_ceiling_is_tried_as_it_would_be_billed_and_its_price_is_named(used: World) -> None:
    tried = used.operator.made("/tariffs/what-if", tariff("1.20"), 200)
    assert changes(tried["revenue"]) == ("300.00", "450.00", "150.00")
    [above] = tried["prices_above_ceiling"]
    assert (above["unit_price"], above["tariff"], above["ceiling"]["unit_price"]) == ("1.20", None, "1.00")


def test_what_cannot_be_tried_is_refused_with_its_field(used: World) -> None:
    body = tariff("0.60", until="2025-03-01")
    refused = used.operator.refused("/tariffs/what-if", body, 422, "dates_reversed")
    assert "until" in refused["errors"]
    used.other_regulator.refused("/tariffs/what-if", tariff("0.60"), 404, "not_found")
    used.other_grantor.refused("/ceilings/what-if", ceiling("0.40"), 404, "not_found")
    used.rival.refused("/tariffs/what-if", tariff("0.60"), 404, "not_found")
    used.buyer.refused("/tariffs/what-if", tariff("0.60"), 403, "forbidden")
    assert used.operator.refused("/tariffs/what-if", tariff("-1"), 400, "malformed")["errors"].keys() == {"unit_price"}
    other_basis = tariff("0.60", price_basis="tax_inclusive")
    used.operator.refused("/tariffs/what-if", other_basis, 422, "price_basis_mismatch")


def test_a_fixed_part_and_its_ceiling_are_tried_like_any_other(used: World) -> None:
    flat = {**TRIED, "price_basis": "tax_exclusive", "model": "flat_period", "period": "year", "price": "1200.00"}
    tried = used.operator.made("/tariffs/what-if", flat, 200)
    # Without a fixed part of the ceiling the fee is limited by 100 and 200 calls at 1.00.
    assert changes(tried["revenue"]) == ("300.00", "350.00", "50.00")
    by_month = used.grantor.made("/ceilings/what-if", ceiling("80.00", charging_form="month"), 200)
    assert (changes(by_month["revenue"]), by_month["prices_above_ceiling"]) == (("300.00", "300.00", "0.00"), [])
    used.ceiling(price="90.00", charging_form="month", decision_no="D-month", backdate_reason="decided late")
    tried = used.operator.made("/tariffs/what-if", {**flat, "price": "1080.01"}, 200)
    [above] = tried["prices_above_ceiling"]
    assert (above["field"], above["unit_price"], above["ceiling"]["unit_price"]) == ("price", "1080.01", "1080.00")
    # 90.00 and 100 calls at 1.00 allow 190.00, and the fee is capped at 90.00.
    assert changes(tried["revenue"]) == ("300.00", "330.00", "30.00")


def test_months_to_come_are_not_tried_on(used: World) -> None:
    used.operator.made(
        "/tariffs",
        {
            "offering": "offering",
            "effective_from": "2025-05-10",
            "price_basis": "tax_exclusive",
            "model": "per_unit",
            "unit_price": "0.40",
            "minimum_commitment": "10.00",
        },
    )
    tried = used.operator.made("/tariffs/what-if", tariff("0.60", until="2026-03-01"), 200)
    assert [row["month"] for row in tried["months"]] == ["2025-03", "2025-04", "2025-05"]
    assert tried["service_months"] == {"from": "2025-03", "until": "2025-06"}
    future = used.operator.made(
        "/tariffs/what-if", tariff("0.60", effective_from="2026-01-01", until="2026-03-01"), 200
    )
    assert (future["months"], changes(future["revenue"])) == ([], ("0.00", "0.00", "0.00"))
