"""``tariffbook report``: reports on an operator, as documents or papers."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click

from cli.arguments import DAY, INSTANT
from cli.terminal import call, opened
from papers import compliance, disclosure, operation
from papers.wording import Lang
from pricing.period import YEAR_MAX, YEAR_MIN
from reports.compliance import compliance_report
from reports.disclosure import disclosure_tables
from reports.operation import operation_report
from store.horizon import settle_as_of
from store.unit import Unit

FORMATS: Final = ("json", "csv", "xlsx", "pdf")
PAPERS: Final = ("xlsx", "pdf")

Command = Callable[..., None]


@dataclass(frozen=True)
class Printing:
    """A report's papers: PDF and workbook in a language, and the CSV of a section."""

    pdf: Callable[[Mapping[str, Any], Lang], bytes]
    xlsx: Callable[[Mapping[str, Any], Lang], bytes]
    csv: Callable[[Mapping[str, Any], str], bytes]


COMPLIANCE: Final = Printing(compliance.compliance_pdf, compliance.compliance_xlsx, compliance.compliance_csv)
OPERATION: Final = Printing(operation.operation_pdf, operation.operation_xlsx, operation.operation_csv)
DISCLOSURE: Final = Printing(disclosure.disclosure_pdf, disclosure.disclosure_xlsx, disclosure.disclosure_csv)


@click.group()
def report() -> None:
    """Write reports."""


def _printed(sections: Sequence[str], default: str | None) -> Callable[[Command], Command]:
    """Give a command the options of every report: the moment, the form, the section of its CSV, the language."""
    options = (
        click.option("--as-of", type=INSTANT, help="As everything was recorded at an instant; now if not given."),
        click.option("--format", "form", type=click.Choice(FORMATS), default="json", show_default=True),
        click.option("--section", type=click.Choice(sections), default=default, show_default=True, help="Of the CSV."),
        click.option(
            "--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of PDF and XLSX."
        ),
        click.option(
            "--output",
            type=click.Path(dir_okay=False, writable=True, path_type=Path),
            help="The file to write; standard output if not given.",
        ),
    )

    def decorate(command: Command) -> Command:
        return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)

    return decorate


@report.command("cap-compliance")
@click.option("--operator", required=True, help="The operator's code.")
@click.option("--from", "day_from", type=DAY, required=True, help="The first day.")
@click.option("--until", "day_until", type=DAY, required=True, help="The day after the last day.")
@_printed([part.key for part in compliance.SECTIONS], "price_tests")
def cap_compliance(operator: str, day_from: date, day_until: date, **how: Any) -> None:
    """Report on an operator's prices and revenue against their caps (Price Notice 三 to 五)."""
    wanted = {"operator": operator, "day_from": day_from, "day_until": day_until}
    _write("cap-compliance", compliance_report, wanted, COMPLIANCE, **how)


@report.command("annual-operation")
@click.option("--operator", required=True, help="The operator's code.")
@click.option("--year", type=click.IntRange(YEAR_MIN, YEAR_MAX), required=True, help="The calendar year.")
@_printed([part.key for part in operation.SECTIONS], "products")
def annual_operation(operator: str, year: int, **how: Any) -> None:
    """Report on an operator's year: operation, costs, revenue and profit, deviation, prices (Price Notice 五)."""
    _write("annual-operation", operation_report, {"operator": operator, "year": year}, OPERATION, **how)


@report.command("disclosure")
@click.option("--operator", help="The code of the operator whose tables they are.")
@click.option("--grantor", help="The code of the grantor whose tables they are.")
@click.option("--year", type=click.IntRange(YEAR_MIN, YEAR_MAX), required=True, help="The calendar year.")
@_printed(
    [part.key for form in (disclosure.OPERATOR_FORM, disclosure.GRANTOR_FORM) for part in form.sections], "prices"
)
def disclose(operator: str | None, grantor: str | None, year: int, **how: Any) -> None:
    """Write the disclosure tables of an operator or of a grantor (Disclosure Notice)."""
    wanted = {"operator": operator, "grantor": grantor, "year": year}
    _write("disclosure", disclosure_tables, wanted, DISCLOSURE, **how)


def _write(  # noqa: PLR0913 - each says one thing, by its name
    name: str,
    compute: Callable[[Unit, Mapping[str, Any]], dict[str, Any]],
    wanted: Mapping[str, Any],
    printing: Printing,
    *,
    as_of: datetime | None,
    form: str,
    section: str,
    lang: Lang,
    output: Path | None,
) -> None:
    """Compute a report and write it where it is wanted."""
    if form in PAPERS and output is None and sys.stdout.isatty():
        raise click.UsageError(f"{form} is no text: name a file with --output")
    with opened() as store:
        bounded = {**wanted, "as_of": settle_as_of(store, as_of)}
        with store.reading(call(f"report {name}")) as unit:
            document = compute(unit, bounded)
    written = _written(document, printing, form, section, lang)
    if output is None:
        sys.stdout.buffer.write(written)
    else:
        output.write_bytes(written)


def _written(report: Mapping[str, Any], printing: Printing, form: str, section: str, lang: Lang) -> bytes:
    match form:
        case "pdf":
            return printing.pdf(report, lang)
        case "xlsx":
            return printing.xlsx(report, lang)
        case "csv":
            return printing.csv(report, section)
        case _:
            return f"{json.dumps(report, ensure_ascii=False, indent=2)}\n".encode()
