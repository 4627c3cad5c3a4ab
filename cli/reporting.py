"""``tariffbook report``: reports on an operator, as documents or papers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click

from cli.arguments import DAY, INSTANT
from cli.terminal import call, opened
from papers.compliance import SECTIONS, compliance_csv, compliance_pdf, compliance_xlsx
from papers.wording import Lang
from reports.compliance import compliance_report
from store.horizon import settle_as_of

FORMATS: Final = ("json", "csv", "xlsx", "pdf")
PAPERS: Final = ("xlsx", "pdf")


@click.group()
def report() -> None:
    """Write reports."""


@report.command("cap-compliance")
@click.option("--operator", required=True, help="The operator's code.")
@click.option("--from", "day_from", type=DAY, required=True, help="The first day.")
@click.option("--until", "day_until", type=DAY, required=True, help="The day after the last day.")
@click.option("--as-of", type=INSTANT, help="As everything was recorded at an instant; now if not given.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="json", show_default=True)
@click.option(
    "--section",
    type=click.Choice([part.key for part in SECTIONS]),
    default="price_tests",
    show_default=True,
    help="Of the CSV.",
)
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Of PDF and XLSX.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="The file to write; standard output if not given.",
)
def cap_compliance(
    operator: str,
    day_from: date,
    day_until: date,
    as_of: datetime | None,
    form: str,
    section: str,
    lang: Lang,
    output: Path | None,
) -> None:
    """Report on an operator's prices and revenue against their caps (Price Notice 三 to 五)."""
    if form in PAPERS and output is None and sys.stdout.isatty():
        raise click.UsageError(f"{form} is no text: name a file with --output")
    with opened() as store:
        wanted = {
            "operator": operator,
            "day_from": day_from,
            "day_until": day_until,
            "as_of": settle_as_of(store, as_of),
        }
        with store.reading(call("report cap-compliance")) as unit:
            document = compliance_report(unit, wanted)
    written = _written(document, form, section, lang)
    if output is None:
        sys.stdout.buffer.write(written)
    else:
        output.write_bytes(written)


def _written(report: Mapping[str, Any], form: str, section: str, lang: Lang) -> bytes:
    match form:
        case "pdf":
            return compliance_pdf(report, lang)
        case "xlsx":
            return compliance_xlsx(report, lang)
        case "csv":
            return compliance_csv(report, section)
        case _:
            return f"{json.dumps(report, ensure_ascii=False, indent=2)}\n".encode()
