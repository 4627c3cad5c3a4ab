"""Routes of filed reports: filing one, and its files as they were filed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Response
from sqlalchemy import Select
from sqlmodel import col

from papers import compliance, operation
from papers.compliance import compliance_csv, compliance_pdf, compliance_xlsx
from papers.disclosure import disclosure_csv, disclosure_form, disclosure_pdf, disclosure_xlsx
from papers.operation import operation_csv, operation_pdf, operation_xlsx
from papers.report import Form
from papers.wording import Lang
from pricing.canonical import canonical_json
from registry.lookup import find
from registry.tables import Party
from reports.compliance import compliance_report
from reports.disclosure import disclosure_tables
from reports.filings import (
    Asked,
    Prepared,
    Rendered,
    file_report,
    filing_document,
    find_filed_file,
    find_filing,
    prepare_filing,
    visible_filings,
)
from reports.frame import API
from reports.operation import operation_report
from reports.tables import ANNUAL_OPERATION, CAP_COMPLIANCE, DISCLOSURE, ReportFiling
from schemas.filings import FilingIn, FilingOut, FilingQuery
from schemas.wire import NoQuery
from store.unit import Unit
from web.door import Door, describe, guard, lists, long_call, reads, store, writes
from web.files import BYTES, MEDIA_TYPES

READERS = ("regulator", "grantor", "auditor", "operator", "admin")
JSON: Final = "application/json"

door = Door("filings", __name__, url_prefix="/reports/filings", description="Reports as they were filed")


@dataclass(frozen=True)
class Printing:
    """How a report is computed and printed, and what its form is."""

    report: Callable[[Unit, Mapping[str, Any]], dict[str, Any]]
    pdf: Callable[[Mapping[str, Any], Lang], bytes]
    xlsx: Callable[[Mapping[str, Any], Lang], bytes]
    csv: Callable[[Mapping[str, Any], str], bytes]
    form: Callable[[Mapping[str, Any]], Form]


PRINTINGS: Final[Mapping[str, Printing]] = {
    CAP_COMPLIANCE: Printing(
        compliance_report, compliance_pdf, compliance_xlsx, compliance_csv, lambda _report: compliance.FORM
    ),
    ANNUAL_OPERATION: Printing(
        operation_report, operation_pdf, operation_xlsx, operation_csv, lambda _report: operation.FORM
    ),
    DISCLOSURE: Printing(disclosure_tables, disclosure_pdf, disclosure_xlsx, disclosure_csv, disclosure_form),
}


@writes(
    door,
    "",
    roles=("operator", "regulator", "grantor"),
    body=FilingIn,
    answer=FilingOut,
    prepare=lambda unit, body: prepare_filing(unit, body, _render),
)
def file(unit: Unit, body: Mapping[str, Any], prepared: Prepared | None) -> dict[str, Any]:
    """File a report of a period that is over: JSON, PDF, workbook and CSV as of this moment, kept as they are."""
    return _document(unit, file_report(unit, body, prepared))


def _document(unit: Unit, filing: ReportFiling) -> dict[str, Any]:
    document = filing_document(unit, filing)
    folder = f"{API}/reports/filings/{filing.id}/files"
    return {**document, "files": [{**file, "href": f"{folder}/{file['name']}"} for file in document["files"]]}


@lists(door, "", roles=READERS, item=FilingOut, key=col(ReportFiling.id), document=_document, query=FilingQuery)
def list_filings(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the filings that the caller may read."""
    filings = visible_filings(unit)
    if query["report"] is not None:
        filings = filings.where(col(ReportFiling.report) == query["report"])
    for kind in ("operator", "grantor"):
        if query[kind] is not None:
            subject = find(unit, Party, query[kind], kind)
            filings = filings.where(col(ReportFiling.subject_id) == subject.id, col(ReportFiling.subject_kind) == kind)
    if query["year"] is not None:
        first, last = datetime(query["year"], 1, 1).date(), datetime(query["year"], 12, 31).date()  # noqa: DTZ001 - days
        filings = filings.where(col(ReportFiling.period_from).between(first, last))
    return filings


@reads(door, "/<filing_id>", roles=READERS, answer=FilingOut)
def get_filing(unit: Unit, _query: Mapping[str, Any], filing_id: str) -> dict[str, Any]:
    """Show a filing, its files and their hashes."""
    return _document(unit, find_filing(unit, filing_id))


def get_filed_file(_query: Mapping[str, Any], filing_id: str, name: str) -> Response:
    """Give a file as it was filed, byte for byte."""
    with store().reading(long_call("get_filed_file")) as unit:
        filed = find_filed_file(unit, filing_id, name)
    response = Response(filed.content, content_type=filed.media_type)
    response.set_etag(filed.sha256)
    response.headers["X-Content-SHA256"] = filed.sha256
    response.headers["Content-Disposition"] = f'inline; filename="{filed.name}"'
    return response


def _open_files() -> None:
    """Make the route of the files, which are of several types."""
    content: dict[str, Any] = {media_type: {"schema": BYTES} for media_type in MEDIA_TYPES.values()}
    content[JSON] = {"schema": {}}
    documented = door.arguments(NoQuery, location="query")(get_filed_file)
    documented = door.doc(responses={"200": {"description": "The file", "content": content}})(documented)
    view = guard(describe(door, documented, READERS), READERS)
    door.route("/<filing_id>/files/<name>", methods=["GET"])(view)


def _render(unit: Unit, asked: Asked, as_of: datetime, lang: str) -> tuple[Mapping[str, Any], Sequence[Rendered]]:
    printing = PRINTINGS[asked.report]
    report = printing.report(unit, asked.wanted(as_of))
    language: Lang = "en" if lang == "en" else "zh"
    files = [
        Rendered("report.json", JSON, canonical_json(report).encode()),
        Rendered("report.pdf", MEDIA_TYPES["pdf"], printing.pdf(report, language)),
        Rendered("report.xlsx", MEDIA_TYPES["xlsx"], printing.xlsx(report, language)),
    ]
    keys = [section.key for section in printing.form(report).sections]
    tables = [Rendered(f"{key}.csv", MEDIA_TYPES["csv"], printing.csv(report, key)) for key in keys]
    return report, [*files, *tables]


_open_files()
