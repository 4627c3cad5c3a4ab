"""Operating costs of authorised operation, in accounts of their own: by head, commercial and public-interest apart.

Price Notice 五. An item is a line of a document, entered once however often it is sent; it is booked in the operator's
books on the account of its head and use, with its month of service, and corrected by a reversal only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Select, insert, select
from sqlmodel import col

from ledger.books import AccountRef, Posting, credit, debit, post
from ledger.chart import CHART
from pricing.errors import Conflict, Problem, Refusal
from pricing.money import format_money
from pricing.period import Month
from registry.lookup import code_of, find, missing
from registry.offerings import category_expected, category_on
from registry.relations import operators_overseen
from registry.tables import Authorisation, Offering, Party, Product
from settlement.cost_tables import OperatingCost, OperatingCostReversal
from settlement.payments import DayInTheFuture
from store.ids import new_id
from store.unit import Unit

ACCRUED: Final = "accrued_operating_cost"
"""The account that costs are cleared by: what the operator owes for them, or took from its other accounts."""
COST_ACCOUNTS: Final = tuple(kind for kind in CHART if kind.startswith("cost_"))
"""The kinds of accounts that costs are booked on."""
_AT_A_TIME: Final = 500
_CONTENT: Final = ("month", "head", "use", "amount", "text", "product_id", "offering_id", "occurred_on")


class CostInvalid(Refusal):
    """An item of cost that cannot be one: an amount that is not above zero."""

    code = "operating_cost_invalid"


class CostMonthOutside(Refusal):
    """A month of service to come, or one in which the operator had no authorised operation."""

    code = "cost_month_outside"


class CostUseMismatch(Refusal):
    """A cost of a use that what it is for does not serve: public-interest cost is kept out of commercial accounts."""

    code = "cost_use_mismatch"


class CostConflict(Conflict):
    """A line of a document that was entered before, and said something else then."""

    code = "cost_conflict"


class CostReversed(Conflict):
    """An item that was taken back before."""

    code = "cost_reversed"


@dataclass(frozen=True)
class Entered:
    """What became of an item: its row, and whether it is new; or why it was refused."""

    row: OperatingCost | None = None
    is_new: bool = False
    problem: Problem | None = None


def record_costs(unit: Unit, items: Sequence[Mapping[str, Any]]) -> list[OperatingCost]:
    """Record items of cost of the operator that calls, all or none; return their rows in the order given.

    A line of a document that was entered before with the same content is left as it is. Raises the problem of the first
    item at fault, with the fields of all: CostInvalid, CostMonthOutside, CostUseMismatch, CostConflict, DayInTheFuture,
    NotFound.
    """
    entered = enter_costs(unit, items)
    faults = [each.problem for each in entered if each.problem is not None]
    if faults:
        raise _together(faults)
    return [each.row for each in entered if each.row is not None]


def enter_costs(unit: Unit, items: Sequence[Mapping[str, Any]], path: str = "items") -> list[Entered]:
    """Record the items that can be, and say of each what became of it, in the order given."""
    judge = _Judge(unit, unit.principal.party, path)
    known = _known(unit, {item["document_no"] for item in items})
    entered = [judge.entered(number, item, known) for number, item in enumerate(items)]
    _write(unit, [each.row for each in entered if each.row is not None and each.is_new])
    return entered


def reverse_cost(unit: Unit, cost_id: str, given: Mapping[str, Any]) -> OperatingCost:
    """Take an item of the caller's back, today; raises NotFound, CostReversed."""
    cost = find_cost(unit, cost_id)
    if reversal_of(unit, cost) is not None:
        message = f"line {cost.line} of {cost.document_no} was reversed before; enter the right item as a line anew"
        raise CostReversed(message)
    row = OperatingCostReversal(
        id=new_id("csr"),
        cost_id=cost.id,
        reason=given["reason"],
        reversed_on=unit.today,
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(row)
    unit.session.flush()
    legs = (*debit(_clearing(cost), cost.amount, cost.month), *credit(_account(cost), cost.amount, cost.month))
    post(unit, [Posting(f"cost_reversal:{cost.id}", "cost_reversal", cost.operator_id, unit.today, legs, cost.id)])
    unit.object_id = cost.id
    return cost


def visible_costs(unit: Unit) -> Select[Any]:
    """Return the query of the costs of the operators whose affairs the caller may read."""
    overseen = operators_overseen(unit)
    query = select(OperatingCost)
    return query if overseen is None else query.where(col(OperatingCost.operator_id).in_(overseen))


def find_cost(unit: Unit, cost_id: str) -> OperatingCost:
    """Return an item that the caller may see; raises NotFound."""
    query = visible_costs(unit).where(col(OperatingCost.id) == cost_id)
    row: OperatingCost | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("operating cost", cost_id)
    return row


def reversal_of(unit: Unit, cost: OperatingCost) -> OperatingCostReversal | None:
    """Return what took an item back, None where nothing did."""
    return _reversals(unit, [cost]).get(cost.id)


def cost_documents(unit: Unit, costs: Sequence[OperatingCost]) -> list[dict[str, Any]]:
    """Return items as the wire says them, before formatting."""
    reversals = _reversals(unit, costs)
    return [_document(unit, cost, reversals.get(cost.id)) for cost in costs]


def cost_document(unit: Unit, cost: OperatingCost) -> dict[str, Any]:
    """Return an item as the wire says it, before formatting."""
    return cost_documents(unit, [cost])[0]


def cost_account(head: str, use: str) -> str:
    """Return the kind of account that costs of a head and use are booked on."""
    return f"cost_{head}_{use}"


def _document(unit: Unit, cost: OperatingCost, reversal: OperatingCostReversal | None) -> dict[str, Any]:
    return {
        **cost.model_dump(exclude={"recorded_by", "entry", "operator_id", "product_id", "offering_id"}),
        "operator": code_of(unit, Party, cost.operator_id),
        "product": code_of(unit, Product, cost.product_id) if cost.product_id else None,
        "offering": code_of(unit, Offering, cost.offering_id) if cost.offering_id else None,
        "account": _account(cost).code,
        "status": "reversed" if reversal else "recorded",
        "reversal": reversal.model_dump(include={"reason", "reversed_on", "recorded_at"}) if reversal else None,
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


@dataclass
class _Judge:
    """Judges items of an operator one by one, and makes their rows."""

    unit: Unit
    operator_id: str
    path: str
    found: dict[tuple[Any, str], Any] = field(default_factory=dict)
    offerings: dict[str, list[Offering]] = field(default_factory=dict)
    uses: dict[tuple[str, Month], set[str]] = field(default_factory=dict)

    def entered(self, number: int, item: Mapping[str, Any], known: _Known) -> Entered:
        """Say what becomes of an item."""
        try:
            return self._enter(number, item, known)
        except Problem as problem:
            return Entered(problem=problem)

    def _enter(self, number: int, item: Mapping[str, Any], known: _Known) -> Entered:
        place = (item["document_no"], item["line"])
        said = self._said(number, item)
        before = known[place]
        if any(_same(row, said) for row in before):
            return Entered(next(row for row in before if _same(row, said)))
        if before and before[-1].id not in known.reversed:
            first = before[-1]
            message = (
                f"line {first.line} of {first.document_no} was entered as {first.id} and says otherwise; "
                "reverse it first, or name another line"
            )
            raise CostConflict(message, errors={self._path(number, "line"): [message]}, cost=first.id)
        row = OperatingCost(
            id=new_id("cst"),
            operator_id=self.operator_id,
            document_no=item["document_no"],
            line=item["line"],
            entry=len(before) + 1,
            recorded_at=self.unit.now,
            recorded_by=self.unit.principal.party,
            **said,
        )
        before.append(row)
        return Entered(row, is_new=True)

    def _said(self, number: int, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an item says beside its place, once it is judged."""
        product, offering = self._served(number, item)
        self._require_amount(number, item)
        self._require_days(number, item)
        self._require_use(number, item, product, offering)
        return {
            **{name: item[name] for name in ("head", "use", "amount", "text", "occurred_on")},
            "month": str(item["month"]),
            "product_id": product.id if product else None,
            "offering_id": offering.id if offering else None,
        }

    def _require_amount(self, number: int, item: Mapping[str, Any]) -> None:
        if item["amount"] <= 0:
            message = f"{format_money(item['amount'])} is not above zero; take a cost back by reversing its item"
            raise CostInvalid(message, errors={self._path(number, "amount"): [message]})

    def _require_days(self, number: int, item: Mapping[str, Any]) -> None:
        month, today = item["month"], self.unit.today
        if item["occurred_on"] > today:
            message = f"occurred_on {item['occurred_on']} has not come yet; today is {today}"
            raise DayInTheFuture(message, errors={self._path(number, "occurred_on"): [message]})
        if month.first_day > today:
            message = f"month {month} has not come yet; today is {today}"
            raise CostMonthOutside(message, errors={self._path(number, "month"): [message]})
        if not any(start < month.until and month.first_day < until for start, until in self._terms):
            message = f"in {month} no authorisation of the operator was in force, nor was it operating before one"
            raise CostMonthOutside(message, errors={self._path(number, "month"): [message]})

    @cached_property
    def _terms(self) -> list[tuple[date, date]]:
        """The days in which the operator operates, from when it began to."""
        query = select(Authorisation).where(col(Authorisation.operator_id) == self.operator_id)
        rows = self.unit.session.execute(query).scalars()
        return [
            (min(row.operating_since or row.effective_from, row.effective_from), row.effective_until) for row in rows
        ]

    def _served(self, number: int, item: Mapping[str, Any]) -> tuple[Product | None, Offering | None]:
        """Return the product and offering that an item names, both the operator's own."""
        product = self._own(Product, number, item, "product")
        offering = self._own(Offering, number, item, "offering")
        if product and offering and offering.product_id != product.id:
            message = f"offering {offering.code} is not of product {product.code}"
            raise CostInvalid(message, errors={self._path(number, "offering"): [message]})
        return product, offering

    def _own(self, table: Any, number: int, item: Mapping[str, Any], name: str) -> Any:
        ref, path = item[name], self._path(number, name)
        if ref is None:
            return None
        if (table, ref) not in self.found:
            self.found[table, ref] = find(self.unit, table, ref, path)
        row = self.found[table, ref]
        if row.operator_id != self.operator_id:
            raise missing(name, ref, path)
        return row

    def _require_use(
        self, number: int, item: Mapping[str, Any], product: Product | None, offering: Offering | None
    ) -> None:
        served = [offering] if offering else self._offerings(product) if product else []
        uses = {use for each in served for use in self._uses(each, item["month"])}
        if served and item["use"] not in uses:
            what = f"offering {offering.code}" if offering else f"product {product.code if product else ''}"
            message = f"{what} serves {', '.join(sorted(uses))} use in {item['month']}, not {item['use']}"
            raise CostUseMismatch(message, errors={self._path(number, "use"): [message]})

    def _offerings(self, product: Product) -> list[Offering]:
        if product.id not in self.offerings:
            query = select(Offering).where(col(Offering.product_id) == product.id)
            self.offerings[product.id] = list(self.unit.session.execute(query).scalars())
        return self.offerings[product.id]

    def _uses(self, offering: Offering, month: Month) -> set[str]:
        """The uses that an offering serves in a month: one, or two where its category changed."""
        if (offering.id, month) not in self.uses:
            days = (month.first_day, month.until - timedelta(days=1))
            found = {category_on(self.unit, offering.id, day) for day in days}
            self.uses[offering.id, month] = {use or category_expected(self.unit, offering) for use in found}
        return self.uses[offering.id, month]

    def _path(self, number: int, name: str) -> str:
        return f"{self.path}.{number}.{name}"


class _Known(defaultdict[tuple[str, int], list[OperatingCost]]):
    """The entries of lines of documents, in their order, and which of them were reversed."""

    def __init__(self) -> None:
        super().__init__(list)
        self.reversed: set[str] = set()


def _known(unit: Unit, documents: Iterable[str]) -> _Known:
    known, numbers = _Known(), sorted(documents)
    for start in range(0, len(numbers), _AT_A_TIME):
        query = (
            select(OperatingCost, col(OperatingCostReversal.id))
            .outerjoin(OperatingCostReversal, col(OperatingCostReversal.cost_id) == col(OperatingCost.id))
            .where(
                col(OperatingCost.operator_id) == unit.principal.party,
                col(OperatingCost.document_no).in_(numbers[start : start + _AT_A_TIME]),
            )
            .order_by(col(OperatingCost.document_no), col(OperatingCost.line), col(OperatingCost.entry))
        )
        for row, reversal in unit.session.execute(query):
            known[row.document_no, row.line].append(row)
            known.reversed |= {row.id} if reversal else set()
    return known


def _reversals(unit: Unit, costs: Sequence[OperatingCost]) -> dict[str, OperatingCostReversal]:
    found: dict[str, OperatingCostReversal] = {}
    for start in range(0, len(costs), _AT_A_TIME):
        ids = [cost.id for cost in costs[start : start + _AT_A_TIME]]
        query = select(OperatingCostReversal).where(col(OperatingCostReversal.cost_id).in_(ids))
        found |= {row.cost_id: row for row in unit.session.execute(query).scalars()}
    return found


def _same(row: OperatingCost, said: Mapping[str, Any]) -> bool:
    return all(getattr(row, name) == said[name] for name in _CONTENT)


def _write(unit: Unit, costs: Sequence[OperatingCost]) -> None:
    if not costs:
        return
    unit.connection.execute(insert(OperatingCost), [cost.model_dump() for cost in costs])
    post(unit, [_posting(cost) for cost in costs])
    unit.object_id = costs[0].id if len(costs) == 1 else None
    unit.detail |= {"items": str(len(costs)), "amount": format_money(sum(cost.amount for cost in costs))}


def _posting(cost: OperatingCost) -> Posting:
    legs = (*debit(_account(cost), cost.amount, cost.month), *credit(_clearing(cost), cost.amount, cost.month))
    return Posting(f"cost:{cost.id}", "cost", cost.operator_id, cost.occurred_on, legs, cost.id)


def _account(cost: OperatingCost) -> AccountRef:
    return AccountRef(cost_account(cost.head, cost.use), cost.operator_id)


def _clearing(cost: OperatingCost) -> AccountRef:
    return AccountRef(ACCRUED, cost.operator_id)


def _together(problems: Sequence[Problem]) -> Problem:
    """The first problem, with the fields of all of them."""
    first = problems[0]
    errors = {field: messages for problem in reversed(problems) for field, messages in problem.errors.items()}
    rest = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return type(first)(f"{first.detail}{rest}", errors=errors, **first.facts)
