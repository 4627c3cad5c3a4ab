"""Breaches found later: how they can arise, that each buyer is refunded once, and the way to their close."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.web.flow_story import require_sound_books
from tests.world import World

PATH = "/breaches"
PERIOD = {"from": "2025-03-01", "until": "2025-05-01"}
REPORT = "/reports/cap-compliance"
BACKDATED = {"effective_from": "2025-03-18", "decision_no": "D-3", "backdate_reason": "A clerk left it out"}


def breach_body(**given: Any) -> dict[str, Any]:
    body = {"operator": "operator", "offering": "offering", "cause": "Ceiling recorded late", "found_on": "2025-04-10"}
    return {**body, **PERIOD, **given}


def report_of(world: World) -> Any:
    return world.regulator.seen(REPORT, operator="operator", **PERIOD)


def billed_above_a_ceiling_recorded_later(world: World, **prices: Any) -> dict[str, Any]:
    """Bills of March of two buyers at 1.00, cut at the 16th, and then a ceiling of 0.80 from the 18th on."""
    world.offering()
    basis = {name: prices[name] for name in prices if name == "price_basis"}
    world.ceiling(price="1.00", decision_no="D-1", **basis)
    world.ceiling(price="1.10", decision_no="D-2", effective_from="2025-03-16", **basis)
    world.tariff(unit_price="1.00", **prices)
    contracts = {"buyer": world.contract()["id"], "other-buyer": world.contract(buyer="other-buyer")["id"]}
    world.clock("2025-04-01")
    world.usage(contracts["buyer"], "offering", "1000", "2025-03-05T12:00:00+08:00")
    world.usage(contracts["buyer"], "offering", "2000", "2025-03-20T12:00:00+08:00")
    world.usage(contracts["other-buyer"], "offering", "50", "2025-03-20T12:00:00+08:00")
    made = {name: world.invoice(contract, "2025-03") for name, contract in contracts.items()}
    world.clock("2025-04-10")
    world.grantor.refused(PATH, breach_body(), 422, "nothing_above_ceiling")
    world.ceiling(price="0.80", **BACKDATED, **basis)
    return {"contracts": contracts, "bills": made}


def test_a_breach_goes_from_its_record_over_refund_order_and_answer_to_its_close(world: World) -> None:
    given = billed_above_a_ceiling_recorded_later(world)
    bills = given["bills"]
    [first, _] = report_of(world)["breaches"]
    assert (first["value"], first["status"], first["records"]) == ("400.00", "open", [])

    record = world.regulator.made(PATH, breach_body())
    assert (record["status"], record["found_by"], record["recorded_by"]) == ("open", "regulator", "regulator")
    told = {(month["buyer"], month["charged"], month["allowed"], month["owed"]) for month in record["months"]}
    assert told == {("buyer", "3000.00", "2600.00", "400.00"), ("other-buyer", "50.00", "40.00", "10.00")}
    world.operator.refused(PATH, breach_body(), 409, "breach_recorded")
    path = f"{PATH}/{record['id']}"
    world.operator.refused(f"{path}/answer", {"text": "t"}, 409, "breach_not_ordered")
    left = world.regulator.refused(f"{path}/close", {}, 422, "breach_unrefunded")
    assert left["owed"] == "410.00"

    order = {"decision_no": "O-1", "measures": ["refund", "adjust"], "text": "Refund all", "due_on": "2025-05-01"}
    assert world.regulator.made(f"{path}/order", order, 200)["status"] == "ordered"
    refunded = world.operator.made(f"{path}/refund", status=200)
    notes = {month["buyer"]: month for month in refunded["months"]}
    assert (notes["buyer"]["refunded_net"], notes["buyer"]["refunded_gross"]) == ("400.00", "424.00")
    assert (notes["other-buyer"]["refunded_net"], notes["other-buyer"]["refunded_gross"]) == ("10.00", "10.60")
    [note_id] = notes["buyer"]["credit_notes"]
    note = world.buyer.seen(f"/invoices/{bills['buyer']['id']}/credit-notes/{note_id}")
    assert (note["reason"], note["tax"]) == ("above_ceiling", "24.00")
    # The credit lies on the line that stands above its ceiling, and the other line keeps its price.
    assert [(line["position"], line["gross"]) for line in note["lines"]] == [(2, "424.00")]
    world.operator.refused(f"{path}/refund", None, 422, "nothing_owed")

    tariff = world.operator.made("/tariffs", {**tariff_body(), "effective_from": "2025-04-11"})
    answer = {"text": "Refunded", "credit_notes": [note_id], "tariffs": [tariff["id"]]}
    wrong = world.operator.refused(f"{path}/answer", {**answer, "tariffs": ["trf_none"]}, 404, "not_found")
    assert list(wrong["errors"]) == ["tariffs.0"]
    assert world.operator.made(f"{path}/answer", answer, 200)["status"] == "answered"
    open_one = report_of(world)
    assert [row["status"] for row in open_one["breach_records"]] == ["answered"]
    closed = world.regulator.made(f"{path}/close", {}, 200)
    assert (closed["status"], [step["action"] for step in closed["steps"]]) == ("closed", ["order", "answer", "close"])
    for member, body in (("order", order), ("close", {})):
        world.regulator.refused(f"{path}/{member}", body, 409, "breach_closed")

    report = report_of(world)
    assert [(row["refunded"], row["status"], row["records"]) for row in report["breaches"]] == [
        ("400.00", "closed", [record["id"]]),
        ("10.00", "closed", [record["id"]]),
    ]
    [told_record] = report["breach_records"]
    assert (told_record["value"], told_record["refunded_gross"], told_record["decision_no"]) == (
        "410.00",
        "434.60",
        "O-1",
    )
    assert report["reconciled"] is True
    assert [row["count_above"] for row in report["price_summary"]] == [0]
    require_sound_books(world)


def tariff_body() -> dict[str, Any]:
    return {
        "offering": "offering",
        "price_basis": "tax_exclusive",
        "model": "per_unit",
        "unit_price": "0.80",
        "relief": "none",
    }


def test_late_use_after_a_refund_gives_nothing_back_twice(world: World) -> None:
    given = billed_above_a_ceiling_recorded_later(world)
    record = world.operator.made(PATH, breach_body())
    world.operator.made(f"{PATH}/{record['id']}/refund", status=200)
    world.usage(given["contracts"]["buyer"], "offering", "100", "2025-03-21T12:00:00+08:00")
    world.clock("2025-05-01")
    preview = world.regulator.seen("/reports/revenue-position", operator="operator", year="2025")
    assert preview["actual"] == "2720.00"  # 3,050.00 billed, 410.00 refunded, 80.00 to be billed
    bill = world.invoice(given["contracts"]["buyer"], "2025-04")
    assert [(line["kind"], line["net"]) for line in bill["lines"]] == [("correction", "80.00")]
    assert len(world.buyer.seen(f"/invoices/{given['bills']['buyer']['id']}")["credit_notes"]) == 1
    world.operator.refused(f"{PATH}/{record['id']}/refund", None, 422, "nothing_owed")
    require_sound_books(world)


def test_what_late_use_or_the_parties_gave_back_before_is_not_refunded_again(world: World) -> None:
    given = billed_above_a_ceiling_recorded_later(world)
    settled = {"amount": "10.60", "reason": "allowance"}
    world.operator.made(f"/invoices/{given['bills']['other-buyer']['id']}/credit-notes", settled)
    world.usage(given["contracts"]["buyer"], "offering", "100", "2025-03-21T12:00:00+08:00")
    world.clock("2025-05-01")
    world.invoice(given["contracts"]["buyer"], "2025-04")
    [note] = world.buyer.seen(f"/invoices/{given['bills']['buyer']['id']}")["credit_notes"]
    assert (note["reason"], note["net"]) == ("late_use", "320.00")  # 80.00 of use that came late, less 400.00
    world.operator.refused(PATH, breach_body(), 422, "nothing_above_ceiling")
    assert [row["status"] for row in report_of(world)["breaches"]] == ["refunded", "refunded"]


def test_a_refund_takes_prices_with_tax_as_they_are(world: World) -> None:
    given = billed_above_a_ceiling_recorded_later(world, price_basis="tax_inclusive")
    record = world.operator.made(PATH, breach_body())
    refunded = world.operator.made(f"{PATH}/{record['id']}/refund", status=200)
    notes = {month["buyer"]: (month["refunded_net"], month["refunded_gross"]) for month in refunded["months"]}
    assert notes == {"buyer": ("377.36", "400.00"), "other-buyer": ("9.43", "10.00")}
    assert given["bills"]["buyer"]["gross"] == "3000.00"
    require_sound_books(world)


def test_a_minimum_above_a_ceiling_recorded_later_is_refunded_over_the_lines_of_its_month(world: World) -> None:
    world.offering()
    world.ceiling(price="2.00")
    world.tariff(unit_price="0.50", minimum_commitment="100.00")
    contract = world.contract()["id"]
    world.clock("2025-04-01")
    world.usage(contract, "offering", "100", "2025-03-20T12:00:00+08:00")
    bill = world.invoice(contract, "2025-03")
    assert bill["net"] == "100.00"
    world.clock("2025-04-10")
    world.ceiling(price="0.80", **{**BACKDATED, "effective_from": "2025-03-01"})
    record = world.grantor.made(PATH, breach_body())
    refunded = world.operator.made(f"{PATH}/{record['id']}/refund", status=200)
    assert refunded["months"][0]["refunded_net"] == "20.00"
    world.operator.refused(f"{PATH}/{record['id']}/refund", None, 422, "nothing_owed")
    assert [row["status"] for row in report_of(world)["breaches"]] == ["refunded"]
    require_sound_books(world)


def test_use_returned_for_less_than_was_charged_for_it_is_a_breach(world: World) -> None:
    world.offering()
    world.ceiling(price="0.80")
    world.tariff(unit_price="0.80")
    contract = world.contract()["id"]
    world.clock("2025-04-10")
    world.usage(contract, "offering", "100", "2025-03-20T12:00:00+08:00")
    bill = world.invoice(contract, "2025-03")
    notes = f"/invoices/{bill['id']}/credit-notes"
    fair = {"lines": [{"position": 1, "quantity": "25"}], "reason": "returned"}
    world.operator.made(notes, fair)
    assert report_of(world)["breaches"] == []
    unfair = {"lines": [{"position": 1, "quantity": "25", "amount": "1.06"}], "reason": "returned"}
    world.operator.made(notes, unfair)
    [found] = report_of(world)["breaches"]
    assert (found["value"], found["quantity"]) == ("19.00", "50")  # 59.00 for 50 calls, of which 40.00 are allowed
    record = world.regulator.made(PATH, breach_body(cause="Credit in error"))
    refunded = world.operator.made(f"{PATH}/{record['id']}/refund", status=200)
    assert refunded["months"][0]["refunded_net"] == "19.00"
    require_sound_books(world)


def test_a_breach_is_seen_by_who_oversees_the_offering_and_acted_on_in_ones_own_role(world: World) -> None:
    billed_above_a_ceiling_recorded_later(world)
    world.regulator.refused(PATH, breach_body(found_on="2025-04-11"), 422, "found_ahead")
    world.other_regulator.refused(PATH, breach_body(), 404, "not_found")
    world.rival.refused(PATH, breach_body(), 404, "not_found")
    world.other_grantor.refused(PATH, breach_body(), 404, "not_found")
    world.buyer.refused(PATH, breach_body(), 403, "forbidden")
    record = world.grantor.made(PATH, breach_body())["id"]
    for client in (world.operator, world.grantor, world.regulator, world.auditor):
        assert [item["id"] for item in client.seen(PATH)["items"]] == [record]
    for client in (world.rival, world.other_grantor, world.other_regulator):
        assert client.seen(PATH)["items"] == []
    reason = {"reason": "The buyers are one public body, which waived it"}
    closed = world.regulator.made(f"{PATH}/{record}/close", reason, 200)
    assert closed["steps"][-1] == {**closed["steps"][-1], **reason, "owed": "410.00"}


def test_of_parallel_refunds_one_gives_back_and_the_others_find_nothing_owed(world: World) -> None:
    given = billed_above_a_ceiling_recorded_later(world)
    record, operator = world.regulator.made(PATH, breach_body())["id"], world.operator

    def refund(_number: int) -> int:
        return operator.post(f"{PATH}/{record}/refund").status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(refund, range(4)))
    assert statuses == [200, 422, 422, 422]
    credited = {
        name: world.operator.seen(f"/invoices/{bill['id']}")["credited"] for name, bill in given["bills"].items()
    }
    assert credited == {"buyer": "424.00", "other-buyer": "10.60"}
    require_sound_books(world)


def test_the_rounding_of_a_return_is_no_breach(world: World) -> None:
    """4 at 0.01125 come to 0.05; one returned gives back 0.01; the 0.04 left are a fen above 3 at 0.01125."""
    world.offering()
    world.ceiling(price="0.01125")
    world.tariff(unit_price="0.01125")
    contract = world.contract()["id"]
    world.clock("2025-04-10")
    world.usage(contract, "offering", "4", "2025-03-20T12:00:00+08:00")
    bill = world.invoice(contract, "2025-03")
    returned = {"lines": [{"position": 1, "quantity": "1"}], "reason": "returned"}
    note = world.operator.made(f"/invoices/{bill['id']}/credit-notes", returned)
    assert (bill["net"], note["net"]) == ("0.05", "0.01")
    assert report_of(world)["breaches"] == []
    world.operator.refused(PATH, breach_body(), 422, "nothing_above_ceiling")


def test_of_parallel_records_of_one_breach_there_is_one(world: World) -> None:
    billed_above_a_ceiling_recorded_later(world)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: world.regulator.post(PATH, breach_body()), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert len(world.regulator.seen(PATH)["items"]) == 1


def test_only_the_price_authority_of_the_products_level_orders_and_closes(world: World) -> None:
    billed_above_a_ceiling_recorded_later(world)
    path = f"{PATH}/{world.regulator.made(PATH, breach_body())['id']}"
    appointment = {"operator": "operator", "effective_from": "2025-03-01", "decision_no": "A-1"}
    national = {"regulator": "other-regulator", "registration_level": "national"}
    world.admin.made("/price-authority-appointments", {**appointment, **national})
    order = {"decision_no": "O-1", "measures": ["refund"], "text": "Refund all"}
    world.other_regulator.refused(f"{path}/order", order, 422, "not_price_authority")
    world.regulator.refused(f"{path}/order", {**order, "due_on": "2025-04-09"}, 422, "deadline_passed")
    world.other_regulator.refused(f"{path}/close", {"reason": "enough"}, 422, "not_price_authority")
    assert world.regulator.made(f"{path}/order", order, 200)["status"] == "ordered"
