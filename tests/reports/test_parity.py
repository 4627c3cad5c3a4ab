"""The price-parity report: who paid another price for the same, and on what published ground."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import parse_qsl

from pricing.canonical import sha256_of
from tests.papers.samples import book, cells
from tests.world import World

PATH = "/reports/price-parity"
PERIOD = {"operator": "operator", "from": "2025-03-01", "until": "2025-05-01"}
TIERS = [{"up_to": "100", "unit_price": "0.90"}, {"up_to": None, "unit_price": "0.70"}]
DAY = "2025-04-10T12:00:00+08:00"


def billed_spring(world: World) -> dict[tuple[str, str], Any]:
    """April of two buyers: ``plain`` by one price, with a quote frozen at an older one; ``tiered``; ``least``."""
    world.priced("plain", unit_price="0.60")
    world.priced("tiered", model="graduated", tiers=TIERS)
    world.priced("least", unit_price="0.50", minimum_commitment="30.00")
    contracts = {
        ("plain", "quoted"): world.accepted("plain"),
        ("plain", "buyer"): world.contract("plain")["id"],
        ("plain", "other-buyer"): world.contract("plain", buyer="other-buyer")["id"],
        ("tiered", "buyer"): world.contract("tiered")["id"],
        ("tiered", "other-buyer"): world.contract("tiered", buyer="other-buyer")["id"],
        ("least", "buyer"): world.contract("least")["id"],
        ("least", "other-buyer"): world.contract("least", buyer="other-buyer")["id"],
    }
    used = {
        ("plain", "quoted"): "333",
        ("plain", "buyer"): "1001",
        ("plain", "other-buyer"): "7",
        ("tiered", "buyer"): "150",
        ("tiered", "other-buyer"): "300",
        ("least", "buyer"): "50",
        ("least", "other-buyer"): "100",
    }
    world.tariff("plain", "0.50", effective_from="2025-04-01")
    world.clock("2025-05-01")
    for key, quantity in used.items():
        assert world.usage(contracts[key], key[0], quantity, DAY)["accepted"] == 1
    bills = {}
    for key, contract in contracts.items():
        world.invoice(contract, "2025-03")
        bills[key] = world.invoice(contract, "2025-04")
    return bills


def group(report: Any, offering: str, band: str = "all") -> Any:
    [found] = [each for each in report["groups"] if (each["offering"], each["band"]) == (offering, band)]
    return found


def prices(report: Any, offering: str) -> list[tuple[Any, ...]]:
    names = ("buyer", "unit_price", "difference", "explained", "explained_by")
    return [tuple(each[name] for name in names) for each in report["prices"] if each["offering"] == offering]


def test_differences_are_told_with_their_grounds_and_the_unexplained_at_the_head(world: World) -> None:
    bills = billed_spring(world)
    report = world.regulator.seen(PATH, **PERIOD)
    assert report["unexplained"] == 0
    plain = group(report, "plain")
    assert (plain["lowest"], plain["highest"], plain["buyers"], plain["contracts"]) == ("0.50", "0.60", 2, 3)
    assert (plain["weighted"], plain["spread"], plain["quantity"]) == ("0.52483221", "0.10", "1341")
    assert prices(report, "plain") == [
        ("buyer", "0.60", "0.10", True, ["frozen_quote"]),
        ("buyer", "0.50", "0.00", True, []),
        ("other-buyer", "0.50", "0.00", True, []),
    ]
    assert group(report, "tiered", "100-")["spread"] == "0.06666666"  # of the prices as shown
    assert [row[3:] for row in prices(report, "tiered")] == [(True, ["tier"]), (True, [])]
    assert [(row[1], row[3], row[4]) for row in prices(report, "least")] == [
        ("0.60", True, ["minimum"]),
        ("0.50", True, []),
    ]

    gift = {"amount": "1.06", "reason": "allowance"}
    world.operator.made(f"/invoices/{bills['plain', 'other-buyer']['id']}/credit-notes", gift)
    after = world.regulator.seen(PATH, **PERIOD)
    assert (after["unexplained"], after["groups"][0]["offering"]) == (1, "plain")
    first = after["prices"][0]
    assert (first["buyer"], first["charged_unit_price"], first["unit_price"]) == ("other-buyer", "0.50", "0.35714286")
    assert (first["credited"], first["explained"]) == ("1.00", False)
    assert first["grounds"] == [{"kind": "credit_note", "reference": None, "text": "1.00", "published": False}]
    # What the moment before the gift says is what it said, byte for byte.
    again = world.regulator.get(PATH, **PERIOD, as_of=report["as_of"])
    assert json.loads(again.data) == report
    assert again.data == world.auditor.get(PATH, **PERIOD, as_of=report["as_of"]).data
    stated = report.pop("report_hash")
    assert sha256_of(report) == stated
    path, _, query = first["links"]["charges"].removeprefix("/api/v1").partition("?")
    followed = world.regulator.seen(path, **dict(parse_qsl(query)))
    assert {item["offering"] for item in followed["items"]} == {"plain"}
    printed(world)


def printed(world: World) -> None:
    """The report as table, workbook and paper."""
    table = world.regulator.get(f"{PATH}.csv", **PERIOD)
    rows = list(csv.DictReader(io.StringIO(table.data.decode("utf-8-sig"))))
    assert [row["buyer"] for row in rows][:1] == ["other-buyer"]
    assert world.regulator.get(f"{PATH}.csv", **PERIOD, section="none").status_code == 400
    workbook = world.regulator.get(f"{PATH}.xlsx", **PERIOD, lang="en").data
    [sheet] = [name for name in book(workbook).sheetnames if "Prices for the same" in name]
    assert "plain" in {cell for row in cells(workbook, sheet) for cell in row}
    assert world.regulator.get(f"{PATH}.pdf", **PERIOD).data.startswith(b"%PDF-")


def test_a_refund_of_a_breach_and_the_days_of_a_ceiling_explain_a_price(world: World) -> None:
    world.offering("plain")
    world.ceiling("plain", "1.00")
    world.tariff("plain", "1.00")
    contracts = [world.contract("plain")["id"], world.contract("plain", buyer="other-buyer")["id"]]
    world.clock("2025-05-01")
    world.usage(contracts[0], "plain", "100", "2025-04-05T12:00:00+08:00")
    world.usage(contracts[1], "plain", "100", "2025-04-20T12:00:00+08:00")
    for contract in contracts:
        world.invoice(contract, "2025-03")
        world.invoice(contract, "2025-04")
    world.ceiling("plain", "0.80", effective_from="2025-04-16", backdate_reason="late")
    body = {"operator": "operator", "offering": "plain", "cause": "late", "found_on": "2025-05-01"}
    record = world.operator.made("/breaches", {**body, "from": "2025-04-01", "until": "2025-05-01"})
    world.operator.made(f"/breaches/{record['id']}/refund", status=200)
    report = world.operator.seen(PATH, **PERIOD)
    assert prices(report, "plain") == [
        ("buyer", "1.00", "0.20", True, ["ceiling", "ceiling_changed"]),
        ("other-buyer", "0.80", "0.00", True, []),
    ]
    assert world.grantor.seen(PATH, **PERIOD)["is_partial"] is True
    assert world.rival.get(PATH, **PERIOD).status_code == 404
    assert world.buyer.get(PATH, **PERIOD).status_code == 403


def test_a_charge_that_is_not_the_published_price_is_unexplained(world: World) -> None:
    """Use given back for less than it cost: what is left came to 1.18 a call, where 0.80 is published."""
    world.priced("plain", unit_price="0.80")
    contract = world.contract("plain")["id"]
    world.clock("2025-04-10")
    world.usage(contract, "plain", "100", "2025-03-10T12:00:00+08:00")
    bill = world.invoice(contract, "2025-03")
    back = {"lines": [{"position": 1, "quantity": "50", "amount": "22.26"}], "reason": "returned"}
    world.operator.made(f"/invoices/{bill['id']}/credit-notes", back)
    report = world.regulator.seen(PATH, **PERIOD)
    assert prices(report, "plain") == [("buyer", "1.18", "0.00", False, [])]
    assert report["unexplained"] == 1
