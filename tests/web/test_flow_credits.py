"""Credit notes through the API: never more than is left, where the use goes, the VAT, and bills charged anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.web.flow_story import require_sound_books
from tests.world import World


@pytest.fixture
def world(world: World) -> World:
    """A jurisdiction with one offering at 1.00 under a ceiling of 1.00."""
    world.priced(unit_price="1.00")
    return world


def billed(world: World, quantity: str = "100", **given: Any) -> Any:
    """Return the bill of March of a new contract with this use."""
    contract = world.accepted(**given)
    world.usage(contract, "offering", quantity, "2025-03-01T00:00:00+08:00")
    world.clock("2025-04-01")
    return world.invoice(contract, "2025-03")


def credit(world: World, bill: Any, **given: Any) -> Any:
    """Credit a bill."""
    return world.operator.made(f"/invoices/{bill['id']}/credit-notes", {"reason": "allowance", **given})


def use_of(world: World, bill: Any, *states: str) -> tuple[str, ...]:
    """Return how much of the use of a bill's contract is in each state."""
    use = world.buyer.seen("/usage", contract=bill["contract"], offering="offering")
    return tuple(use[state] for state in states)


def balances(world: World) -> tuple[str, str]:
    """Return what the buyer owes, and its balance."""
    found = world.buyer.seen("/balances", operator="operator", buyer="buyer")
    return found["outstanding"], found["balance"]


def test_i6_all_notes_of_a_bill_never_exceed_it(world: World) -> None:
    bill = billed(world)
    assert bill["gross"] == "106.00"
    note = credit(world, bill, amount="60.00")
    assert (note["net"], note["tax"], note["gross"], note["number"]) == ("56.60", "3.40", "60.00", "00000001")
    path = f"/invoices/{bill['id']}/credit-notes"
    body = {"amount": "60.00", "reason": "allowance"}
    problem = world.operator.refused(path, body, 422, "credit_exceeds_invoice")
    assert problem["left"] == "46.00"
    assert "46.00" in problem["detail"]
    last = credit(world, bill, amount="46.00")
    assert (last["net"], last["tax"]) == ("43.40", "2.60")
    shown = world.buyer.seen(f"/invoices/{bill['id']}")
    assert (shown["credited"], shown["outstanding"], shown["gross"]) == ("106.00", "0.00", "106.00")
    assert [row["id"] for row in world.buyer.seen(path)["items"]] == [note["id"], last["id"]]
    assert world.auditor.seen(f"{path}/{note['id']}") == note
    assert world.rival.get(path).status_code == 404
    assert world.buyer.post(path, body).status_code == 403
    world.operator.refused(path, {"amount": "0.01", "reason": "allowance"}, 422, "credit_exceeds_invoice")
    require_sound_books(world)


def test_three_notes_give_back_exactly_the_tax_of_the_bill(world: World) -> None:
    bill = billed(world, "94.34")
    assert (bill["tax"], bill["gross"]) == ("5.66", "100.00")
    taxes = [credit(world, bill, amount=amount)["tax"] for amount in ("33.33", "33.33", "33.34")]
    assert taxes == ["1.89", "1.88", "1.89"]


def test_returned_use_is_written_off_and_is_not_charged_again(world: World) -> None:
    bill = billed(world)
    note = credit(world, bill, reason="returned", lines=[{"position": 1, "quantity": "40"}])
    assert (note["net"], note["gross"], note["lines"][0]["quantity"]) == ("40.00", "42.40", "40")
    assert use_of(world, bill, "billed", "written_off", "unbilled") == ("60", "40", "0")
    path = f"/invoices/{bill['id']}/credit-notes"
    too_much = {"reason": "returned", "lines": [{"position": 1, "quantity": "60.000001"}]}
    assert world.operator.refused(path, too_much, 422, "credit_exceeds_invoice")["left"] == "60"
    world.usage(bill["contract"], "offering", "1", "2025-03-02T00:00:00+08:00")
    world.clock("2025-05-01")
    april = world.invoice(bill["contract"], "2025-04")
    assert [(line["kind"], line["net"]) for line in april["lines"]] == [("correction", "1.00")]
    require_sound_books(world)


def test_a_bill_issued_in_error_is_credited_and_charged_anew_by_the_next(world: World) -> None:
    bill = billed(world)
    path = f"/invoices/{bill['id']}/credit-notes"
    body = {"reason": "allowance", "rebill": True, "amount": "106.00"}
    world.operator.refused(path, body, 422, "rebill_needs_error")
    note = credit(world, bill, reason="issued_in_error", rebill=True, amount="106.00")
    assert (note["lines"][0]["quantity"], note["rebill"]) == ("100", True)
    assert use_of(world, bill, "billed", "unbilled") == ("0", "100")
    writeoff = {
        "contract": bill["contract"],
        "offering": "offering",
        "month": "2025-03",
        "quantity": "30",
        "reason": "counted twice",
    }
    world.operator.made("/usage-writeoffs", writeoff)
    world.clock("2025-05-01")
    april = world.invoice(bill["contract"], "2025-04")
    assert [(line["kind"], line["quantity"], line["net"], line["corrects"]) for line in april["lines"]] == [
        ("correction", "70", "70.00", bill["id"])
    ]
    world.clock("2025-06-01")
    assert world.invoice(bill["contract"], "2025-05")["lines"] == []
    assert use_of(world, bill, "billed", "unbilled", "written_off") == ("70", "0", "30")
    require_sound_books(world)


def test_a_part_issued_in_error_is_charged_anew_by_the_part(world: World) -> None:
    bill = billed(world)
    credit(world, bill, reason="issued_in_error", rebill=True, lines=[{"position": 1, "quantity": "25"}])
    world.clock("2025-05-01")
    april = world.invoice(bill["contract"], "2025-04")
    assert [(line["quantity"], line["net"]) for line in april["lines"]] == [("25", "25.00")]
    require_sound_books(world)


def test_an_amount_is_spread_over_the_lines_by_what_is_left_of_them(world: World) -> None:
    world.priced("second", unit_price="1.00")
    items = [{"offering": "offering", "quantity": "1"}, {"offering": "second", "quantity": "1"}]
    quote = world.quote(items=items)
    contract = world.buyer.made(f"/quotes/{quote['id']}/accept", status=200)["contract"]["id"]
    world.usage(contract, "offering", "60", "2025-03-01T00:00:00+08:00")
    world.usage(contract, "second", "40", "2025-03-01T00:00:00+08:00")
    world.clock("2025-04-01")
    bill = world.invoice(contract, "2025-03")
    first = credit(world, bill, lines=[{"position": 1, "amount": "63.60"}])
    assert [(line["position"], line["gross"]) for line in first["lines"]] == [(1, "63.60")]
    second = credit(world, bill, amount="42.40")
    assert [(line["position"], line["gross"]) for line in second["lines"]] == [(2, "42.40")]
    require_sound_books(world)


def test_reliefs_are_given_back_with_the_charge_they_relieve(admin: Client) -> None:
    world = World.founded(admin)
    world.priced(ceiling="0.80", unit_price="0.50", minimum_commitment="100.00")
    bill = billed(world)
    assert bill["gross"] == "84.80"
    note = credit(world, bill, amount="84.80")
    assert [(line["position"], line["gross"]) for line in note["lines"]] == [
        (1, "53.00"),
        (2, "53.00"),
        (3, "-21.20"),
    ]
    require_sound_books(world)


def test_use_that_was_not_collected_can_be_returned_for_nothing(admin: Client) -> None:
    world = World.founded(admin)
    world.priced(unit_price="1.00", relief="calculated_not_collected", ground="pilot")
    bill = billed(world)
    note = credit(world, bill, reason="returned", lines=[{"position": 1, "quantity": "10"}])
    assert note["gross"] == "0.00"
    assert use_of(world, bill, "billed", "written_off") == ("90", "10")
    require_sound_books(world)


def test_what_was_paid_and_then_credited_is_the_buyers_balance(world: World) -> None:
    bill = billed(world)
    world.payment(bill["id"], "66.00", "2025-04-01")
    assert balances(world) == ("40.00", "0.00")
    credit(world, bill, amount="53.00")
    assert balances(world) == ("0.00", "13.00")
    assert world.buyer.seen(f"/invoices/{bill['id']}")["outstanding"] == "0.00"
    require_sound_books(world)


def test_vat_waits_for_the_red_confirmation_where_a_tax_invoice_was_issued(world: World) -> None:
    bill = billed(world)
    path = f"/invoices/{bill['id']}"
    world.operator.put(f"{path}/fapiao", {"fapiao_no": "25112000000012345678", "issued_on": "2025-04-01"})
    note = credit(world, bill, amount="53.00")
    assert (note["red_pending"], note["fapiao_no"]) == (True, "25112000000012345678")
    assert vat(world) == {"output_vat": "6.00", "red_pending_vat": "3.00"}
    confirm = f"{path}/credit-notes/{note['id']}/red-confirmation"
    shown = world.operator.made(confirm, {"red_confirmation_no": "R-1"}, 200)
    assert (shown["red_confirmation_no"], shown["red_pending"]) == ("R-1", False)
    assert vat(world) == {"output_vat": "3.00", "red_pending_vat": "0.00"}
    world.operator.made(confirm, {"red_confirmation_no": "R-1"}, 200)
    assert vat(world) == {"output_vat": "3.00", "red_pending_vat": "0.00"}
    world.operator.refused(confirm, {"red_confirmation_no": "R-2"}, 409, "red_confirmation_recorded")
    body = {"amount": "10.00", "reason": "allowance", "red_confirmation_no": "R-1"}
    world.operator.refused(f"{path}/credit-notes", body, 409, "red_confirmation_recorded")
    assert credit(world, bill, amount="10.60", red_confirmation_no="R-3")["red_pending"] is False
    assert vat(world) == {"output_vat": "2.40", "red_pending_vat": "0.00"}
    require_sound_books(world)


FAULTY: list[dict[str, Any]] = [
    {},
    {"amount": "1.00", "lines": [{"position": 1, "amount": "1.00"}]},
    {"amount": "0.00"},
    {"amount": "-1.00"},
    {"amount": 1},
    {"lines": []},
    {"lines": [{"position": 1}]},
    {"lines": [{"position": 2, "amount": "1.00"}]},
    {"lines": [{"position": 1, "amount": "1.00"}, {"position": 1, "amount": "1.00"}]},
    {"amount": "1.00", "reason": "late_use"},
]


def test_a_note_that_cannot_be_read_is_malformed(world: World) -> None:
    bill = billed(world)
    for given in FAULTY:
        body = {"reason": "allowance", **given}
        assert world.operator.refused(f"/invoices/{bill['id']}/credit-notes", body, 400, "malformed")["errors"], given


def vat(world: World) -> dict[str, str]:
    """Return the balances of the VAT accounts by kind, each on its normal side."""
    rows = world.auditor.seen("/ledger/trial-balance")["items"]
    return {row["kind"]: row["balance"] for row in rows if row["kind"] in ("output_vat", "red_pending_vat")}
