"""Real parallel connections: each thing that may happen once happens once, and limits hold to the fen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest

from pricing.period import Month
from settlement.invoices import issue_invoice
from store.unit import Call, Principal, Store
from tests.web.flow_story import require_sound_books
from tests.world import World

T = TypeVar("T")


@pytest.fixture
def world(world: World) -> World:
    """A jurisdiction with one offering at 1.00; the clients are made before any race."""
    world.priced(unit_price="1.00")
    assert all((world.operator, world.buyer, world.auditor))
    return world


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """Do all works at the same time, each in a thread of its own, and return what they return in their order."""
    start = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def billed(world: World) -> Any:
    """Return a bill of 106.00."""
    contract = used(world)
    world.clock("2025-04-01")
    return world.invoice(contract, "2025-03")


def used(world: World, quantity: str = "100") -> str:
    """Return a contract with some use of March."""
    contract: str = world.contract()["id"]
    world.usage(contract, "offering", quantity, "2025-03-01T00:00:00+08:00")
    return contract


def test_q2_of_parallel_acceptances_one_opens_a_contract(world: World) -> None:
    path = f"/quotes/{world.quote()['id']}/accept"
    answers = at_once([lambda: world.buyer.post(path)] * 6)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 5}
    assert {answer.json["code"] for answer in answers if answer.status_code == 409 and answer.json} == {
        "quote_not_open"
    }
    assert len(world.buyer.seen("/contracts")["items"]) == 1


def test_i4_parallel_requests_for_one_bill_get_the_same_bill(world: World) -> None:
    contract = used(world)
    world.clock("2025-04-01")
    body = {"contract": contract, "month": "2025-03"}
    clients = [world.operator, world.buyer] * 10
    answers = at_once([lambda client=client: client.post("/invoices", body) for client in clients])  # type: ignore[misc]
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({(answer.json or {})["id"] for answer in answers}) == 1
    assert [bill["number"] for bill in world.buyer.seen("/invoices")["items"]] == ["00000001"]
    require_sound_books(world)


def test_i5_numbers_have_no_gap_where_some_issues_roll_back(world: World, store: Store) -> None:
    contracts = [used(world, str(number + 1)) for number in range(50)]
    world.clock("2025-04-01")
    call = Call(Principal("operator", world.admin.seen("/parties/operator")["id"]), "test")

    def issue(contract: str, *, fails: bool) -> str | None:
        def use_case(unit: Any) -> str:
            invoice, _ = issue_invoice(unit, contract, Month(2025, 3))
            if fails:
                raise _PowerCutError
            return invoice.number

        try:
            return store.run(call, use_case)
        except _PowerCutError:
            return None

    works = [
        lambda contract=contract, fails=number % 10 == 3: issue(contract, fails=fails)
        for number, contract in enumerate(contracts)
    ]
    with ThreadPoolExecutor(12) as threads:
        numbers = [number for number in threads.map(lambda work: work(), works) if number is not None]
    assert sorted(numbers) == [f"{number:08d}" for number in range(1, 46)]
    require_sound_books(world)


def test_i6_of_two_parallel_credit_notes_one_exceeds_the_bill(world: World) -> None:
    path = f"/invoices/{billed(world)['id']}/credit-notes"
    body = {"amount": "60.00", "reason": "allowance"}
    answers = at_once([lambda: world.operator.post(path, body)] * 2)
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    refused = next(answer.json for answer in answers if answer.status_code == 422)
    assert refused is not None
    assert (refused["code"], refused["left"]) == ("credit_exceeds_invoice", "46.00")
    require_sound_books(world)


def test_parallel_payments_settle_a_bill_once(world: World) -> None:
    bill = billed(world)
    body = {
        "amount": "30.00",
        "received_on": "2025-04-01",
        "bank_reference": "B",
        "allocations": [{"invoice": bill["id"], "amount": "30.00"}],
    }
    answers = at_once([lambda: world.operator.post("/payments", body)] * 5)
    assert {answer.status_code for answer in answers} == {201}
    assert sorted((answer.json or {})["unallocated"] for answer in answers) == [
        "0.00",
        "0.00",
        "0.00",
        "14.00",
        "30.00",
    ]
    shown = world.buyer.seen("/balances", operator="operator", buyer="buyer")
    assert (shown["outstanding"], shown["balance"]) == ("0.00", "44.00")
    require_sound_books(world)


def test_parallel_refunds_never_exceed_the_balance(world: World) -> None:
    paid = {"amount": "100.00", "received_on": "2025-03-01", "bank_reference": "B", "buyer": "buyer"}
    world.operator.made("/payments", paid)
    body = {"buyer": "buyer", "amount": "40.00", "paid_on": "2025-03-01", "bank_reference": "R"}
    answers = at_once([lambda: world.operator.post("/refunds", body)] * 4)
    assert Counter(answer.status_code for answer in answers) == {201: 2, 422: 2}
    require_sound_books(world)


def test_a_dispute_accepted_twice_at_once_is_credited_once(world: World) -> None:
    bill = billed(world)
    dispute = world.buyer.made("/disputes", {"invoice": bill["id"], "reason": "too much"})
    path = f"/disputes/{dispute['id']}/accept"
    answers = at_once([lambda: world.operator.post(path, {"amount": "10.00"})] * 3)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 2}
    assert world.buyer.seen(f"/invoices/{bill['id']}")["credited"] == "10.00"


def test_use_that_arrives_while_a_month_is_billed_is_billed_exactly_once(world: World) -> None:
    contract = used(world)
    world.clock("2025-04-01")

    def send() -> int:
        answers = [world.usage(contract, "offering", "1", "2025-03-31T12:00:00+08:00") for _ in range(5)]
        return sum(answer["accepted"] for answer in answers)

    def bill() -> int:
        answer = world.operator.post("/invoices", {"contract": contract, "month": "2025-03"})
        return answer.status_code

    accepted = at_once([send, send, bill, send])
    assert (sum(accepted) - accepted[2], accepted[2]) == (15, 201)
    world.clock("2025-05-01")
    bills = [world.invoice(contract, month) for month in ("2025-03", "2025-04")]
    quantities = [line["quantity"] for paper in bills for line in paper["lines"]]
    assert sum(map(int, quantities)) == 115
    assert [paper["number"] for paper in bills] == ["00000001", "00000002"]
    require_sound_books(world)


class _PowerCutError(Exception):
    """Something that fails after the bill was written and before the work is durable."""


def test_a_fee_billed_ahead_is_credited_while_its_month_is_billed(world: World) -> None:
    world.offering("yearly")
    world.ceiling("yearly", base_price="1200", base_price_period="year")
    world.tariff("yearly", model="flat_period", period="year", price="1200.00")
    contract = world.accepted("yearly")
    world.clock("2025-05-01")
    path = f"/invoices/{world.invoice(contract, '2025-03')['id']}/credit-notes"
    credit = {"lines": [{"position": 2, "amount": "53.00"}], "reason": "allowance"}
    answers = at_once(
        [
            lambda: world.operator.post(path, credit),
            lambda: world.buyer.post("/invoices", {"contract": contract, "month": "2025-04"}),
            lambda: world.operator.post(path, credit),
        ]
    )
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    require_sound_books(world)


def test_of_parallel_filings_one_is_kept_and_a_cost_line_sent_at_once_is_booked_once(world: World) -> None:
    filing = {"report": "annual_operation", "operator": "operator", "year": 2024}
    answers = at_once([lambda: world.operator.post("/reports/filings", filing)] * 4)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}
    assert len(world.operator.seen("/reports/filings")["items"]) == 1
    cost = {"month": "2025-02", "head": "platform", "use": "commercial", "amount": "5.00", "document_no": "V-1"}
    items = {"items": [{**cost, "text": "Servers", "occurred_on": "2025-02-01"}]}
    entered = at_once([lambda: world.operator.post("/operating-costs", items)] * 6)
    assert {answer.status_code for answer in entered} == {201}
    assert len({(answer.json or {})["items"][0]["id"] for answer in entered}) == 1
    rows = world.auditor.seen("/ledger/trial-balance", operator="operator")["items"]
    assert [row["balance"] for row in rows if row["kind"] == "accrued_operating_cost"] == ["5.00"]
