"""The books in the formats of other accounting programs: hledger, beancount, CSV; streamed, as of a moment.

Each file ends with the balance of every account, so that the other program checks the whole by itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from ledger.tables import Account, Entry, Transaction, legs_of_head
from reports.books import Bounds, NamedAccount, account_of, account_sums, named_accounts, within, written
from store.columns import Day
from store.unit import Unit

_ROOTS = {
    "bank": "Assets:Bank",
    "receivable": "Assets:Receivable",
    "buyer_balance": "Liabilities:BuyerBalance",
    "contract_liability": "Liabilities:ContractLiability",
    "output_vat": "Liabilities:OutputVAT",
    "red_pending_vat": "Assets:RedPendingVAT",
    "revenue": "Income:Revenue",
    "revenue_relief": "Income:RevenueRelief",
    "revenue_share_cost": "Expenses:RevenueShare",
    "accrued_share": "Liabilities:AccruedShare",
    "payable": "Liabilities:Payable",
    "treasury_payable": "Liabilities:Treasury",
    "accrued_operating_cost": "Liabilities:AccruedCost",
    "cost_platform_commercial": "Expenses:Commercial:Platform",
    "cost_platform_public_interest": "Expenses:PublicInterest:Platform",
    "cost_data_processing_commercial": "Expenses:Commercial:DataProcessing",
    "cost_data_processing_public_interest": "Expenses:PublicInterest:DataProcessing",
    "cost_personnel_commercial": "Expenses:Commercial:Personnel",
    "cost_personnel_public_interest": "Expenses:PublicInterest:Personnel",
    "cost_data_acquisition_commercial": "Expenses:Commercial:DataAcquisition",
    "cost_data_acquisition_public_interest": "Expenses:PublicInterest:DataAcquisition",
    "cost_period_expense_commercial": "Expenses:Commercial:PeriodExpense",
    "cost_period_expense_public_interest": "Expenses:PublicInterest:PeriodExpense",
    "unbilled_use": "Assets:UseUnbilled",
    "billed_use": "Assets:UseBilled",
    "free_use": "Assets:UseFree",
    "written_off_use": "Assets:UseWrittenOff",
    "delivered_use": "Income:UseDelivered",
}
_PLAIN = re.compile(r"[A-Z0-9][A-Za-z0-9-]*")
_ROWS_AT_A_TIME = 2000

CSV_COLUMNS = (
    "transaction",
    "kind",
    "effective_on",
    "recorded_at",
    "document",
    "leg",
    "account",
    "standard_code",
    "account_name",
    "side",
    "amount",
    "asset",
    "service_month",
    "service_on",
)


def account_path(account: NamedAccount) -> str:
    """Return an account's name in a tree, made of parts that both programs take: letters, digits, hyphens.

    A code with other characters gets the end of the account's number, so that no two accounts fall together.
    """
    dimensions = (account.operator, account.party, account.contract, account.offering)
    parts = [part for part in dimensions if part is not None]
    plain = all(_PLAIN.fullmatch(part) for part in parts)
    tidy = [re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-") for part in parts]
    tidy = [f"X{part}" if not part[:1].isupper() and not part[:1].isdigit() else part for part in tidy]
    return ":".join((_ROOTS[account.kind.kind], *tidy, *(() if plain else (f"A{account.id}",))))


def export_beancount(unit: Unit, bounds: Bounds) -> Iterator[str]:
    """Yield the books as a beancount file."""
    accounts = _accounts(unit, bounds)
    yield 'option "title" "Tariffbook"\noption "operating_currency" "CNY"\n'
    first = unit.connection.execute(
        within(select(col(Transaction.effective_on)), bounds).order_by(col(Transaction.effective_on)).limit(1)
    ).scalar_one_or_none()
    for account in accounts.values():
        yield f"{first or unit.today} open {account_path(account)} {account.asset}\n"
    yield from _journal(unit, bounds, accounts, _beancount_head)
    yield from _closing_balances(
        unit, bounds, accounts, lambda day, path, amount: f"{day + timedelta(days=1)} balance {path}  {amount}\n"
    )


def export_hledger(unit: Unit, bounds: Bounds) -> Iterator[str]:
    """Yield the books as an hledger journal."""
    accounts = _accounts(unit, bounds)
    yield "; Tariffbook\ncommodity 1000.00 CNY\n"
    for asset in sorted({account.asset for account in accounts.values()} - {"CNY"}):
        yield f'commodity 1000.000000 "{asset}"\n' if not asset.isalpha() else f"commodity 1000.000000 {asset}\n"
    for account in accounts.values():
        yield f"account {account_path(account)}\n"
    yield from _journal(unit, bounds, accounts, _hledger_head, quote_assets=True)
    yield from _closing_balances(
        unit,
        bounds,
        accounts,
        lambda day, path, amount: f"\n{day} * closing balance\n    {path}  {_zero(amount)} = {amount}\n",
        quote_assets=True,
    )


def export_csv(unit: Unit, bounds: Bounds) -> Iterator[str]:
    """Yield the books as CSV, one row a leg."""
    accounts = _accounts(unit, bounds)
    yield _csv_row(CSV_COLUMNS)
    for row in _rows(unit, bounds):
        account = accounts[row.account_id]
        yield _csv_row(
            (
                row.id,
                row.kind,
                row.effective_on,
                row.recorded_at.isoformat(),
                row.document_id or "",
                row.leg,
                account.code,
                account.kind.standard_code,
                account.kind.name_zh,
                "debit" if row.side == "D" else "credit",
                written(row.amount, row.asset),
                row.asset,
                row.service_month or "",
                row.service_on or "",
            )
        )


FORMATS: dict[str, tuple[Callable[[Unit, Bounds], Iterator[str]], str]] = {
    "hledger": (export_hledger, "text/plain"),
    "beancount": (export_beancount, "text/plain"),
    "csv": (export_csv, "text/csv"),
}
"""Each format with its writer and media type."""


def _accounts(unit: Unit, bounds: Bounds) -> dict[int, NamedAccount]:
    rows = unit.connection.execute(named_accounts(bounds).order_by(col(Account.id)))
    return {row.id: account_of(row) for row in rows}


def _rows(unit: Unit, bounds: Bounds) -> Iterator[Any]:
    """Yield every leg with its transaction, in the order of posting, a few thousand at a time."""
    query = (
        within(
            select(
                col(Transaction.id),
                col(Transaction.kind),
                col(Transaction.effective_on),
                col(Transaction.recorded_at),
                col(Transaction.document_id),
                col(Entry.leg),
                col(Entry.account_id),
                col(Entry.asset),
                col(Entry.side),
                col(Entry.amount),
                col(Entry.service_month),
                col(Entry.service_on),
            ).join(Entry, legs_of_head()),
            bounds,
        )
        .order_by(col(Transaction.id), col(Entry.leg))
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    yield from unit.connection.execute(query)


def _journal(
    unit: Unit,
    bounds: Bounds,
    accounts: dict[int, NamedAccount],
    head: Callable[[Any], str],
    *,
    quote_assets: bool = False,
) -> Iterator[str]:
    current = None
    paths = {number: account_path(account) for number, account in accounts.items()}
    commodities = {account.asset: _commodity(account.asset, quote_assets=quote_assets) for account in accounts.values()}
    for row in _rows(unit, bounds):
        if row.id != current:
            current = row.id
            yield head(row)
        signed = row.amount if row.side == "D" else -row.amount
        yield f"  {paths[row.account_id]}  {written(signed, row.asset)} {commodities[row.asset]}\n"


def _beancount_head(row: Any) -> str:
    narration = f"{row.kind} {row.document_id or ''}".strip()
    return f'\n{row.effective_on} * "{narration}"\n  transaction: "{row.id}"\n'


def _hledger_head(row: Any) -> str:
    return f"\n{row.effective_on} * ({row.id}) {row.kind} {row.document_id or ''}".rstrip() + "\n"


def _closing_balances(
    unit: Unit,
    bounds: Bounds,
    accounts: dict[int, NamedAccount],
    line: Callable[[date, str, str], str],
    *,
    quote_assets: bool = False,
) -> Iterator[str]:
    newest = within(select(func.max(col(Transaction.effective_on), type_=Day())), bounds)
    last = unit.connection.execute(newest).scalar_one()
    for number, amounts in account_sums(unit, bounds).items():
        account = accounts[number]
        total = amounts.debit - amounts.credit
        yield line(last, account_path(account), _amount(total, account.asset, quote_assets=quote_assets))


def _amount(amount: int, asset: str, *, quote_assets: bool) -> str:
    return f"{written(amount, asset)} {_commodity(asset, quote_assets=quote_assets)}"


def _commodity(asset: str, *, quote_assets: bool) -> str:
    """A commodity: hledger wants a commodity with a digit or sign in its name in quotes; beancount takes none."""
    return f'"{asset}"' if quote_assets and not asset.isalpha() else asset


def _zero(amount: str) -> str:
    return f"0 {amount.partition(' ')[2]}"


def _csv_row(values: tuple[Any, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(values)
    return line.getvalue()
