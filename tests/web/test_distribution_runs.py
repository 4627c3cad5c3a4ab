"""Runs of the distribution, statements and payouts through the API."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.settlement.sharing import NET, SECOND_NET, Sharing, fen
from tests.world import World

TREASURY = {"payable_to": "treasury", "collecting_body": "Bureau of Data", "revenue_item": "103070699"}


@pytest.fixture
def sharing(world: World) -> Sharing:
    return Sharing.founded(world)


def test_a_month_is_run_once_it_has_ended_and_the_same_run_is_the_answer_ever_after(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    april = {"operator": "operator", "month": "2025-04"}
    sharing.operator.refused("/settlements", april, 409, "month_not_ended")
    sharing.world.clock("2025-05-01")
    made = sharing.operator.made("/settlements", april)
    sharing.bill("90.00")
    assert sharing.operator.made("/settlements", april, status=200) == made
    assert sharing.operator.seen(f"/settlements/{made['id']}") == made
    assert sharing.operator.seen("/settlements", operator="operator")["items"] == [made]
    assert made["pools"][0]["agreement"] == "distribution-1"


def test_only_signed_agreements_distribute(sharing: Sharing) -> None:
    proposed = sharing.agreement(signed=False)
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    assert sharing.settle("2025-04")["statements"] == []
    sharing.sign(proposed["id"])
    sharing.world.clock("2025-06-01")
    settlement = sharing.settle("2025-05")
    assert settlement["pool"] == "10.00"
    assert {link["beneficiary"]: link["closing"] for link in settlement["statements"]} == {"a": "7.00", "b": "3.00"}


def test_the_past_is_not_run_after_a_later_month(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.world.clock("2025-06-01")
    sharing.settle("2025-05")
    sharing.operator.refused("/settlements", {"operator": "operator", "month": "2025-04"}, 409, "later_month_settled")


def test_parallel_requests_for_a_month_make_one_run(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    client, body = sharing.operator, {"operator": "operator", "month": "2025-04"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: client.post("/settlements", body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json["id"] for answer in answers if answer.json}) == 1
    assert len(sharing.operator.seen("/statements")["items"]) == 2
    sharing.verify()


def test_parallel_runs_of_two_months_share_a_bill_once(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    sharing.world.clock("2025-06-01")
    bodies = [{"operator": "operator", "month": month} for month in ("2025-04", "2025-05")]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda body: sharing.operator.post("/settlements", body), bodies))
    runs = [answer.json for answer in answers if answer.json and answer.status_code == 201]
    assert sum(fen(run["pool"]) for run in runs) == 1000
    sharing.verify()


def test_only_the_operator_runs_it_and_others_do_not_see_it(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.world.clock("2025-05-01")
    body = {"operator": "operator", "month": "2025-04"}
    sharing.world.rival.refused("/settlements", body, 404, "not_found")
    assert sharing.world.grantor.post("/settlements", body).status_code == 403
    made = sharing.settle("2025-04")
    assert sharing.world.regulator.seen(f"/settlements/{made['id']}") == made
    for client in (sharing.world.rival, sharing.world.other_regulator):
        assert client.get(f"/settlements/{made['id']}").status_code == 404
        assert client.seen("/settlements")["items"] == []


def test_a_statement_is_seen_by_its_beneficiary_the_operator_the_regulator_and_the_auditor(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    statement = sharing.statement(sharing.settle("2025-04"), "a")
    path = f"/statements/{statement['id']}"
    own = sharing.world.client("provider", "a")
    for client in (own, sharing.operator, sharing.world.regulator, sharing.world.auditor):
        assert client.seen(path) == statement
    for client in (sharing.world.client("provider", "b"), sharing.world.rival, sharing.world.grantor):
        assert client.get(path).status_code == 404
    assert [each["id"] for each in own.seen("/statements")["items"]] == [statement["id"]]
    found = sharing.operator.seen("/statements", month="2025-04", beneficiary="a", operator="operator")
    assert found["items"] == [statement]
    assert sharing.operator.seen("/statements", month="2025-05")["items"] == []


def test_a_statement_is_frozen_with_the_hash_of_what_it_says(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    statement = sharing.statement(sharing.settle("2025-04"), "a")
    said = {name: value for name, value in statement.items() if name != "sha256"}
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert statement["sha256"] == hashlib.sha256(canonical.encode()).hexdigest()
    sharing.bill("90.00")
    sharing.pay_out(statement, "2025-05-01")
    assert sharing.operator.seen(f"/statements/{statement['id']}") == statement
    before, after = "2025-04-30T00:00:00+08:00", "2025-05-01T00:00:00+08:00"
    assert sharing.operator.get(f"/statements/{statement['id']}", as_of=before).status_code == 404
    sharing.world.clock("2025-05-02")
    assert sharing.operator.get(f"/statements/{statement['id']}", as_of=after).status_code == 404
    later = "2025-05-01T23:00:00+08:00"
    assert sharing.operator.seen(f"/statements/{statement['id']}", as_of=later) == statement


def test_a_statement_is_given_as_papers_that_never_change(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    statement = sharing.statement(sharing.settle("2025-04"), "a")
    for form, start in (("pdf", b"%PDF"), ("xlsx", b"PK"), ("csv", b"")):
        first, again = (sharing.operator.get(f"/statements/{statement['id']}.{form}", lang="en") for _ in range(2))
        assert (first.status_code, again.data) == (200, first.data), first.text
        assert first.data.startswith(start)
        assert first.headers["X-Content-SHA256"] == hashlib.sha256(first.data).hexdigest()
    table = sharing.operator.get(f"/statements/{statement['id']}.csv").data.decode("utf-8-sig")
    amounts = {row["entry"]: row["amount"] for row in csv.DictReader(io.StringIO(table))}
    assert (amounts["opening"], amounts["closing"]) == ("0.00", "7.00")
    assert sharing.world.rival.get(f"/statements/{statement['id']}.pdf").status_code == 404


def test_a_payout_pays_the_newest_statement_once(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    first = sharing.statement(sharing.settle("2025-04"), "a")
    sharing.world.clock("2025-06-02")
    sharing.bill("10.00")
    second = sharing.statement(sharing.settle("2025-05"), "a")
    refuse = sharing.operator.refused
    assert refuse("/payouts", payout(first), 409, "statement_superseded")["statement"] == second["id"]
    paid = sharing.operator.made("/payouts", payout(second))
    assert (paid["amount"], paid["beneficiary"], paid["statement"]) == ("7.00", "a", second["id"])
    refuse("/payouts", payout(second), 409, "already_paid")
    refuse("/payouts", {**payout(second), "paid_on": "2025-06-03"}, 422, "day_in_the_future")
    assert sharing.operator.seen(f"/payouts/{paid['id']}") == paid
    assert sharing.world.client("provider", "a").seen("/payouts")["items"] == [paid]
    assert sharing.world.client("provider", "b").seen("/payouts")["items"] == []
    assert sharing.balances("payable") == {("a", None): "0.00", ("b", None): "3.00"}
    sharing.world.clock("2025-07-01")
    third = sharing.statement(sharing.settle("2025-06"), "a")
    assert (third["opening"], third["paid"], third["closing"]) == ("7.00", "7.00", "7.00")
    assert [each["id"] for each in third["payouts"]] == [paid["id"]]
    sharing.verify()


def test_parallel_payouts_pay_once(sharing: Sharing) -> None:
    sharing.agreement()
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    statement = sharing.statement(sharing.settle("2025-04"), "a")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: sharing.operator.post("/payouts", payout(statement)), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert sharing.balances("payable")["a", None] == "0.00"


def test_nothing_is_paid_that_is_not_payable(sharing: Sharing) -> None:
    sharing.agreement(weights={"a": "1", "operator": "1"}, minimum_payout="10.00")
    sharing.bill("10.00")
    sharing.world.clock("2025-05-01")
    run = sharing.settle("2025-04")
    own, other = sharing.statement(run, "operator"), sharing.statement(run, "a")
    assert (own["closing"], other["minimum_payout"]) == ("5.00", "10.00")
    sharing.operator.refused("/payouts", payout(own), 409, "nothing_to_pay")
    sharing.operator.refused("/payouts", payout(other), 409, "below_minimum_payout")
    sharing.world.rival.refused("/payouts", payout(other), 404, "not_found")
    sharing.world.clock("2025-06-01")
    sharing.credit(sharing.bills[0])
    sharing.world.clock("2025-07-01")
    nothing = sharing.statement(sharing.settle("2025-06"), "a")
    sharing.operator.refused("/payouts", payout(nothing), 409, "nothing_to_pay")
    assert sharing.balances("payable") == {("a", None): "0.00"}


def test_what_an_administrative_body_receives_is_remitted_to_the_treasury_under_a_number(sharing: Sharing) -> None:
    shares = [{"beneficiary": "bureau", "weight": "1", **TREASURY}, {"beneficiary": "a", "weight": "1"}]
    sharing.agreement(residual={"weights": "fixed", "shares": shares})
    sharing.bill("100.00")
    sharing.world.clock("2025-05-01")
    statement = sharing.statement(sharing.settle("2025-04"), "bureau")
    assert {name: statement[name] for name in TREASURY} == TREASURY
    assert statement["closing"] == "50.00"
    assert sharing.balances("treasury_payable") == {("treasury", None): "50.00"}
    problem = sharing.operator.refused("/payouts", payout(statement), 422, "remittance_no_missing")
    assert set(problem["errors"]) == {"remittance_no"}
    paid = sharing.operator.made("/payouts", {**payout(statement), "remittance_no": "R-1"})
    assert (paid["payable_to"], paid["remittance_no"]) == ("treasury", "R-1")
    assert sharing.balances("treasury_payable") == {("treasury", None): "0.00"}
    sharing.verify()


def test_on_collected_basis_shares_are_accrued_as_billed_and_payable_as_paid(sharing: Sharing) -> None:
    steps = [{"kind": "percentage", "beneficiary": "operator", "percent": "10", "of": "pool", "shortfall": "lapse"}]
    sharing.agreement(steps=steps, weights={"a": "2", "b": "1"}, basis="collected", offerings=[NET])
    bill = sharing.bill("100.00")
    sharing.world.clock("2025-05-01")
    sharing.settle("2025-04")
    assert sharing.balances("accrued_share") == {("a", NET): "60.00", ("b", NET): "30.00"}
    assert sharing.balances("revenue_share_cost") == {(None, NET): "90.00"}
    sharing.pay(bill, "53.00", "2025-05-01")
    sharing.world.clock("2025-06-01")
    sharing.settle("2025-05")
    assert sharing.balances("accrued_share") == {("a", NET): "30.00", ("b", NET): "15.00"}
    assert sharing.balances("payable") == {("a", None): "30.00", ("b", None): "15.00"}
    assert sharing.balances("revenue_share_cost") == {(None, NET): "90.00"}
    sharing.credit(bill, "26.50")
    sharing.pay(bill, "26.50", "2025-06-01")
    sharing.world.clock("2025-07-01")
    sharing.settle("2025-06")
    assert sharing.balances("accrued_share") == {("a", NET): "0.00", ("b", NET): "0.00"}
    assert sharing.balances("payable") == {("a", None): "45.00", ("b", None): "22.50"}
    assert sharing.balances("revenue_share_cost") == {(None, NET): "67.50"}
    sharing.verify()


def test_what_is_held_back_stays_accrued_until_it_is_released(sharing: Sharing) -> None:
    holdback = {"kind": "holdback", "beneficiary": "a", "percent": "10", "release_after_months": 1}
    sharing.agreement(steps=[holdback], weights={"b": "1"}, offerings=[NET])
    sharing.bill("100.00")
    sharing.world.clock("2025-05-01")
    sharing.settle("2025-04")
    assert (sharing.balances("accrued_share")["a", NET], sharing.balances("payable")["b", None]) == ("10.00", "90.00")
    sharing.world.clock("2025-06-01")
    statement = sharing.statement(sharing.settle("2025-05"), "a")
    assert statement["holdback"] == {"withheld": "0.00", "released": "10.00", "held": "0.00"}
    assert (sharing.balances("accrued_share")["a", NET], sharing.balances("payable")["a", None]) == ("0.00", "10.00")
    sharing.verify()


def test_a_service_month_falls_under_the_agreement_that_held_then(sharing: Sharing) -> None:
    fee = {"kind": "fixed_fee", "beneficiary": "c", "shortfall": "carry", "amount": "10.00"}
    sharing.agreement(steps=[fee], weights={"a": "1"}, offerings=[NET])
    sharing.agreement(agreement_no="distribution-2", weights={"b": "1"}, offerings=[NET], effective_from="2025-04-15")
    sharing.world.clock("2025-05-01")
    sharing.bill("100.00", month="2025-04")
    sharing.bill("30.00", month="2025-03")
    sharing.world.clock("2025-06-01")
    run = sharing.settle("2025-05")
    closing = {link["beneficiary"]: link["closing"] for link in run["statements"]}
    assert closing == {"a": "30.00", "b": "100.00", "c": "0.00"}


def test_an_agreement_in_the_past_takes_what_no_run_has_taken(world: World) -> None:
    sharing = Sharing.founded(world, NET, SECOND_NET)
    sharing.agreement(offerings=[SECOND_NET])
    old = sharing.bill({NET: "40.00", SECOND_NET: "10.00"})
    sharing.world.clock("2025-05-01")
    assert sharing.settle("2025-04")["pool"] == "10.00"
    sharing.agreement(agreement_no="distribution-2", weights={"c": "1"}, offerings=[NET])
    sharing.agreement(
        agreement_no="distribution-3", weights={"c": "1"}, offerings=[SECOND_NET], effective_from="2025-04-01"
    )
    sharing.world.clock("2025-06-01")
    run = sharing.settle("2025-05")
    assert {link["beneficiary"]: link["closing"] for link in run["statements"]} == {
        "a": "7.00",
        "b": "3.00",
        "c": "40.00",
    }
    sharing.credit(old)
    sharing.world.clock("2025-07-01")
    run = sharing.settle("2025-06")
    assert run["pool"] == "-50.00"
    assert {link["closing"] for link in run["statements"]} == {"0.00"}
    sharing.verify()


def test_a_change_of_basis_takes_nothing_back(sharing: Sharing) -> None:
    sharing.agreement(weights={"a": "1"}, offerings=[NET], effective_from="2025-02-01")
    bill = sharing.bill("100.00")
    sharing.world.clock("2025-05-01")
    assert sharing.settle("2025-04")["pool"] == "100.00"
    sharing.agreement(agreement_no="distribution-2", weights={"b": "1"}, offerings=[NET], basis="collected")
    sharing.world.clock("2025-06-01")
    assert sharing.settle("2025-05")["pool"] == "0.00"
    sharing.credit(bill, "53.00")
    sharing.world.clock("2025-07-01")
    run = sharing.settle("2025-06")
    assert {link["beneficiary"]: link["closing"] for link in run["statements"]} == {"a": "50.00", "b": "0.00"}
    sharing.verify()


def test_a_bill_with_a_ceiling_relief_shares_what_is_left(sharing: Sharing) -> None:
    world = sharing.world
    world.priced("relieved", ceiling="0.80", unit_price="0.50", minimum_commitment="100.00")
    sharing.agreement(weights={"a": "1"}, offerings=["relieved", NET], basis="collected")
    contract = world.contract("relieved", NET)["id"]
    world.usage(contract, "relieved", "100", "2025-03-10T00:00:00+08:00")
    world.usage(contract, NET, "2000", "2025-03-10T00:00:00+08:00")
    bill = world.invoice(contract, "2025-03")
    assert bill["net"] == "100.00"
    sharing.pay(bill, "35.33", "2025-04-01")
    world.clock("2025-05-01")
    assert pools(sharing.settle("2025-04")) == {"relieved": "26.66", NET: "6.67"}
    sharing.pay(bill, "70.67", "2025-05-01")
    world.clock("2025-06-01")
    run = sharing.settle("2025-05")
    assert pools(run) == {"relieved": "53.34", NET: "13.33"}
    assert sharing.statement(run, "a")["closing"] == "100.00"
    sharing.verify()


def pools(run: Any) -> dict[str, str]:
    return {pool["offering"]: pool["pool"] for pool in run["pools"]}


def payout(statement: Any) -> dict[str, Any]:
    return {"statement": statement["id"], "paid_on": statement["as_of"][:10], "bank_reference": "bank-1"}
