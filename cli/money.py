"""``tariffbook invoice`` and ``settle``: the monthly runs of an operator."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from sqlalchemy import func, select
from sqlmodel import col
from tqdm import tqdm

from cli.arguments import MONTH
from cli.terminal import call, opened
from pricing.money import format_money
from pricing.period import Month
from registry.lookup import party_of_kind
from settlement.invoice_runs import Billed, issue_month
from settlement.invoices import bill_contract
from settlement.settlements import find_settlement, settle_month, settlement_document
from settlement.tables import Invoice
from store.unit import Store

OPERATOR = click.option("--operator", required=True, help="The operator's code.")
_MONTH = click.option("--month", type=MONTH, required=True, help="The month, such as 2026-03.")


@click.command()
@OPERATOR
@_MONTH
@click.option("--contract", help="One contract's id; every contract of the operator if not given.")
def invoice(operator: str, month: Month, contract: str | None) -> None:
    """Issue the bills of a month; what was issued stays as it is. Exit code 1 where one was refused.

    Contracts that are behind are billed month by month up to it.
    """
    with opened() as store:
        operator_id = _operator_id(store, operator)
        if contract is None:
            with _progress("contracts") as progress:
                results = issue_month(store, operator_id, month, progress)
        else:
            results = [_bill(store, operator_id, contract, month)]
        _tell(store, operator_id, month, results)
    if any(result.refused for result in results):
        sys.exit(1)


@click.command()
@OPERATOR
@_MONTH
def settle(operator: str, month: Month) -> None:
    """Distribute the revenue of a month by the signed agreements; a month that was run stays as it is."""
    with opened() as store:
        operator_id = _operator_id(store, operator)
        with _progress("stages") as progress:
            settlement_id = settle_month(store, operator_id, month, progress)
        with store.reading(call("settle", "operator", operator_id)) as unit:
            document = settlement_document(unit, find_settlement(unit, settlement_id))
    click.echo(f"settlement {settlement_id} of {month}")
    click.echo(f"pool {format_money(document['pool'])}, output VAT {format_money(document['output_vat'])}")
    for statement in document["statements"]:
        closing = format_money(statement["closing"])
        click.echo(f"  {statement['id']}  {closing:>16}  {statement['beneficiary']}")


def _operator_id(store: Store, ref: str) -> str:
    with store.reading(call("find operator")) as unit:
        return party_of_kind(unit, ref, "operator", "operator").id


def _bill(store: Store, operator_id: str, contract: str, month: Month) -> Billed:
    given = {"contract": contract, "month": month}
    doer = call("invoice", "operator", operator_id)
    return Billed(contract, month, store.run(doer, lambda unit: bill_contract(unit, given)[0].id))


def _tell(store: Store, operator_id: str, month: Month, results: list[Billed]) -> None:
    with store.reading(call("invoice", "operator", operator_id)) as unit:
        query = select(func.count(), func.coalesce(func.sum(col(Invoice.gross)), 0)).where(
            col(Invoice.operator_id) == operator_id, col(Invoice.month) == str(month)
        )
        count, gross = unit.session.execute(query).one()
    click.echo(f"billed now: {sum(result.refused is None for result in results)}")
    click.echo(f"bills of {month}: {count}, {format_money(int(gross))} in all")
    for result in results:
        if result.refused is not None:
            click.echo(f"refused: contract {result.contract_id}, {result.month}: {result.refused}")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    with tqdm(unit=f" {what}", disable=None, leave=False) as bar:

        def told(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield told
