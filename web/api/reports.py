"""Routes of the reports: cap compliance with its charges, price parity, the revenue position; as JSON, paper, table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from marshmallow import Schema

from papers.compliance import charges_csv, compliance_csv, compliance_pdf, compliance_xlsx
from papers.disclosure import disclosure_csv, disclosure_pdf, disclosure_xlsx
from papers.operation import operation_csv, operation_pdf, operation_xlsx
from papers.parity import parity_csv, parity_pdf, parity_xlsx
from papers.position_chart import position_svg
from reports.cap_cycle import next_carry_in
from reports.compliance import all_charges, compliance_report, list_charges
from reports.disclosure import disclosure_tables
from reports.operation import operation_report
from reports.parity import parity_report
from reports.position import revenue_position
from schemas.parity import ParityOut, ParityPaperQuery, ParityQuery, ParityTableQuery
from schemas.reports import (
    CarryInOut,
    CarryInQuery,
    ChargesOut,
    ChargesQuery,
    ChargesTableQuery,
    ComplianceOut,
    CompliancePaperQuery,
    ComplianceQuery,
    ComplianceTableQuery,
    DisclosureOut,
    DisclosurePaperQuery,
    DisclosureQuery,
    DisclosureTableQuery,
    OperationOut,
    PositionChartQuery,
    PositionOut,
    PositionQuery,
    YearPaperQuery,
    YearQuery,
    YearTableQuery,
)
from store.horizon import settle_as_of
from store.unit import Unit
from web.door import Door, describe, guard, long_call, reads, store
from web.files import BYTES, MEDIA_TYPES

door = Door("reports", __name__, url_prefix="/reports", description="Reports as of a moment")

READERS = ("regulator", "grantor", "auditor", "operator")

Rendered = Callable[[Unit, Mapping[str, Any]], bytes]


@reads(door, "/cap-compliance", roles=READERS, answer=ComplianceOut, query=ComplianceQuery)
def report_cap_compliance(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Report whether an operator's prices and revenue of a period kept their caps."""
    return compliance_report(unit, query)


@reads(door, "/cap-compliance/charges", roles=READERS, answer=ChargesOut, query=ChargesQuery)
def list_cap_compliance_charges(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """List the charges behind the report, each against the ceiling in force when it arose."""
    return list_charges(unit, query)


@reads(door, "/price-parity", roles=READERS, answer=ParityOut, query=ParityQuery)
def report_price_parity(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Report who paid another price for the same, and on what published ground; the unexplained at the head."""
    return parity_report(unit, query)


@reads(door, "/revenue-position", roles=READERS, answer=PositionOut, query=PositionQuery)
def report_revenue_position(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Report how much of a year's maximum permitted revenue is used, and where its revenue goes."""
    return revenue_position(unit, query)


@reads(door, "/annual-operation", roles=READERS, answer=OperationOut, query=YearQuery)
def report_annual_operation(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Report on an operator's year: operation, costs, revenue and profit, deviation from the maximum, prices."""
    return operation_report(unit, query)


@reads(door, "/disclosure", roles=READERS, answer=DisclosureOut, query=DisclosureQuery)
def report_disclosure(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Give the disclosure tables of an operator's or a grantor's year."""
    return disclosure_tables(unit, query)


@reads(door, "/carry-in", roles=(*READERS, "admin"), answer=CarryInOut, query=CarryInQuery)
def report_carry_in(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Report what the closed cycles leave to be deducted from a next one: its ``carry_in``."""
    return next_carry_in(unit, query)


def _renders(rule: str, form: str, query: type[Schema]) -> Callable[[Rendered], Rendered]:
    """Make a route that renders a report as a file; the same moment gives the same bytes, so that none is kept."""

    def decorate(render: Rendered) -> Rendered:
        @functools.wraps(render)
        def view(wanted: Mapping[str, Any]) -> Response:
            bounded = {**wanted, "as_of": settle_as_of(store(), wanted["as_of"])}
            with store().reading(long_call(render.__name__)) as unit:
                content = render(unit, bounded)
            name = f"{rule.strip('/').replace('/', '-')}"
            return Response(
                content,
                content_type=MEDIA_TYPES[form],
                headers={"Content-Disposition": f'inline; filename="{name}"'},
            )

        documented = door.arguments(query, location="query")(view)
        documented = door.response(200, BYTES, content_type=MEDIA_TYPES[form], description="The file")(documented)
        door.route(rule, methods=["GET"])(guard(describe(door, documented, READERS, refuses=True), READERS))
        return render

    return decorate


@_renders("/cap-compliance.pdf", "pdf", CompliancePaperQuery)
def print_cap_compliance(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the report as PDF."""
    return compliance_pdf(compliance_report(unit, query), query["lang"])


@_renders("/cap-compliance.xlsx", "xlsx", CompliancePaperQuery)
def tabulate_cap_compliance(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the report as a workbook: a sheet a section, totals and differences as live formulas."""
    return compliance_xlsx(compliance_report(unit, query), query["lang"])


@_renders("/cap-compliance.csv", "csv", ComplianceTableQuery)
def table_cap_compliance(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give one section of the report as CSV; the price tests if none is named."""
    return compliance_csv(compliance_report(unit, query), query["section"])


@_renders("/cap-compliance/charges.csv", "csv", ChargesTableQuery)
def table_cap_compliance_charges(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give every charge behind the report as CSV."""
    return charges_csv(all_charges(unit, query), sandbox=unit.sandbox)


@_renders("/annual-operation.pdf", "pdf", YearPaperQuery)
def print_annual_operation(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the annual operating report as PDF."""
    return operation_pdf(operation_report(unit, query), query["lang"])


@_renders("/annual-operation.xlsx", "xlsx", YearPaperQuery)
def tabulate_annual_operation(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the annual operating report as a workbook: sums, profits and totals as live formulas."""
    return operation_xlsx(operation_report(unit, query), query["lang"])


@_renders("/annual-operation.csv", "csv", YearTableQuery)
def table_annual_operation(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give one section of the annual operating report as CSV; the products if none is named."""
    return operation_csv(operation_report(unit, query), query["section"])


@_renders("/disclosure.pdf", "pdf", DisclosurePaperQuery)
def print_disclosure(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the disclosure tables as PDF."""
    return disclosure_pdf(disclosure_tables(unit, query), query["lang"])


@_renders("/disclosure.xlsx", "xlsx", DisclosurePaperQuery)
def tabulate_disclosure(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the disclosure tables as a workbook."""
    return disclosure_xlsx(disclosure_tables(unit, query), query["lang"])


@_renders("/disclosure.csv", "csv", DisclosureTableQuery)
def table_disclosure(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give one of the disclosure tables as CSV; an operator's prices or a grantor's ceilings if none is named."""
    return disclosure_csv(disclosure_tables(unit, query), query["section"])


@_renders("/price-parity.pdf", "pdf", ParityPaperQuery)
def print_price_parity(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the report on price parity as PDF."""
    return parity_pdf(parity_report(unit, query), query["lang"])


@_renders("/price-parity.xlsx", "xlsx", ParityPaperQuery)
def tabulate_price_parity(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give the report on price parity as a workbook."""
    return parity_xlsx(parity_report(unit, query), query["lang"])


@_renders("/price-parity.csv", "csv", ParityTableQuery)
def table_price_parity(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Give one section of the report on price parity as CSV; the prices of each buyer if none is named."""
    return parity_csv(parity_report(unit, query), query["section"])


@_renders("/revenue-position.svg", "svg", PositionChartQuery)
def draw_revenue_position(unit: Unit, query: Mapping[str, Any]) -> bytes:
    """Draw the year's revenue month by month against its maximum."""
    return position_svg(revenue_position(unit, query), query["lang"])
