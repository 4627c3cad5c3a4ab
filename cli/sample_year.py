"""The sample's months: use from day to day, bills, settlement, tax invoices, payments and payouts, by fixed habits.

Everything follows from the files of the sample and from what earlier steps answered; no dice are thrown, so that the
story is the same each time, and goes on where it was stopped.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from cli.play import Player
from cli.story import Step
from pricing.money import FEN_PER_YUAN, format_money, format_quantity, parse_money, parse_quantity
from pricing.period import BUSINESS_TIMEZONE_DEFAULT, Month, Span, parse_day, parse_instant

ZONE: Final = ZoneInfo(BUSINESS_TIMEZONE_DEFAULT)
SOURCE: Final = "gateway.shili.example"
LATE_DAYS: Final = 2
VARIATION_PERCENT: Final = 12
PERCENT: Final = 100

Act = tuple[datetime, Callable[[], None]]
"""Something that happens at an instant."""


class Year:
    """Plays the months of the sample. ``tell`` is given a line on each of them."""

    def __init__(
        self, player: Player, routine: Mapping[str, Any], use: Mapping[str, Any], tell: Callable[[str], None]
    ) -> None:
        self._player = player
        self._routine = routine
        self._use = use
        self._tell = tell
        self._bills: dict[Month, list[Any]] = defaultdict(list)
        self._runs: dict[Month, Any] = {}
        self._applied: dict[Month, list[Any]] = defaultdict(list)
        self._fapiao_count = 0

    def acts(self) -> Iterator[Act]:
        """Give everything that happens, month by month, until the story ends."""
        ends_at = parse_instant(self._routine["ends_at"])
        month, last = (Month.parse(self._routine[name]) for name in ("first_month", "last_month"))
        while month <= last:
            yield from (act for act in self._acts_of(month) if act[0] < ends_at)
            month = month.next
        evening = ends_at - timedelta(hours=12)
        yield evening, partial(self._report_use, month, evening)
        yield ends_at, partial(self._player.move_clock, ends_at)

    def _acts_of(self, month: Month) -> Iterator[Act]:
        evening = _at(month.until - timedelta(days=1), 23)
        yield evening, partial(self._report_use, month, evening)
        following = month.next
        yield _on(following, 3), partial(self._bill, month, _on(following, 3))
        yield _on(following, 5), partial(self._settle, month, _on(following, 5))
        yield _on(following, 6), partial(self._apply, month, _on(following, 6))
        yield _on(following, 8), partial(self._record_fapiao, month, _on(following, 8))
        yield _on(following, 12), partial(self._report_late, month, _on(following, 12))
        for number, habit in enumerate(self._routine["payments"]):
            if str(month) <= habit.get("until", str(month)):
                moment = _on(following, habit["day"])
                yield moment, partial(self._pay, month, moment, number, habit)
        yield _on(following, 25), partial(self._pay_out, month, _on(following, 25))

    def _report_use(self, month: Month, moment: datetime) -> None:
        streams = self._use["streams"]
        events = [event for stream in streams for event in self._events(stream, month, moment, late=False)]
        answer = self._operate(f"use/{month}", moment, "report_use", {"events": events})
        refused = f", {answer['refused']} refused" if answer["refused"] else ""
        self._tell(f"{month}: {answer['accepted']} events of use{refused}")

    def _report_late(self, month: Month, moment: datetime) -> None:
        late = [stream for stream in self._use["streams"] if str(month) in stream.get("late_months", ())]
        events = [event for stream in late for event in self._events(stream, month, moment, late=True)]
        if events:
            answer = self._operate(f"late-use/{month}", moment, "report_use", {"events": events})
            self._tell(f"{month}: {answer['accepted']} events that came after the bill")

    def _events(self, stream: Mapping[str, Any], month: Month, moment: datetime, *, late: bool) -> Iterator[Any]:
        """Give a stream's events of a month up to a moment: those of its last days apart, where they come late."""
        begins = parse_day(stream.get("from", self._use["first_day"]))
        ends = parse_day(stream["until"]) if "until" in stream else month.until
        term = month.span.intersect(Span(begins, ends)) if begins < ends else None
        is_late_month = str(month) in stream.get("late_months", ())
        for day in _days(term):
            if (is_late_month and day >= month.until - timedelta(days=LATE_DAYS)) is not late:
                continue
            for hour in stream["hours"]:
                happened_at = _at(day, hour)
                quantity = self._quantity(stream, month, day, hour)
                if quantity and happened_at < moment:
                    yield {
                        "specversion": "1.0",
                        "id": f"{stream['name']}-{day}-{hour:02d}",
                        "source": SOURCE,
                        "type": "cn.shili.use",
                        "time": happened_at.isoformat(),
                        "subject": stream["contract"],
                        "data": {"offering": stream["offering"], "quantity": format_quantity(quantity)},
                    }

    def _quantity(self, stream: Mapping[str, Any], month: Month, day: date, hour: int) -> int:
        """Return a part of a day's use: by its weekday, the growth since the first month, and a fixed variation."""
        first = Month.parse(self._routine["first_month"])
        months = (month.year - first.year) * 12 + month.month - first.month
        name = f"{stream['name']} {day} {hour}"
        variation = hashlib.sha256(name.encode()).digest()[0] % (2 * VARIATION_PERCENT + 1) - VARIATION_PERCENT
        percents = (
            self._use["rhythms"][stream["rhythm"]][day.weekday()],
            PERCENT + stream["growth_percent"] * months,
            PERCENT + variation,
        )
        quantity = parse_quantity(stream["per_day"])
        for percent in percents:
            quantity = quantity * percent // PERCENT
        step = parse_quantity(stream["step"])
        return quantity // len(stream["hours"]) // step * step

    def _bill(self, month: Month, moment: datetime) -> None:
        for contract in self._routine["contracts"]:
            if str(month) < contract.get("from", str(month)):
                continue
            name = f"bill-{contract['name']}-{month}"
            body = {"contract": contract["id"], "month": str(month)}
            self._bills[month].append(self._operate(name, moment, "bill_contract", body, keep=name))
        total = sum(parse_money(bill["gross"]) for bill in self._bills[month])
        self._tell(f"{month}: {len(self._bills[month])} bills of {format_money(total)} in all")

    def _settle(self, month: Month, moment: datetime) -> None:
        body = {"operator": self._routine["operator"], "month": str(month)}
        run = self._runs[month] = self._operate(f"settlement/{month}", moment, "settle", body)
        self._tell(f"{month}: {run['pool']} distributed in {len(run['statements'])} statements")

    def _apply(self, month: Month, moment: datetime) -> None:
        for application in self._routine["applications"]:
            buyer = application["buyer"]
            body = {name: value for name, value in application.items() if name != "buyer"}
            for bill in self._billed_to(buyer, month):
                step = self._step(
                    f"application/{bill['number']}", moment, f"buyer {buyer}", "apply_for_invoice", body, on=bill["id"]
                )
                self._player.play(step)
                self._applied[month].append(bill)

    def _record_fapiao(self, month: Month, moment: datetime) -> None:
        for bill in self._applied[month]:
            self._fapiao_count += 1
            body = {"fapiao_no": f"9999{self._fapiao_count:016d}", "issued_on": str(moment.date())}
            self._operate(f"fapiao/{bill['number']}", moment, "record_fapiao", body, on=bill["id"])

    def _pay(self, month: Month, moment: datetime, number: int, habit: Mapping[str, Any]) -> None:
        """Pay a part of what a buyer's bills of a month still come to, in one transfer."""
        owed = {bill["id"]: max(0, self._player.owed[bill["id"]]) for bill in self._billed_to(habit["buyer"], month)}
        parts = {bill: amount * habit["percent"] // PERCENT for bill, amount in owed.items()}
        allocations = [{"invoice": bill, "amount": format_money(part)} for bill, part in parts.items() if part]
        if not allocations:
            return
        whole = habit.get("whole_yuan", 0) * FEN_PER_YUAN
        total = sum(parts.values())
        body = {
            "amount": format_money(-(-total // whole) * whole if whole else total),
            "received_on": str(moment.date()),
            "bank_reference": f"示例银行回单-{month}-{number + 1:02d}",
            "allocations": allocations,
            "buyer": habit["buyer"],
        }
        self._operate(f"payment/{month}/{number}", moment, "record_payment", body)

    def _pay_out(self, month: Month, moment: datetime) -> None:
        """Pay what the statements of a month's run close with, and remit to the treasury what is payable to it."""
        minimum = parse_money(self._routine["payout_minimum"])
        for statement in self._runs[month]["statements"]:
            beneficiary = statement["beneficiary"]
            if beneficiary == self._routine["operator"] or parse_money(statement["closing"]) < minimum:
                continue
            name = f"{month}-{beneficiary}"
            body = {
                "statement": statement["id"],
                "paid_on": str(moment.date()),
                "bank_reference": f"示例银行付款-{name}",
                "remittance_no": f"示例缴款书-{name}" if beneficiary in self._routine["remitted"] else None,
            }
            self._operate(f"payout/{name}", moment, "pay_out", body)

    def _billed_to(self, buyer: str, month: Month) -> Sequence[Any]:
        """Return a buyer's bills of a month that come to more than nothing."""
        return [bill for bill in self._bills[month] if bill["buyer"] == buyer and parse_money(bill["gross"])]

    def _operate(
        self, key: str, at: datetime, do: str, body: Any, *, on: str | None = None, keep: str | None = None
    ) -> Any:
        doer = f"operator {self._routine['operator']}"
        return self._player.play(self._step(key, at, doer, do, body, on=on, keep=keep))

    def _step(
        self, key: str, at: datetime, doer: str, do: str, body: Any, *, on: str | None = None, keep: str | None = None
    ) -> Step:
        role, _, party = doer.partition(" ")
        return Step(f"routine/{key}", at, role, party, do, on, body, keep)


def _on(month: Month, day: int) -> datetime:
    return _at(month.first_day.replace(day=day), 10)


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), ZONE)


def _days(term: Span | None) -> Iterator[date]:
    if term is None or term.end is None:
        return
    day = term.start
    while day < term.end:
        yield day
        day += timedelta(days=1)
