"""Years whose cap-compliance report was filed: their revenue stays as it was filed.

What is recorded of them later counts in the year of its recording, as a prior-year line (Price Notice 四). The first
filing of a year's report freezes it, as of that report's moment; a filing that supersedes it tells other things better,
and moves no revenue from one year to another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlmodel import col

from pricing.period import Span, day_of, format_instant, instant_of, year_bounds
from registry.revenue_caps import caps_of
from reports.frame import Frame, whole_months
from reports.tables import CAP_COMPLIANCE, ReportFiling
from settlement.drafts import ServiceMonth
from store.unit import Unit

if TYPE_CHECKING:
    from reports.revenue import Earned

_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class PriorYearLine:
    """What of a frozen year's service month was recorded after ``after``, until ``until``; it counts on that day."""

    offering_id: str
    service_month: str
    after: datetime
    until: datetime
    counted_on: date
    change: Earned


def frozen(
    unit: Unit, frame: Frame, earned: Callable[[datetime], Mapping[ServiceMonth, Earned]]
) -> tuple[dict[ServiceMonth, Earned], tuple[PriorYearLine, ...]]:
    """Return the revenue by offering and service month as it counts, and what was recorded of frozen years since.

    ``earned`` reads the revenue as it was at a moment.
    """
    read, years = cache(earned), frozen_years(unit, frame.operator.id, frame.as_of)
    counted = {key: amounts for key, amounts in read(frame.as_of).items() if _year(key) not in years}
    lines: list[PriorYearLine] = []
    for year, moment in sorted(years.items()):
        counted |= {key: amounts for key, amounts in read(moment).items() if _year(key) == year}
        for after, until in pairwise(_cuts(unit, frame, moment)):
            lines += _lines(frame, year, (after, read(after)), (until, read(until)))
    return counted, tuple(lines)


def frozen_years(unit: Unit, operator_id: str, as_of: datetime) -> dict[int, datetime]:
    """Return the years whose report was filed by a moment, each with the moment of the first report that was filed."""
    query = select(col(ReportFiling.period_from), col(ReportFiling.period_until), col(ReportFiling.as_of)).where(
        col(ReportFiling.subject_id) == operator_id,
        col(ReportFiling.report) == CAP_COMPLIANCE,
        col(ReportFiling.generation) == 1,
        col(ReportFiling.recorded_at) <= as_of,
    )
    return {
        start.year: moment
        for start, until, moment in unit.connection.execute(query)
        if Span(start, until) == year_bounds(start.year)
    }


def prior_year_rows(
    frame: Frame, lines: tuple[PriorYearLine, ...], days: Span, offering_ids: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Return the prior-year lines that count in a span of days as wire rows, of the frame's offerings or of some."""
    months = whole_months(days)
    return [
        _row(frame, line)
        for line in lines
        if line.offering_id in frame.offerings
        and (offering_ids is None or line.offering_id in offering_ids)
        and months.contains(line.counted_on)
    ]


def _row(frame: Frame, line: PriorYearLine) -> dict[str, Any]:
    offered = frame.offerings[line.offering_id]
    return {
        "offering": offered.code,
        "offering_name": offered.name,
        "service_month": line.service_month,
        "recorded_after": format_instant(line.after, frame.zone),
        "recorded_until": format_instant(line.until, frame.zone),
        "counted_in": str(line.counted_on.year),
        **line.change.as_change(),
        "links": {"charges": frame.charges(offered.code, year_bounds(int(line.service_month[:4])))},
    }


def _cuts(unit: Unit, frame: Frame, moment: datetime) -> list[datetime]:
    """Return the moments between which later items are told apart, so that years, cycles and the period count them."""
    days = {date(year, 1, 1) for year in range(moment.astimezone(frame.zone).year, frame.today.year + 1)}
    days |= {frame.months.start, frame.months.end or date.max}
    for cap in caps_of(unit, frame.operator.id, frame.as_of):
        days |= {cap.cycle_from, cap.cycle_until}
    ends = {instant_of(day, frame.zone) - _TICK for day in days if day < date.max}
    return sorted({moment, frame.as_of, *(end for end in ends if moment < end < frame.as_of)})


def _lines(
    frame: Frame,
    year: int,
    before: tuple[datetime, Mapping[ServiceMonth, Earned]],
    after: tuple[datetime, Mapping[ServiceMonth, Earned]],
) -> Iterator[PriorYearLine]:
    (earlier, then), (later, now) = before, after
    for key in sorted(then.keys() | now.keys()):
        if _year(key) == year:
            change = _change(then.get(key), now.get(key))
            if not change.moves_nothing:
                yield PriorYearLine(*key, earlier, later, day_of(later, frame.zone), change)


def _change(then: Earned | None, now: Earned | None) -> Earned:
    if then is None or now is None:
        only = now or then
        assert only is not None  # noqa: S101 - the key is of one of the two
        return only if then is None else only.negated()
    return now.plus(then.negated())


def _year(key: ServiceMonth) -> int:
    return int(key[1][:4])
