"""Bills through the API: when they are issued, what they say, their papers and tax invoices."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from pricing.period import Month
from settlement.invoice_runs import issue_month
from store.unit import Store
from tests.client import Client
from tests.web.flow_story import require_sound_books
from tests.world import World, usage_event


@pytest.fixture
def world(world: World) -> World:
    """A jurisdiction with one offering at 0.50 under a ceiling of 1.00."""
    world.priced()
    return world


def used(world: World, quantity: str = "100", time: str = "2025-03-01T00:00:00+08:00", **given: Any) -> str:
    """Return the contract of an accepted quote with some use."""
    contract = world.accepted(**given)
    world.usage(contract, "offering", quantity, time)
    return contract


def test_a_month_is_billed_once_it_has_ended_and_in_its_turn(world: World) -> None:
    contract = used(world)
    march = {"contract": contract, "month": "2025-03"}
    world.operator.refused("/invoices", march, 409, "month_not_billable")
    world.operator.refused("/invoices", {**march, "month": "2025-02"}, 409, "month_not_billable")
    world.clock("2025-05-01")
    problem = world.buyer.refused("/invoices", {**march, "month": "2025-04"}, 409, "month_not_billable")
    assert problem["unbilled"] == "2025-03"
    first = world.buyer.post("/invoices", march)
    again = world.operator.post("/invoices", march)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    zero = world.operator.made("/invoices", {**march, "month": "2025-04"})
    assert (zero["gross"], zero["lines"], zero["gross_in_words"]) == ("0.00", [], "人民币零元整")
    assert [bill["number"] for bill in world.buyer.seen("/invoices")["items"]] == ["00000001", "00000002"]
    assert world.buyer.seen("/invoices", contract=contract, month="2025-04")["items"] == [zero]
    require_sound_books(world)


def test_a_bill_says_what_was_used_and_what_it_comes_to(world: World) -> None:
    contract = used(world, "2659.434")
    world.clock("2025-04-01")
    bill = world.invoice(contract, "2025-03")
    wanted = {
        "status": "issued",
        "contract": contract,
        "month": "2025-03",
        "issued_on": "2025-04-01",
        "net": "1329.72",
        "tax": "79.78",
        "gross": "1409.50",
        "gross_in_words": "人民币壹仟肆佰零玖元伍角",
        "currency": "CNY",
        "outstanding": "1409.50",
        "sandbox": True,
    }
    assert wanted == {name: bill[name] for name in wanted}
    line = bill["lines"][0]
    assert (line["offering"], line["service_month"], line["quantity"], line["corrects"]) == (
        "offering",
        "2025-03",
        "2659.434",
        None,
    )
    assert line["ceiling_decision_no"].startswith("ceiling-")
    assert [step["rule"] for step in line["explanation"]] == [
        "tariff.unit_price",
        "ceiling.within",
        "rounding.half_up",
    ]
    assert world.buyer.seen("/usage", contract=contract, offering="offering")["billed"] == "2659.434"


def test_i2_tax_is_computed_once_and_shown_line_by_line(world: World) -> None:
    for code in ("a", "b", "c"):
        world.priced(code, unit_price="1.00")
    items = [{"offering": code, "quantity": "10.08"} for code in ("a", "b", "c")]
    quote = world.quote(items=items)
    contract = world.buyer.made(f"/quotes/{quote['id']}/accept", status=200)["contract"]["id"]
    for code in ("a", "b", "c"):
        world.usage(contract, code, "10.08", "2025-03-01T00:00:00+08:00")
    world.clock("2025-04-01")
    bill = world.invoice(contract, "2025-03")
    for paper in (quote, bill):
        assert (paper["net"], paper["tax"], paper["gross"]) == ("30.24", "1.81", "32.05")
        assert [line["tax"] for line in paper["lines"]] == ["0.61", "0.60", "0.60"]


def test_t5_ten_thousand_calls_sent_one_by_one_are_rounded_once(world: World) -> None:
    world.priced("cheap", unit_price="0.0004")
    contract = world.accepted("cheap")
    events = [usage_event(f"e{n}", contract, "cheap", "1", "2025-03-01T00:00:00+08:00") for n in range(10_000)]
    assert world.operator.made("/usage-events", {"events": events})["accepted"] == 10_000
    world.clock("2025-04-01")
    assert world.invoice(contract, "2025-03")["net"] == "4.00"


def test_c5_free_and_commercial_use_of_one_buyer_in_one_month(world: World) -> None:
    world.ceiling(price="1.00", effective_from="2025-03-01")
    world.priced("commercial", unit_price="0.80")
    world.offering("flood", "public_welfare", reference_offering="commercial")
    grant = world.grant("flood")
    contract = world.accepted("commercial")
    world.usage(grant["contract"], "flood", "500", "2025-03-01T00:00:00+08:00")
    world.usage(contract, "commercial", "300", "2025-03-01T00:00:00+08:00")
    world.clock("2025-03-20")
    world.decide(grant["id"], "revoke")
    world.clock("2025-03-21")
    late = world.usage(grant["contract"], "flood", "1", "2025-03-20T12:00:00+08:00")
    assert late["refused"] == 1
    world.clock("2025-04-01")
    assert world.invoice(contract, "2025-03")["net"] == "240.00"
    free = world.invoice(grant["contract"], "2025-03")
    assert (free["gross"], free["lines"]) == ("0.00", [])
    use = world.buyer.seen("/usage", contract=grant["contract"], offering="flood", month="2025-03")
    assert (use["free"], use["unbilled"], use["billed"]) == ("500", "0", "0")
    require_sound_books(world)


def test_a_preview_issues_nothing(world: World) -> None:
    contract = used(world)
    world.clock("2025-03-15")
    preview = world.buyer.seen("/invoices/preview", contract=contract, month="2025-03")
    assert (preview["status"], preview["id"], preview["number"], preview["net"]) == ("preview", None, None, "50.00")
    assert world.buyer.seen("/invoices")["items"] == []
    assert world.buyer.get("/invoices/preview", contract=contract, month="2025-04").status_code == 409
    assert world.other_buyer.get("/invoices/preview", contract=contract, month="2025-03").status_code == 404
    world.clock("2025-04-02")
    world.usage(contract, "offering", "10", "2025-04-01T00:00:00+08:00")
    april = world.buyer.seen("/invoices/preview", contract=contract, month="2025-04")
    assert [line["service_month"] for line in april["lines"]] == ["2025-04"]
    bill = world.invoice(contract, "2025-03")
    assert world.buyer.seen("/invoices/preview", contract=contract, month="2025-03") == bill


def test_only_its_parties_and_their_overseers_see_a_bill(world: World) -> None:
    contract = used(world)
    world.clock("2025-04-01")
    bill = world.invoice(contract, "2025-03")
    for client in (world.buyer, world.operator, world.grantor, world.regulator, world.auditor):
        assert client.seen(f"/invoices/{bill['id']}") == bill
    for client in (world.other_buyer, world.rival, world.other_grantor, world.other_regulator):
        assert client.get(f"/invoices/{bill['id']}").status_code == 404
        assert client.get(f"/invoices/{bill['id']}.pdf").status_code == 404
        assert client.seen("/invoices")["items"] == []
    assert world.provider.get(f"/invoices/{bill['id']}").status_code == 403
    other = world.other_buyer.refused("/invoices", {"contract": contract, "month": "2025-03"}, 404, "not_found")
    assert "contract" in other["errors"]


def test_a_pending_contract_is_not_billed(world: World) -> None:
    contract = world.contract(consent_reference=None)
    world.clock("2025-04-01")
    body = {"contract": contract["id"], "month": "2025-03"}
    world.operator.refused("/invoices", body, 409, "month_not_billable")


def test_a_contract_that_has_ended_is_billed_for_what_comes_late(world: World) -> None:
    contract = used(world, effective_until="2025-03-16")
    world.clock("2025-04-01")
    world.invoice(contract, "2025-03")
    world.usage(contract, "offering", "10", "2025-03-15T12:00:00+08:00")
    world.clock("2025-05-01")
    bill = world.invoice(contract, "2025-04")
    assert [(line["kind"], line["net"]) for line in bill["lines"]] == [("correction", "5.00")]


def test_the_papers_of_a_bill_are_rendered_once_in_each_language(world: World) -> None:
    contract = used(world)
    world.clock("2025-04-01")
    bill = world.invoice(contract, "2025-03")
    path = f"/invoices/{bill['id']}"
    first = world.buyer.get(f"{path}.pdf")
    assert first.mimetype == "application/pdf"
    world.operator.made(f"{path}/credit-notes", {"amount": "10.00", "reason": "allowance"})
    again = world.operator.get(f"{path}.pdf", lang="zh")
    assert first.data == again.data
    assert again.headers["X-Content-SHA256"] == hashlib.sha256(first.data).hexdigest()
    text = PdfReader(BytesIO(first.data)).pages[0].extract_text()
    assert "账单" in text
    assert "53.00" in text
    english = world.buyer.get(f"{path}.pdf", lang="en")
    assert "Bill" in PdfReader(BytesIO(english.data)).pages[0].extract_text()
    sheet = world.buyer.get(f"{path}.xlsx", lang="en")
    assert load_workbook(BytesIO(sheet.data)).sheetnames
    assert world.buyer.get(f"{path}.pdf", lang="fr").status_code == 400


def test_the_tax_invoice_is_applied_for_once_and_its_number_recorded(world: World) -> None:
    contract = used(world)
    world.clock("2025-04-01")
    path = f"/invoices/{world.invoice(contract, '2025-03')['id']}"
    body = {"title": "某公司", "taxpayer_no": "91350100M000100Y43", "kind": "special"}
    assert world.operator.post(f"{path}/application", body).status_code == 403
    world.buyer.refused(f"{path}/application", {**body, "taxpayer_no": "123"}, 400, "malformed")
    made = world.buyer.made(f"{path}/application", body)
    assert body == {name: made[name] for name in body}
    assert (made["net"], made["tax"], made["gross"], made["status"]) == ("50.00", "3.00", "53.00", "applied")
    world.buyer.refused(f"{path}/application", body, 409, "application_made")
    fapiao = {"fapiao_no": "25112000000012345678", "issued_on": "2025-04-01"}
    assert world.operator.put(f"{path}/fapiao", {**fapiao, "fapiao_no": "2511200000001234567"}).status_code == 400
    assert world.operator.put(f"{path}/fapiao", {**fapiao, "issued_on": "2025-04-02"}).status_code == 422
    assert world.buyer.put(f"{path}/fapiao", fapiao).status_code == 403
    assert world.operator.put(f"{path}/fapiao", fapiao).status_code == 200
    shown = world.operator.put(f"{path}/fapiao", fapiao).json
    assert shown is not None
    assert (shown["fapiao_no"], shown["application"]["taxpayer_no"]) == (fapiao["fapiao_no"], body["taxpayer_no"])
    other = world.operator.put(f"{path}/fapiao", {**fapiao, "fapiao_no": "25112000000012345679"})
    assert (other.status_code, (other.json or {})["code"]) == (409, "fapiao_recorded")
    assert world.buyer.seen(f"{path}/application")["status"] == "issued"


def test_a_bill_of_nothing_has_no_tax_invoice(world: World) -> None:
    contract = world.accepted()
    world.clock("2025-04-01")
    path = f"/invoices/{world.invoice(contract, '2025-03')['id']}"
    body = {"title": "某公司", "taxpayer_no": "91350100M000100Y43", "kind": "general"}
    world.buyer.refused(f"{path}/application", body, 422, "nothing_to_invoice")


def test_a_run_bills_every_contract_and_goes_on_where_it_was(world: World, store: Store) -> None:
    contracts = [used(world) for _ in range(3)]
    ended = used(world, effective_until="2025-03-16")
    world.contract(consent_reference=None)
    world.offering("flood", "public_welfare")
    world.grant("flood")
    world.clock("2025-05-01")
    world.invoice(contracts[0], "2025-03")
    operator_id = world.admin.seen("/parties/operator")["id"]
    told: list[tuple[int, int]] = []
    results = issue_month(store, operator_id, Month(2025, 4), lambda done, of: told.append((done, of)))
    assert sorted((result.contract_id, str(result.month)) for result in results) == sorted(
        [(contracts[0], "2025-04"), (ended, "2025-03")]
        + [(contract, month) for contract in contracts[1:] for month in ("2025-03", "2025-04")]
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert issue_month(store, operator_id, Month(2025, 4)) == []
    refused = issue_month(store, operator_id, Month(2025, 5))
    assert {result.invoice_id for result in refused} == {None}
    assert all(result.refused and "has not ended" in result.refused for result in refused)
    require_sound_books(world)


def test_a_trial_price_is_marked_on_the_bill(admin: Client) -> None:
    world = World.founded(admin)
    world.authorisation("young", operating_since="2025-01-01")
    world.product("new-product", agreement_no="young")
    world.offering("new", product="new-product")
    world.tariff("new", "0.50", trial=True, guidance_no="G-1", minimum_commitment="30.00")
    contract = world.accepted("new")
    world.usage(contract, "new", "10", "2025-03-01T00:00:00+08:00")
    world.clock("2025-05-01")
    bill = world.invoice(contract, "2025-03")
    assert [(line["kind"], line["net"], line["trial"]) for line in bill["lines"]] == [
        ("usage", "5.00", True),
        ("minimum", "25.00", True),
    ]
    assert world.invoice(contract, "2025-04")["net"] == "30.00"
    assert json.dumps(world.quote("new", valid_until="2025-05-31")).count('"trial": true') == 1


def test_more_use_than_a_bill_can_take_is_refused_and_stays_to_be_billed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = used(world, "10")
    world.clock("2025-04-01")
    body = {"contract": contract, "month": "2025-03"}
    monkeypatch.setattr("pricing.money.USE_LIMIT", 10_000_000)
    refused = world.operator.refused("/invoices", body, 422, "amount_too_large")
    assert "10" in refused["detail"]
    assert world.operator.get("/invoices/preview", **body).status_code == 422
    monkeypatch.undo()
    assert world.operator.made("/invoices", body)["net"] == "5.00"
