"""The calendar of duties: what the law and the decisions on record ask of a party, and by which day.

Yearly reports, registrations and their renewals, grants, caps and authorisations that end, what a deviation or an order
asks for. Each entry names its source; a day that was counted in working days beyond the published holidays says that it
is not certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.parameters import Law, Parameter
from pricing.period import YEAR_MIN, day_of, format_instant
from pricing.revenue_cap import DEVIATION_LINE
from pricing.working_days import add_working_days
from registry.cap_tables import Duty, RevenueCapApplication, RevenueEvaluation
from registry.duties import duty_status, steps_of
from registry.grant_tables import GrantReviewPlan
from registry.grants import decisions_of, grant_status
from registry.lookup import find, missing
from registry.price_rules import trial_until
from registry.products import APPLICATION_WORKING_DAYS, RENEWAL_WINDOW_DAYS, valid_until
from registry.relations import SEES_EVERYTHING, operators_overseen
from registry.revenue_caps import caps_of, levels_meet
from registry.tables import (
    Authorisation,
    FreeUseGrant,
    Offering,
    Party,
    Product,
    ProductRegistration,
    Resource,
    RevenueCap,
)
from reports.frame import API
from reports.tables import ANNUAL_OPERATION, DISCLOSURE, ReportFiling
from settlement.breach_tables import BreachRecord, BreachStep
from store.unit import Unit

ANNUAL_REPORT_DUE: Final = "price_notice.annual_report_due"
TABLES_DUE: Final = "disclosure_notice.tables_due"
CYCLE_YEARS: Final = "price_notice.cap_cycle_years_max"
TERM_YEARS: Final = "operation_rules.authorisation_term_years_max"
FREE_USE_CONDITIONS: Final = "platform.free_use_conditions"
_AHEAD: Final = timedelta(days=365)
_DAY: Final = timedelta(days=1)


class Status(StrEnum):
    """Where a duty stands on a day: done, past its day, in its window, or still to come."""

    DONE = "done"
    OVERDUE = "overdue"
    DUE = "due"
    UPCOMING = "upcoming"


@dataclass(frozen=True)
class CalendarItem:
    """One duty of a party: from when it can be met, by when it has to be, and whether it was.

    ``parameter`` is where the law states it, None where a decision does; ``about`` names what it is about, ``path``
    where that is found.
    """

    kind: str
    due_on: date
    about: str
    path: str
    parameter: Parameter | None
    words: tuple[str, str]
    opens_on: date | None = None
    is_done: bool = False
    is_certain: bool = True

    def status(self, today: date) -> Status:
        """Return where the duty stands on a day."""
        if self.is_done:
            return Status.DONE
        if today > self.due_on:
            return Status.OVERDUE
        return Status.DUE if self.opens_on is None or today >= self.opens_on else Status.UPCOMING


@dataclass(frozen=True)
class _Yearly:
    """A duty of every year, the report that meets it once it is filed, and whom that is on."""

    duty: str
    report: str
    subject_kind: str


@dataclass(frozen=True)
class _Frame:
    """Whose duties, as of when, until which day."""

    unit: Unit
    party: Party
    as_of: datetime
    until: date
    law: Law = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "law", self.unit.law)

    @property
    def today(self) -> date:
        return day_of(self.as_of, self.unit.zone)

    def rows(self, query: Select[Any]) -> Sequence[Any]:
        return self.unit.session.execute(query).scalars().all()

    def recorded(self, table: Any, *conditions: Any) -> Sequence[Any]:
        return self.rows(select(table).where(col(table.recorded_at) <= self.as_of, *conditions).order_by(col(table.id)))


def calendar(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the duties of a party in the order of their days: the caller's, or of one that it oversees.

    ``wanted`` has ``party``, ``until`` (the last day looked at; a year ahead if not given), ``status`` and ``as_of``.
    Raises NotFound for a party whose duties the caller does not see, or where a key without a party names none.
    """
    frame = _frame(unit, wanted)
    duties = sorted(_duties(frame), key=lambda duty: (duty.due_on, duty.kind, duty.about))
    items = [_item(frame, duty) for duty in duties if duty.due_on <= frame.until]
    return {
        "party": frame.party.code,
        "as_of": format_instant(frame.as_of, unit.zone),
        "today": frame.today.isoformat(),
        "until": frame.until.isoformat(),
        "items": [item for item in items if wanted["status"] in (None, item["status"])],
        "sandbox": unit.sandbox,
    }


def _frame(unit: Unit, wanted: Mapping[str, Any]) -> _Frame:
    party = unit.session.get_one(Party, unit.principal.party) if wanted["party"] is None else _named(unit, wanted)
    as_of = wanted["as_of"]
    return _Frame(unit, party, as_of, wanted["until"] or day_of(as_of, unit.zone) + _AHEAD)


def _named(unit: Unit, wanted: Mapping[str, Any]) -> Party:
    party = find(unit, Party, wanted["party"], "party")
    if unit.principal.role in SEES_EVERYTHING or party.id == unit.principal.party_id:
        return party
    if unit.principal.role not in ("grantor", "regulator") or party.id not in (operators_overseen(unit) or ()):
        raise missing("party", wanted["party"], "party")
    return party


def _item(frame: _Frame, duty: CalendarItem) -> dict[str, Any]:
    reference = None if duty.parameter is None else duty.parameter.text.values[0].references[0]
    return {
        "kind": duty.kind,
        "status": duty.status(frame.today).value,
        "opens_on": None if duty.opens_on is None else duty.opens_on.isoformat(),
        "due_on": duty.due_on.isoformat(),
        "certain": duty.is_certain,
        "about": duty.about,
        "text_en": duty.words[0],
        "text_zh": duty.words[1],
        "source": reference.document if reference else None,
        "article": reference.article if reference else None,
        "origin": "decision" if duty.parameter is None else "law" if duty.parameter.is_law else "platform",
        "links": {"object": API + duty.path},
    }


def _duties(frame: _Frame) -> Iterator[CalendarItem]:
    kinds = set(frame.party.kinds)
    if frame.unit.principal.role != "grantor" or frame.party.id == frame.unit.principal.party_id:
        # Of an operator's duties a grantor is shown what the law asks of it, and no decisions about another's products.
        yield from _of_deviations(frame)
        yield from _ordered(frame)
    if "operator" in kinds:
        yield from _of_operator(frame)
    if "grantor" in kinds:
        yield from _of_grantor(frame)
    if "regulator" in kinds:
        yield from _of_regulator(frame)
    if "provider" in kinds:
        yield from _of_provider(frame)
    if "buyer" in kinds:
        yield from _grants(frame, col(FreeUseGrant.buyer_id) == frame.party.id)


def _of_operator(frame: _Frame) -> Iterator[CalendarItem]:
    authorisations = frame.recorded(Authorisation, col(Authorisation.operator_id) == frame.party.id)
    yield from _yearly(
        frame,
        authorisations,
        ANNUAL_REPORT_DUE,
        _Yearly("annual_operating_report", ANNUAL_OPERATION, "operator"),
        ("File the annual operating report of {year}", "报送{year}年度经营情况报告"),
    )
    yield from _disclosures(frame, authorisations, "operator")
    yield from _terms(frame, authorisations)
    for authorisation in authorisations:
        yield from _formal_prices(frame, authorisation)
    for product in frame.recorded(Product, col(Product.operator_id) == frame.party.id):
        yield from _registration(frame, product)


def _of_grantor(frame: _Frame) -> Iterator[CalendarItem]:
    authorisations = frame.recorded(Authorisation, col(Authorisation.grantor_id) == frame.party.id)
    yield from _disclosures(frame, authorisations, "grantor")
    yield from _terms(frame, authorisations)
    offerings = (
        select(col(Offering.id))
        .join(Product, col(Product.id) == col(Offering.product_id))
        .where(col(Product.authorisation_id).in_([row.id for row in authorisations]))
    )
    yield from _grants(frame, col(FreeUseGrant.offering_id).in_(offerings))
    yield from _reviews(frame, offerings)


def _of_regulator(frame: _Frame) -> Iterator[CalendarItem]:
    caps = frame.recorded(RevenueCap, col(RevenueCap.regulator_id) == frame.party.id)
    for cap in caps:
        operator = frame.unit.session.get_one(Party, cap.operator_id)
        followed = any(
            other.cycle_from <= cap.cycle_until < other.cycle_until
            and levels_meet(other.registration_level, cap.registration_level)
            for other in caps_of(frame.unit, cap.operator_id, frame.as_of)
        )
        yield CalendarItem(
            "cap_cycle_end",
            cap.cycle_until - _DAY,
            cap.decision_no,
            f"/revenue-caps/{cap.id}",
            frame.law.parameter(CYCLE_YEARS),
            (
                f"The cycle of decision {cap.decision_no} for {operator.code} ends: evaluate it, determine the next",
                f"对{operator.name}的决定{cap.decision_no}周期届满：开展评估并核定下一周期最高准许收入",
            ),
            is_done=followed,
        )


def _of_deviations(frame: _Frame) -> Iterator[CalendarItem]:
    """Yield the duties that a year's deviation raised on the party (Price Notice 四)."""
    query = (
        select(Duty, col(RevenueEvaluation.year))
        .join(RevenueEvaluation, col(RevenueEvaluation.id) == col(Duty.evaluation_id))
        .where(col(Duty.party_id) == frame.party.id, col(Duty.recorded_at) <= frame.as_of)
    )
    for duty, year in frame.unit.session.execute(query):
        operator = frame.unit.session.get_one(Party, duty.operator_id)
        yield CalendarItem(
            f"deviation_{duty.kind}",
            duty.due_on,
            f"{operator.code} {year}",
            f"/duties/{duty.id}",
            frame.law.parameter(DEVIATION_LINE),
            (
                f"Follow up the deviation of {operator.code} in {year}: {_FOLLOW_UP[duty.kind][0]}",
                f"处理{operator.name}{year}年度收入偏离：{_FOLLOW_UP[duty.kind][1]}",
            ),
            is_done=duty_status(steps_of(frame.unit, duty.id, frame.as_of)) != "open",
        )


def _ordered(frame: _Frame) -> Iterator[CalendarItem]:
    """Yield what the price authority ordered the party to do about a breach by a day; done once it was answered."""
    for breach in frame.recorded(BreachRecord, col(BreachRecord.operator_id) == frame.party.id):
        steps = frame.recorded(BreachStep, col(BreachStep.breach_id) == breach.id)
        for number, step in enumerate(steps, start=1):
            answered = any(later.action in ("answer", "close") for later in steps[number:])
            if step.action == "order" and step.details["due_on"]:
                yield CalendarItem(
                    "breach_order",
                    date.fromisoformat(step.details["due_on"]),
                    step.details["decision_no"],
                    f"/breaches/{breach.id}",
                    None,
                    (
                        f"Answer the order {step.details['decision_no']} on a breach",
                        f"答复价格主管部门关于违规收费的决定{step.details['decision_no']}",
                    ),
                    is_done=answered,
                )


_FOLLOW_UP: Final = {
    "guide_actual_prices": ("actual prices are adjusted", "调整具体收费标准"),
    "adjust_ceilings": ("ceilings are adjusted", "调整上限收费标准"),
}


def _of_provider(frame: _Frame) -> Iterator[CalendarItem]:
    window = frame.law.parameter(RENEWAL_WINDOW_DAYS)
    for resource in frame.recorded(Resource, col(Resource.provider_id) == frame.party.id):
        until = resource.registration_expires_on
        yield CalendarItem(
            "resource_registration_renewal",
            until - _DAY,
            resource.code,
            f"/resources/{resource.id}",
            window,
            (f"The registration of resource {resource.code} ends: renew it", f"资源{resource.code}登记届满：办理续展"),
            opens_on=until - timedelta(days=window.whole(window.known_day(frame.today))),
        )


def _yearly(
    frame: _Frame, authorisations: Sequence[Authorisation], name: str, yearly: _Yearly, words: tuple[str, str]
) -> Iterator[CalendarItem]:
    """Yield a duty for each year that an authorisation touches, from the first due day under the rule on.

    It is done once the year's report is filed.
    """
    parameter = frame.law.parameter(name)
    first, filed = parameter.text.values[0].effective_from, _filed_years(frame, yearly)
    for year in _years(frame, authorisations):
        due = parameter.month_day(parameter.known_day(date(year + 1, 1, 1))).of(year + 1)
        if due >= first:
            path = f"/reports/{yearly.report.replace('_', '-')}?{yearly.subject_kind}={frame.party.code}&year={year}"
            texts = (words[0].format(year=year), words[1].format(year=year))
            opens, done = date(year + 1, 1, 1), year in filed
            yield CalendarItem(yearly.duty, due, str(year), path, parameter, texts, opens_on=opens, is_done=done)


def _filed_years(frame: _Frame, yearly: _Yearly) -> set[int]:
    filings = frame.recorded(
        ReportFiling,
        col(ReportFiling.subject_id) == frame.party.id,
        col(ReportFiling.subject_kind) == yearly.subject_kind,
        col(ReportFiling.report) == yearly.report,
    )
    return {filing.period_from.year for filing in filings}


def _disclosures(frame: _Frame, authorisations: Sequence[Authorisation], subject_kind: str) -> Iterator[CalendarItem]:
    words = ("Publish the disclosure table of {year}", "披露{year}年度授权运营情况")
    yearly = _Yearly("disclosure_table", DISCLOSURE, subject_kind)
    yield from _yearly(frame, authorisations, TABLES_DUE, yearly, words)


def _years(frame: _Frame, authorisations: Sequence[Authorisation]) -> list[int]:
    """Return the years that an authorisation touches, up to the one before the last day looked at."""
    last = frame.until.year - 1
    years: set[int] = set()
    for row in authorisations:
        ends = (row.effective_until - _DAY).year
        years |= set(range(max(row.effective_from.year, YEAR_MIN), min(ends, last) + 1))
    return sorted(years)


def _terms(frame: _Frame, authorisations: Sequence[Authorisation]) -> Iterator[CalendarItem]:
    for row in authorisations:
        yield CalendarItem(
            "authorisation_end",
            row.effective_until - _DAY,
            row.agreement_no,
            f"/authorisations/{row.id}",
            frame.law.parameter(TERM_YEARS),
            (
                f"Agreement {row.agreement_no} ends: authorise anew or wind the operation up",
                f"协议{row.agreement_no}届满：重新授权或办理退出",
            ),
        )


def _formal_prices(frame: _Frame, authorisation: Authorisation) -> Iterator[CalendarItem]:
    first = trial_until(frame.unit, authorisation)
    if first is None or first == date.max:
        return
    determined = frame.recorded(RevenueCap, col(RevenueCap.operator_id) == frame.party.id)
    applied = frame.recorded(RevenueCapApplication, col(RevenueCapApplication.operator_id) == frame.party.id)
    yield CalendarItem(
        "formal_prices",
        first,
        authorisation.agreement_no,
        f"/authorisations/{authorisation.id}",
        frame.law.parameter(CYCLE_YEARS),
        (
            f"A complete operating year under {authorisation.agreement_no} has passed: apply for the maximum revenue",
            f"协议{authorisation.agreement_no}项下已满一个完整运营年度：申请核定最高准许收入并制定正式收费标准",
        ),
        is_done=bool(applied) or any(cap.cycle_until > first for cap in determined),
    )


def _registration(frame: _Frame, product: Product) -> Iterator[CalendarItem]:
    rows = sorted(
        frame.recorded(ProductRegistration, col(ProductRegistration.product_id) == product.id),
        key=lambda row: row.registered_on,
    )
    path = f"/products/{product.id}"
    applied = frame.law.parameter(APPLICATION_WORKING_DAYS)
    due = add_working_days(product.delivered_on, applied.whole(applied.known_day(frame.today)))
    yield CalendarItem(
        "product_registration",
        due.day,
        product.code,
        path,
        applied,
        (f"Apply for the registration of product {product.code}", f"申请登记产品{product.code}"),
        opens_on=product.delivered_on,
        is_done=bool(rows),
        is_certain=due.certain,
    )
    window = frame.law.parameter(RENEWAL_WINDOW_DAYS)
    for number, row in enumerate(rows):
        until = valid_until(frame.unit, product, row)
        yield CalendarItem(
            "registration_renewal",
            until - _DAY,
            product.code,
            path,
            window,
            (f"The registration of product {product.code} ends: renew it", f"产品{product.code}登记届满：办理续展"),
            opens_on=until - timedelta(days=window.whole(window.known_day(frame.today))),
            is_done=number + 1 < len(rows),
        )


def _grants(frame: _Frame, condition: Any) -> Iterator[CalendarItem]:
    """Yield the ends of the grants that were approved."""
    for grant in frame.recorded(FreeUseGrant, condition):
        decisions = [row for row in decisions_of(frame.unit, grant.id) if row.recorded_at <= frame.as_of]
        if not any(row.action == "approve" for row in decisions) or grant_status(decisions, frame.as_of) == "revoked":
            continue
        yield CalendarItem(
            "grant_end",
            grant.effective_until - _DAY,
            grant.id,
            f"/free-use-grants/{grant.id}",
            frame.law.parameter(FREE_USE_CONDITIONS),
            ("A grant of free use ends: apply anew, or end the use", "无偿使用授权届满：重新申请或停止使用"),
        )


def _reviews(frame: _Frame, offerings: Any) -> Iterator[CalendarItem]:
    """Yield the reviews of grants that were ordered: the newest plan of each grant holds."""
    plans: dict[str, GrantReviewPlan] = {}
    grants = select(col(FreeUseGrant.id)).where(col(FreeUseGrant.offering_id).in_(offerings))
    for plan in frame.recorded(GrantReviewPlan, col(GrantReviewPlan.grant_id).in_(grants)):
        if (before := plans.get(plan.grant_id)) is not None and before.due_on is not None:
            yield _review(frame, before, is_done=True)
        plans[plan.grant_id] = plan
    for plan in plans.values():
        if plan.due_on is not None:
            yield _review(frame, plan, is_done=False)


def _review(frame: _Frame, plan: GrantReviewPlan, *, is_done: bool) -> CalendarItem:
    return CalendarItem(
        "grant_review",
        plan.due_on or date.max,
        plan.grant_id,
        f"/free-use-grants/{plan.grant_id}",
        frame.law.parameter(FREE_USE_CONDITIONS),
        ("Review the use under a grant of free use", "核查无偿使用授权项下的使用情况"),
        is_done=is_done,
    )
