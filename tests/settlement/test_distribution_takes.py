"""What runs take from bills, as values: any bill, any order of receipts and credits, any agreements."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pricing.agreement import agreement_from_document
from pricing.distribution import vat_of_credits
from pricing.money import spread
from settlement.distributable import BILLED, Bill, Bound, Credit, Line, Receipt, Taken, Use, set_off, standing
from settlement.signed_agreements import PoolKey, Version, Versions
from settlement.takes import Takes, Window, _Taking

OFFERINGS = ("one", "two")
USE_MONTHS = ("2025-02", "2025-03")
RUNS = tuple(date(2025, month, 1) for month in range(4, 10))
HALVES = agreement_from_document(
    {"steps": [], "residual": {"weights": "fixed", "shares": [{"beneficiary": "a", "weight": "1"}]}}
)


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def a_version(name: str, effective_from: date, basis: str, signed_on: date) -> Version:
    return Version(name, name, "1", effective_from, basis, OFFERINGS, HALVES, moment(signed_on))


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    """A bill of some lines, reliefs among them, with receipts and credits over some months."""
    uses = st.builds(Use, st.sampled_from(OFFERINGS), st.sampled_from(USE_MONTHS))
    lines: list[Line] = []
    for position in range(1, draw(st.integers(1, 5)) + 1):
        use, net = draw(uses), draw(st.integers(0, 2000))
        lines.append(Line(position, use, net, net * 6 // 100))
        if draw(st.booleans()):
            relief = draw(st.integers(0, net))
            lines.append(Line(position + 100, use, -relief, -(relief * 6 // 100)))
    gross = sum(line.net + line.tax for line in lines)
    bill = Bill("bill", "1", date(2025, 3, 2), moment(date(2025, 3, 2)), gross, lines)
    days = st.dates(date(2025, 3, 2), date(2025, 8, 30))
    credited = 0
    for day in sorted(draw(st.lists(days, max_size=4))):
        amount = draw(st.integers(0, gross - credited))
        bill.credits.append(a_credit(bill, day, credited, amount))
        credited += amount
    for day in draw(st.lists(days, max_size=4)):
        late = draw(st.integers(0, 60))
        bill.receipts.append(Receipt(day, moment(day + timedelta(days=late)), draw(st.integers(1, gross + 1))))
    return bill


def a_credit(bill: Bill, day: date, credited: int, amount: int) -> Credit:
    """A credit by amount: its tax by the rule of all credits so far, spread over the lines by gross."""
    tax_of_bill = sum(line.tax for line in bill.lines)
    tax = vat_of_credits(tax_of_bill, bill.gross, credited + amount) - vat_of_credits(tax_of_bill, bill.gross, credited)
    weights = [line.net + line.tax for line in bill.lines]
    nets, taxes = spread(amount - tax, weights), spread(tax, weights)
    by_line = {line.position: (nets[index], taxes[index]) for index, line in enumerate(bill.lines)}
    return Credit("allowance", day, moment(day), amount, by_line)


@st.composite
def agreements(draw: st.DrawFn) -> Versions:
    """One agreement from before all use, and perhaps others that begin at any month and are signed at any time."""
    bases = st.sampled_from([BILLED, "collected"])
    versions = [a_version("first", date(2025, 1, 1), draw(bases), date(2025, 2, 1))]
    for number, month in enumerate(draw(st.lists(st.sampled_from([2, 3, 4]), unique=True, max_size=2))):
        signed_on = draw(st.dates(date(2025, 2, 1), date(2025, 9, 1)))
        versions.append(a_version(f"later-{number}", date(2025, month, 1), draw(bases), signed_on))
    return Versions(versions)


@dataclass
class Runs:
    """Runs of one bill, month by month, and what they keep."""

    bill: Bill
    versions: Versions

    def __post_init__(self) -> None:
        self.gained: dict[tuple[str, PoolKey], int] = defaultdict(int)
        self.outstanding: dict[PoolKey, int] = defaultdict(int)
        self.last: Bound | None = None

    def run(self, first_day_after: date) -> Takes:
        bound = Bound(first_day_after, moment(first_day_after))
        signed, takes = self.versions.signed_by(bound.as_of), Takes()
        earlier = signed.signed_by(self.last.as_of if self.last else None)
        _Taking(self.bill, Window("operator", self.last, bound), signed, earlier, takes).run()
        name = first_day_after.isoformat()
        for (agreement_id, _, position, _), (amount, output_vat) in takes.by_line.items():
            self.bill.takes.append(Taken(name, name, agreement_id, position, amount, output_vat))
        for key, amount in takes.gained.items():
            self.gained[name, key] += amount
        for earlier_pool, reversal in takes.reversals.items():
            self.gained[earlier_pool.settlement_id, earlier_pool.pool] -= reversal.amount
        for key, amount in takes.outstanding.items():
            self.outstanding[key] += amount
        self.last = bound
        return takes


@given(bills(), agreements())
def test_no_run_gives_back_more_than_it_took_and_no_line_is_taken_beyond_its_net(
    bill: Bill, versions: Versions
) -> None:
    runs = Runs(bill, versions)
    for day in RUNS:
        runs.run(day)
        assert min(runs.gained.values(), default=0) >= 0
        now = standing(bill, runs.last)
        assert now is not None
        for position, net in now.nets.items():
            assert 0 <= sum(taken.amount for taken in bill.takes if taken.position == position) <= net


@given(bills(), agreements())
def test_what_stands_out_is_what_is_billed_and_not_taken(bill: Bill, versions: Versions) -> None:
    runs = Runs(bill, versions)
    for day in RUNS:
        runs.run(day)
        now = standing(bill, runs.last)
        assert now is not None
        expected: dict[PoolKey, int] = defaultdict(int)
        for line in bill.lines:
            version = versions.signed_by(moment(day)).of(line.use.offering_id, line.use.month)
            assert version is not None
            taken = sum(taken.amount for taken in bill.takes if taken.position == line.position)
            expected[PoolKey(version.id, line.use.offering_id)] += now.nets[line.position] - taken
        assert {key: left for key, left in runs.outstanding.items() if left} == {
            key: left for key, left in expected.items() if left
        }


@given(bills(), st.sampled_from([BILLED, "collected"]))
def test_under_one_agreement_the_runs_take_in_all_what_there_is_to_distribute(bill: Bill, basis: str) -> None:
    runs = Runs(bill, Versions([a_version("only", date(2025, 1, 1), basis, date(2025, 2, 1))]))
    for day in RUNS:
        runs.run(day)
        now = standing(bill, runs.last)
        assert now is not None
        allotment = now.allotment(basis)
        assert sum(taken.amount for taken in bill.takes) == sum(allotment.amounts.values())
        assert sum(taken.output_vat for taken in bill.takes) == sum(allotment.output_vat.values())


@given(bills(), agreements())
def test_a_bill_on_which_nothing_is_new_is_left_as_it_stands(bill: Bill, versions: Versions) -> None:
    runs = Runs(bill, versions)
    for day in (*RUNS, date(2025, 12, 1)):
        runs.run(day)
    again = runs.run(date(2026, 1, 1))
    assert again.rows("again") == []
    assert not any(again.gained.values())
    assert not any(again.outstanding.values())
    assert not again.reversals


@given(st.lists(st.tuples(st.integers(-500, 1000), st.sampled_from(OFFERINGS)), min_size=1))
def test_reliefs_are_set_against_what_they_relieve(rows: list[tuple[int, str]]) -> None:
    amounts = [amount for amount, _ in rows]
    uses = [Use(offering, "2025-03") for _, offering in rows]
    left = set_off(amounts, uses)
    assert min(left) >= 0
    if sum(amounts) >= 0:
        assert sum(left) == sum(amounts)
    assert all(after <= max(before, 0) for after, before in zip(left, amounts, strict=True))
