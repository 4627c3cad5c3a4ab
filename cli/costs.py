"""``tariffbook costs import``: operating costs from files, entered by the same use case as the API's."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from cli.terminal import call, opened
from registry.lookup import party_of_kind
from schemas.cost_files import media_type_of, read_costs
from settlement.cost_imports import CostImportRefused, import_costs


@click.group()
def costs() -> None:
    """Operating costs of authorised operation."""


@costs.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
)
@click.option("--operator", required=True, metavar="CODE", help="The operator whose costs they are.")
@click.option("--skip-refused", is_flag=True, help="Enter the other rows of a file where some are refused.")
def import_files(files: Sequence[Path], operator: str, skip_refused: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Enter the items in FILES: CSV (.csv) or workbooks (.xlsx), the first row naming the columns.

    The columns are month, head, use, amount, document_no, text and occurred_on, and if wanted line, product and
    offering. A line of a document counts once, however often its file is imported. A file is entered whole or not at
    all; what is refused is told row by row, and the exit code is then 1.
    """
    failed = False
    with opened() as store:
        with store.reading(call("costs import")) as unit:
            operator_id = party_of_kind(unit, operator, "operator", "operator").id
        for path in files:
            rows = [
                (row.number, row.item, row.errors) for row in read_costs(path.read_bytes(), media_type_of(path.name))
            ]
            try:
                told = store.run(
                    call("costs import", "operator", operator_id),
                    lambda unit, rows=rows: import_costs(unit, rows, skip_refused=skip_refused),  # type: ignore[misc]
                )
            except CostImportRefused as refused:
                _tell(path, refused.facts["results"])
                click.echo(f"{path}: {refused.detail}", err=True)
                failed = True
                continue
            _tell(path, told["results"])
            counts = ", ".join(f"{told[name]} {name}" for name in ("accepted", "duplicates", "refused"))
            click.echo(f"{path}: {counts}")
            failed = failed or told["refused"] > 0
    if failed:
        sys.exit(1)


def _tell(path: Path, results: Any) -> None:
    """Say of each row that was refused what was wrong with it."""
    for result in results:
        if result["status"] == "refused":
            errors: Mapping[str, Sequence[str]] = result["errors"]
            said = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items())
            click.echo(f"{path}, row {result['row']}: {result['code']}: {said}", err=True)
