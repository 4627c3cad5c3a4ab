"""Payments, refunds and disputes through the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.flow_story import require_sound_books
from tests.world import World


@pytest.fixture
def world(world: World) -> World:
    """A jurisdiction in April, with one offering at 1.00."""
    world.priced(unit_price="1.00")
    world.clock("2025-04-01")
    return world


def bills(world: World, *quantities: str, buyer: str = "buyer") -> list[Any]:
    """Return the bills of March of new contracts with these uses."""
    contracts = [world.contract(buyer=buyer)["id"] for _ in quantities]
    for contract, quantity in zip(contracts, quantities, strict=True):
        world.usage(contract, "offering", quantity, "2025-03-01T00:00:00+08:00")
    return [world.invoice(contract, "2025-03") for contract in contracts]


def payment(**given: Any) -> dict[str, Any]:
    """The body of a payment."""
    return {"amount": "100.00", "received_on": "2025-04-01", "bank_reference": "B-1", "allocations": [], **given}


def part(bill: Any, amount: str) -> dict[str, str]:
    """An allocation."""
    return {"invoice": bill["id"], "amount": amount}


def balances(world: World) -> tuple[str, str]:
    """Return what the buyer owes, and its balance."""
    found = world.operator.seen("/balances", operator="operator", buyer="buyer")
    return found["outstanding"], found["balance"]


def test_a_payment_settles_bills_and_the_rest_is_the_buyers_balance(world: World) -> None:
    first, second = bills(world, "100", "50")
    body = payment(amount="200.00", allocations=[part(first, "106.00"), part(second, "60.00")])
    made = world.operator.made("/payments", body)
    settled = {row["invoice"]: row["amount"] for row in made["allocations"]}
    assert settled == {first["id"]: "106.00", second["id"]: "53.00"}
    assert (made["unallocated"], made["buyer"], made["bank_reference"]) == ("41.00", "buyer", "B-1")
    assert balances(world) == ("0.00", "41.00")
    shown = world.buyer.seen(f"/invoices/{second['id']}")
    assert (shown["paid"], shown["outstanding"], shown["payments"][0]["amount"]) == ("53.00", "0.00", "53.00")
    assert world.buyer.seen(f"/payments/{made['id']}") == made
    assert world.buyer.seen("/payments")["items"] == [made]
    assert world.other_buyer.seen("/payments")["items"] == []
    again = world.operator.made("/payments", payment(amount="1.00", allocations=[part(first, "1.00")]))
    assert (again["allocations"], again["unallocated"]) == ([], "1.00")
    require_sound_books(world)


def test_a_payment_without_bills_names_its_buyer(world: World) -> None:
    world.operator.refused("/payments", payment(), 400, "buyer_required")
    made = world.operator.made("/payments", payment(buyer="buyer"))
    assert (made["unallocated"], made["allocations"]) == ("100.00", [])
    assert balances(world) == ("0.00", "100.00")


def test_a_payment_that_does_not_fit_its_bills_is_refused(world: World) -> None:
    (mine,) = bills(world, "100")
    (others,) = bills(world, "100", buyer="other-buyer")
    both = [part(mine, "10.00"), part(others, "10.00")]
    world.operator.refused("/payments", payment(allocations=both), 422, "several_buyers")
    named = payment(allocations=both[:1], buyer="other-buyer")
    world.operator.refused("/payments", named, 422, "several_buyers")
    twice = payment(allocations=[both[0], both[0]])
    world.operator.refused("/payments", twice, 422, "invoice_repeated")
    more = payment(allocations=[part(mine, "100.01")])
    world.operator.refused("/payments", more, 422, "allocations_exceed_payment")
    late = payment(allocations=both[:1], received_on="2025-04-02")
    world.operator.refused("/payments", late, 422, "day_in_the_future")
    problem = world.rival.refused("/payments", payment(allocations=both[:1]), 404, "not_found")
    assert list(problem["errors"]) == ["allocations.0.invoice"]
    assert world.buyer.post("/payments", payment()).status_code == 403
    for amount in ("0.00", "-1.00", "1.001", "1e2", 100):
        world.operator.refused("/payments", payment(amount=amount, buyer="buyer"), 400, "malformed")


def test_a_balance_is_paid_back_up_to_what_it_holds(world: World) -> None:
    world.operator.made("/payments", payment(buyer="buyer"))
    body = {"buyer": "buyer", "amount": "60.00", "paid_on": "2025-03-01", "bank_reference": "B-2"}
    made = world.operator.made("/refunds", body)
    assert body == {name: made[name] for name in body}
    problem = world.operator.refused("/refunds", body, 422, "balance_exceeded")
    assert problem["balance"] == "40.00"
    world.operator.made("/refunds", {**body, "amount": "40.00"})
    assert balances(world) == ("0.00", "0.00")
    assert world.buyer.seen(f"/refunds/{made['id']}") == made
    assert len(world.buyer.seen("/refunds")["items"]) == 2
    assert world.other_buyer.get(f"/refunds/{made['id']}").status_code == 404
    world.operator.refused("/refunds", {**body, "paid_on": "2025-04-02"}, 422, "day_in_the_future")
    require_sound_books(world)


def test_balances_are_shown_to_the_two_sides_and_their_overseers(world: World) -> None:
    query = {"operator": "operator", "buyer": "buyer"}
    for client in (world.buyer, world.operator, world.regulator, world.auditor):
        client.seen("/balances", **query)
    for client in (world.other_buyer, world.rival, world.other_regulator):
        assert client.get("/balances", **query).status_code == 404


def test_an_accepted_dispute_makes_its_credit_note(world: World) -> None:
    (bill,) = bills(world, "100")
    body = {"invoice": bill["id"], "reason": "we were cut off", "lines": [{"position": 1, "quantity": "10"}]}
    made = world.buyer.made("/disputes", body)
    assert (made["status"], made["invoice"], made["contract"]) == ("open", bill["id"], None)
    assert made["lines"] == [{"position": 1, "quantity": "10", "amount": None}]
    assert world.rival.post(f"/disputes/{made['id']}/accept", {}).status_code == 404
    assert world.buyer.post(f"/disputes/{made['id']}/accept", {}).status_code == 403
    accepted = world.operator.made(f"/disputes/{made['id']}/accept", {"reason": "agreed"}, 200)
    assert (accepted["status"], accepted["decision_reason"]) == ("accepted", "agreed")
    note = world.buyer.seen(f"/invoices/{bill['id']}/credit-notes/{accepted['credit_note']}")
    assert (note["gross"], note["reason"]) == ("10.60", "allowance")
    world.operator.refused(f"/disputes/{made['id']}/accept", {"amount": "1.00"}, 409, "dispute_not_open")
    world.operator.refused(f"/disputes/{made['id']}/reject", {"reason": "no"}, 409, "dispute_not_open")
    assert world.regulator.seen("/disputes")["items"] == [accepted]
    require_sound_books(world)


def test_a_dispute_is_accepted_for_less_or_rejected(world: World) -> None:
    (bill,) = bills(world, "100")
    first, second = (world.buyer.made("/disputes", {"invoice": bill["id"], "reason": "too much"}) for _ in range(2))
    world.operator.refused(f"/disputes/{first['id']}/accept", {"reason": "ok"}, 400, "credit_required")
    world.operator.refused(f"/disputes/{first['id']}/accept", {"amount": "106.01"}, 422, "credit_exceeds_invoice")
    assert world.buyer.seen(f"/disputes/{first['id']}")["status"] == "open"
    body = {"amount": "6.00", "reason": "returned"}
    accepted = world.operator.made(f"/disputes/{first['id']}/accept", body, 200)
    notes = world.buyer.seen(f"/invoices/{bill['id']}/credit-notes")["items"]
    assert [(note["id"], note["reason"]) for note in notes] == [(accepted["credit_note"], "returned")]
    rejected = world.operator.made(f"/disputes/{second['id']}/reject", {"reason": "metered"}, 200)
    assert (rejected["status"], rejected["decision_reason"], rejected["credit_note"]) == ("rejected", "metered", None)


def test_a_dispute_about_a_contract_is_credited_on_one_of_its_bills(world: World) -> None:
    bill, other = bills(world, "100", "100")
    world.buyer.refused("/disputes", {"reason": "x"}, 400, "malformed")
    both = {"reason": "x", "invoice": bill["id"], "contract": bill["contract"]}
    world.buyer.refused("/disputes", both, 400, "malformed")
    world.other_buyer.refused("/disputes", {"reason": "x", "invoice": bill["id"]}, 404, "not_found")
    made = world.buyer.made("/disputes", {"contract": bill["contract"], "reason": "bad data"})
    path = f"/disputes/{made['id']}/accept"
    world.operator.refused(path, {"amount": "1.00"}, 400, "invoice_required")
    world.operator.refused(path, {"amount": "1.00", "invoice": other["id"]}, 404, "not_found")
    accepted = world.operator.made(path, {"amount": "1.00", "invoice": bill["id"]}, 200)
    assert accepted["status"] == "accepted"
    assert world.buyer.seen(f"/invoices/{bill['id']}")["credited"] == "1.00"
