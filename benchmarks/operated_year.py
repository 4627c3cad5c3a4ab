"""A year of an operator at work, made large: many offerings, contracts and bills, copied from one that ran its course.

One contract is used and billed month by month through the application. Its rows are then copied under new ids, and the
like postings go through the kernel, so that papers and books say the same. Only the rows of single events are left
out, which no report reads: each posting says how many it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, insert, select
from sqlmodel import SQLModel, col

from benchmarks.jurisdiction import OFFERING, founded
from ledger.books import AccountRef, Posting, credit, debit, post
from ledger.folding import fold
from metering.accounts import BILLED, UNBILLED, delivered_account, use_account
from pricing.period import Month
from registry.tables import (
    CeilingVersion,
    ClassificationDecision,
    Contract,
    ContractOffering,
    Offering,
    Party,
    Product,
    TariffVersion,
)
from settlement.standing import receivable
from settlement.tables import Invoice, InvoiceLine
from store.horizon import advance
from store.settings import Settings
from store.unit import Call, Principal, Store, Unit
from tests.world import World

MONTHS: Final = tuple(Month(2025 + number // 12, number % 12 + 1) for number in range(2, 14))
FIRST, UNTIL, NOW = "2025-03-01", "2026-03-01", "2026-03-10"
EVENTS_A_DAY: Final = 10
DAYS_OF_USE: Final = (2, 5, 9, 12, 16, 19, 23, 26)
"""Days of each month on which a contract has use: with twelve months, about a thousand events a contract."""
QUANTITY: Final = EVENTS_A_DAY * 150 * 10**6
"""What the events of a day come to, in millionths: a month reaches the second tier."""
_ROWS: Final = 5_000
_POSTINGS: Final = 8_000


@dataclass(frozen=True)
class Size:
    """How much there is: offerings, and contracts of each."""

    offerings: int
    contracts: int

    @property
    def events(self) -> int:
        """Events of the year."""
        return self.offerings * self.contracts * len(MONTHS) * len(DAYS_OF_USE) * EVENTS_A_DAY


def operated(settings: Settings, size: Size) -> Mapping[str, str]:
    """Fill a new sandbox with the year; return the keys of its operator and regulator by role."""
    with founded(settings) as world:
        contract = world.contract(OFFERING, effective_from=FIRST)["id"]
        _used_and_billed(world, contract)
        _capped(world)
        keys = {"operator": world.operator.key or "", "regulator": world.regulator.key or ""}
    with closing(Store(settings)) as store:
        store.run(_call(), lambda unit: _copied(unit, contract, size))
        for batch in _batches(_postings(store, contract), _POSTINGS):
            store.run(_call(), _poster(batch))
        advance(store)
        fold(store)
    return keys


def _poster(batch: Sequence[Posting]) -> Callable[[Unit], list[int]]:
    return lambda unit: post(unit, batch)


def _call() -> Call:
    return Call(Principal("admin"), "benchmark")


def _used_and_billed(world: World, contract: str) -> None:
    world.clock(NOW)
    for month in MONTHS:
        for day in _days(month):
            world.usage(contract, OFFERING, str(QUANTITY // 10**6), f"{day}T10:00:00+08:00")
        world.invoice(contract, str(month))


def _days(month: Month) -> list[date]:
    return [month.first_day + timedelta(days=day) for day in DAYS_OF_USE]


def _capped(world: World) -> None:
    year = {"costs": [{"head": "platform", "use": "commercial", "amount": "100000000.00"}], "subsidies": "0.00"}
    tax = {"vat": "0.00", "other": "0.00"}
    world.regulator.made(
        "/revenue-caps",
        {
            "operator": "operator",
            "cycle_from": "2025-01-01",
            "cycle_until": "2028-01-01",
            "decision_no": world.number("cap"),
            "decided_on": "2025-01-02",
            "revenue_basis": "tax_exclusive",
            "cost_survey_year": 2024,
            "bond_yield_percent": "2.20",
            "bond_yield_source": "ChinaBond",
            "markup_points": "6.00",
            "years": [{"year": number, **year, "tax": tax} for number in (2025, 2026, 2027)],
        },
    )


def _copied(unit: Unit, contract: str, size: Size) -> None:
    """Copy the offering with its decisions, and the contract with its bills, as often as the size asks for."""
    connection = unit.connection
    pattern = _Pattern.read(connection, contract)
    offerings = [f"ofr_{number:032d}" for number in range(size.offerings)]
    _insert(connection, Offering, (pattern.offering(new, number) for number, new in enumerate(offerings)))
    for table in (ClassificationDecision, CeilingVersion, TariffVersion):
        _insert(connection, table, (row for new in offerings for row in pattern.versions(table, new)))
    contracts = [
        (f"con_{number:032d}", offerings[number % size.offerings]) for number in range(size.offerings * size.contracts)
    ]
    _insert(connection, Contract, ({**pattern.rows[Contract][0], "id": new} for new, _ in contracts))
    terms = ({**pattern.rows[ContractOffering][0], "contract_id": new, "offering_id": of} for new, of in contracts)
    _insert(connection, ContractOffering, terms)
    _insert(connection, Invoice, (row for new, of in contracts for row in pattern.bills(new)))
    _insert(connection, InvoiceLine, (row for new, of in contracts for row in pattern.lines(new, of)))


@dataclass(frozen=True)
class _Pattern:
    """The rows that are copied."""

    rows: Mapping[type[SQLModel], list[dict[str, Any]]]

    @classmethod
    def read(cls, connection: Connection, contract: str) -> _Pattern:
        bills = select(col(Invoice.id)).where(col(Invoice.contract_id) == contract)
        offered = select(col(ContractOffering.offering_id)).where(col(ContractOffering.contract_id) == contract)
        conditions: Mapping[Any, Any] = {
            Offering: col(Offering.id).in_(offered),
            ClassificationDecision: col(ClassificationDecision.offering_id).in_(offered),
            CeilingVersion: col(CeilingVersion.offering_id).in_(offered),
            TariffVersion: col(TariffVersion.offering_id).in_(offered),
            Contract: col(Contract.id) == contract,
            ContractOffering: col(ContractOffering.contract_id) == contract,
            Invoice: col(Invoice.contract_id) == contract,
            InvoiceLine: col(InvoiceLine.invoice_id).in_(bills),
        }
        return cls(
            {
                table: [dict(row) for row in connection.execute(select(table.__table__).where(condition)).mappings()]
                for table, condition in conditions.items()
            }
        )

    def offering(self, new: str, number: int) -> dict[str, Any]:
        return {**self.rows[Offering][0], "id": new, "code": f"offering-{number:04d}"}

    def versions(self, table: type[SQLModel], offering: str) -> Iterator[dict[str, Any]]:
        for row in self.rows[table]:
            copied = {**row, "id": _id(row["id"], offering), "offering_id": offering}
            if copied.get("ceiling_id"):
                copied["ceiling_id"] = _id(row["ceiling_id"], offering)
            yield copied

    def bills(self, contract: str) -> Iterator[dict[str, Any]]:
        for number, row in enumerate(self.rows[Invoice]):
            bill = _id(f"inv_{number}", contract)
            yield {**row, "id": bill, "number": f"{number}-{contract[4:]}", "contract_id": contract}

    def lines(self, contract: str, offering: str) -> Iterator[dict[str, Any]]:
        numbers = {row["id"]: number for number, row in enumerate(self.rows[Invoice])}
        for row in self.rows[InvoiceLine]:
            yield {
                **row,
                "invoice_id": _id(f"inv_{numbers[row['invoice_id']]}", contract),
                "offering_id": offering,
                "tariff_id": _id(row["tariff_id"], offering),
                "ceiling_id": _id(row["ceiling_id"], offering),
            }


def _id(pattern: str, owner: str) -> str:
    """Return the id of a copy: the kind of what it is copied from, its last digits, and those of whom it belongs to."""
    kind, _, digits = pattern.partition("_")
    return f"{kind}_{digits[-4:]:0>4}{owner[-28:]}"


def _insert(connection: Connection, table: type[SQLModel], rows: Iterator[dict[str, Any]]) -> None:
    for batch in _batches(rows, _ROWS):
        connection.execute(insert(table), batch)


def _batches(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(rows, size)):
        yield batch


def _postings(store: Store, pattern: str) -> Iterator[Posting]:
    """Yield the postings of the copies: use by day, and each bill with the use that it takes."""
    with store.reading(_call()) as unit:
        bills = (
            select(Invoice, ContractOffering.offering_id, Product.asset)  # type: ignore[call-overload]
            .join(ContractOffering, col(ContractOffering.contract_id) == col(Invoice.contract_id))
            .join(Offering, col(Offering.id) == col(ContractOffering.offering_id))
            .join(Product, col(Product.id) == col(Offering.product_id))
            .join(Party, col(Party.id) == col(Invoice.operator_id))
            .where(col(Invoice.contract_id) != pattern)
            .order_by(col(Invoice.month), col(Invoice.id))
        )
        found = [(row[0].model_dump(), row[1], row[2]) for row in unit.session.execute(bills)]
    for bill, offering, asset in found:
        yield from _postings_of(bill, offering, asset)


def _postings_of(bill: Mapping[str, Any], offering: str, asset: str) -> Iterator[Posting]:
    operator, contract, month = bill["operator_id"], bill["contract_id"], bill["month"]
    unbilled, billed = (use_account(kind, operator, contract, offering, asset) for kind in (UNBILLED, BILLED))
    delivered = delivered_account(operator, offering, asset)
    for day in _days(Month.parse(month)):
        legs = (*debit(unbilled, QUANTITY, month, day), *credit(delivered, QUANTITY, month, day))
        yield Posting(f"use:{bill['id']}:{day}", "usage", operator, day, legs, event_count=EVENTS_A_DAY)
    taken = QUANTITY * len(DAYS_OF_USE)
    legs = (*debit(billed, taken, month), *credit(unbilled, taken, month))
    yield Posting(f"bill_use:{bill['id']}", "bill_use", operator, bill["issued_on"], legs, bill["id"])
    owed = debit(receivable(operator, bill["buyer_id"]), bill["gross"])
    earned = credit(_revenue(operator, offering), bill["net"], month)
    taxed = credit(_output_vat(operator), bill["tax"])
    yield Posting(f"bill:{bill['id']}", "bill", operator, bill["issued_on"], (*owed, *earned, *taxed), bill["id"])


def _revenue(operator: str, offering: str) -> AccountRef:
    return AccountRef("revenue", operator, offering_id=offering)


def _output_vat(operator: str) -> AccountRef:
    return AccountRef("output_vat", operator)
