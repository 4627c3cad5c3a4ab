"""What the service says of the departures, held against what was reckoned apart from it; differences are collected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from pricing.period import Month
from tests.client import Client
from tests.departures import OPERATOR, Jurisdiction
from tests.departures_reckoned import Bill, bills, counts


def differences(jurisdiction: Jurisdiction, auditor: Client, stream: pd.DataFrame, months: Sequence[str]) -> list[str]:
    """Return every difference in use, in the bills and in the compliance report; one sentence each."""
    reckoned = bills(stream, jurisdiction.contracts, months)
    return [
        *_in_use(jurisdiction, stream),
        *_in_bills(issued_bills(jurisdiction), reckoned),
        *_in_compliance(auditor, reckoned),
    ]


def issued_bills(jurisdiction: Jurisdiction) -> dict[tuple[str, str, str], Any]:
    """Return the bills that were issued by (carrier, tax basis, month)."""
    bases = {contract: (carrier, basis) for (carrier, basis), contract in jurisdiction.contracts.items()}
    found: dict[tuple[str, str, str], Any] = {}
    cursor = None
    while True:
        page = jurisdiction.operator.seen("/invoices", limit=200, **({"cursor": cursor} if cursor else {}))
        found |= {(*bases[bill["contract"]], bill["month"]): bill for bill in page["items"]}
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _in_use(jurisdiction: Jurisdiction, stream: pd.DataFrame) -> Iterator[str]:
    """Yield where accepted use is not what pandas counts, or where it is not all billed."""
    for (carrier, airport, month), counted in counts(stream).items():
        contract = jurisdiction.contract(carrier, airport)
        use = jurisdiction.operator.seen("/usage", contract=contract, offering=airport, month=month)
        if (Decimal(use["accepted"]), Decimal(use["billed"])) != (Decimal(counted), Decimal(counted)):
            yield f"{carrier} {airport} {month}: {counted} departures, the service says {use}"


def _in_bills(
    issued: Mapping[tuple[str, str, str], Any], reckoned: Mapping[tuple[str, str, str], Bill]
) -> Iterator[str]:
    for key in sorted(issued.keys() ^ reckoned.keys()):
        yield f"{key}: a bill on one side only"
    for key in sorted(issued.keys() & reckoned.keys()):
        said, bill = _said(issued[key]), reckoned[key]
        if said != bill:
            yield f"{key}: reckoned {bill}, billed {said}"


def _said(document: Mapping[str, Any]) -> Bill:
    """Return what a bill says, lines added up by airport."""
    departures: dict[str, int] = {}
    nets: dict[str, Decimal] = {}
    for line in document["lines"]:
        airport = line["offering"]
        quantity = int(Decimal(line["quantity"]))
        if quantity:
            departures[airport] = departures.get(airport, 0) + quantity
            nets[airport] = nets.get(airport, Decimal(0)) + Decimal(line["net"])
    return Bill(departures, nets, *(Decimal(document[amount]) for amount in ("net", "tax", "gross")))


def _in_compliance(auditor: Client, reckoned: Mapping[tuple[str, str, str], Bill]) -> Iterator[str]:
    """Yield where the compliance report says other quantities or revenue than were reckoned, or is at odds itself."""
    months = sorted({month for _, _, month in reckoned})
    query = {"operator": OPERATOR, "from": f"{months[0]}-01", "until": f"{Month.parse(months[-1]).next}-01"}
    report = auditor.seen("/reports/cap-compliance", **query)
    airports = {airport for bill in reckoned.values() for airport in bill.departures}
    for row in report["price_summary"]:
        airports.remove(row["offering"])
        departures = Decimal(sum(bill.departures.get(row["offering"], 0) for bill in reckoned.values()))
        net = sum((bill.nets.get(row["offering"], Decimal(0)) for bill in reckoned.values()), Decimal(0))
        if (Decimal(row["quantity"]), Decimal(row["net"]), row["count_above"]) != (departures, net, 0):
            yield f"{row['offering']}: {departures} departures for {net} and none above the ceiling, reported: {row}"
    yield from (f"{airport} is not in the report" for airport in airports)
    if not report["reconciled"]:
        yield f"not reconciled: {[check for check in report['reconciliation'] if not check['agrees']]}"
