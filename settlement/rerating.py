"""Re-rating: free use that a decision finds to have been commercial is billed, once, as a correction.

The one exception to the rule that a decision changes nothing already charged. The use leaves the grant by the opposite
legs, day by day, and enters a contract of its own as unbilled use of the commercial offering, at the public tariff and
under the ceilings of those days; its one bill is issued in the same transaction. So conservation holds for either
contract, and revenue, ceilings, shares and VAT are those of any bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from ledger.books import Leg, Posting, credit, debit, post
from metering.accounts import FREE, UNBILLED, delivered_account, use_account
from metering.use import RERATED, free_use_by_day
from pricing.classification import COMMERCIAL
from pricing.errors import Conflict, PriceBasisMismatch, Refusal
from pricing.explanation import Step
from pricing.period import Month, Span
from registry.contracts import Terms, open_contract
from registry.grant_reratings import RERATING, reratings_of
from registry.grant_tables import GrantRerating
from registry.grants import GrantState, contract_of, find_grant, held_grant
from registry.lookup import find, missing
from registry.offerings import ReferenceUnfit, category_expected, category_on
from registry.public_contracts import TariffMissing
from registry.relations import authorisation_of, product_of, require_grantor
from registry.spans import require_span
from registry.tables import Contract, FreeUseGrant, Offering
from settlement.invoices import RERATED_STEP, issue_rerating
from settlement.price_book import price_book
from store.ids import new_id
from store.unit import Unit

_OPINION = "中办国办《关于加快公共数据资源开发利用的意见》"


class AlreadyRerated(Conflict):
    """Days of a grant whose use an earlier decision took: it is billed once."""

    code = "already_rerated"


class NothingToRerate(Refusal):
    """Days on which nothing was used under the grant."""

    code = "nothing_to_rerate"


class RatingOfferingMissing(Refusal):
    """Neither the decision nor the grant's offering names a commercial offering to rate use by."""

    code = "rating_offering_missing"


def rerate_grant(unit: Unit, grant_id: str, given: Mapping[str, Any]) -> GrantRerating:
    """Record the grantor's decision that use under its grant was commercial, and bill that use.

    ``from_date`` until before ``until_date``, at the latest until now. Raises NotFound, GrantState, DatesReversed,
    AlreadyRerated, NothingToRerate, RatingOfferingMissing, ReferenceUnfit, TariffMissing, PriceBasisMismatch,
    AmountTooLarge.
    """
    grant = held_grant(unit, grant_id)
    contract_id = contract_of(unit, grant.id)
    if contract_id is None:
        message = f"grant {grant.id} was never approved, so that nothing was used under it"
        raise GrantState(message, state="pending")
    days, until = _days(unit, given)
    _require_once(unit, grant, days)
    offering = _rated_by(unit, grant, given["offering"])
    used = free_use_by_day(unit, contract_id, grant.offering_id, days)
    if not used:
        message = f"nothing was used free of charge under grant {grant.id} from {days.start} until {days.end}"
        raise NothingToRerate(message, errors={"from_date": [message]})
    contract = _open(unit, grant, offering, days, _price_basis(unit, offering, used), given["decision_no"])
    rerating_id = new_id("grr")
    _move(unit, rerating_id, grant, contract_id, contract, offering, used)
    invoice = issue_rerating(unit, contract, _decision(grant, given, days))
    row = GrantRerating(
        id=rerating_id,
        grant_id=grant.id,
        offering_id=offering.id,
        contract_id=contract.id,
        invoice_id=invoice.id,
        decision_no=given["decision_no"],
        reason=given["reason"],
        from_date=days.start,
        until_date=until,
        quantity=sum(used.values()),
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(row)
    unit.session.flush()
    unit.object_id = row.id
    return row


def visible_reratings(unit: Unit, grant_id: str) -> Select[Any]:
    """Return the query of the decisions on a grant that the caller may see; raises NotFound."""
    return select(GrantRerating).where(col(GrantRerating.grant_id) == find_grant(unit, grant_id).id)


def _days(unit: Unit, given: Mapping[str, Any]) -> tuple[Span, date]:
    tomorrow = unit.today + timedelta(days=1)
    until = min(given["until_date"] or tomorrow, tomorrow)
    return require_span({**given, "until_date": until}, "from_date", "until_date"), until


def _require_once(unit: Unit, grant: FreeUseGrant, days: Span) -> None:
    for earlier in reratings_of(unit, [grant.id]):
        if days.overlaps(Span(earlier.from_date, earlier.until_date)):
            message = (
                f"decision {earlier.decision_no} re-rated the use from {earlier.from_date} until {earlier.until_date} "
                "already, and use is billed once; name other days"
            )
            raise AlreadyRerated(message, errors={"from_date": [message]}, decision_no=earlier.decision_no)


def _rated_by(unit: Unit, grant: FreeUseGrant, ref: str | None) -> Offering:
    """Return the commercial offering that rates the use: of the grant's operator and unit, under the caller too."""
    free = unit.session.get_one(Offering, grant.offering_id)
    if ref is None and free.reference_offering_id is None:
        message = (
            f"offering {free.code} names no reference offering: name the commercial one whose tariff rates its use"
        )
        raise RatingOfferingMissing(message, errors={"offering": [message]})
    offering = find(unit, Offering, ref or str(free.reference_offering_id), "offering")
    require_grantor(unit, authorisation_of(unit, offering.id), "offering", offering.code, "offering")
    if offering.operator_id != free.operator_id:
        raise missing("offering of this operator", offering.code, "offering")
    asset, category = product_of(unit, free.id).asset, category_on(unit, offering.id, unit.today)
    if (category or category_expected(unit, offering)) != COMMERCIAL or product_of(unit, offering.id).asset != asset:
        message = f"offering {offering.code} is not commercial, or not counted in {asset} as {free.code} is"
        raise ReferenceUnfit(message, errors={"offering": [message]})
    return offering


def _price_basis(unit: Unit, offering: Offering, used: Mapping[date, int]) -> str:
    """Return the one tax basis of the tariffs in force on the days of use; a day without a tariff is refused."""
    priced = price_book(unit, [offering.id])[offering.id]
    bases: dict[str, date] = {}
    for day in used:
        version = priced.tariff_on(day)
        if version is None:
            message = f"no tariff of offering {offering.code} was in force on {day}: re-rate from a later day"
            raise TariffMissing(message, errors={"from_date": [message]})
        bases.setdefault(version.tariff.price_basis.value, day)
    if len(bases) > 1:
        said = "; ".join(f"{basis} on {day}" for basis, day in sorted(bases.items()))
        message = f"one bill has one price basis, and the tariffs of {offering.code} differ: {said}; decide in parts"
        raise PriceBasisMismatch(message, errors={"from_date": [message]})
    return next(iter(bases))


def _open(
    unit: Unit, grant: FreeUseGrant, offering: Offering, days: Span, price_basis: str, decision_no: str
) -> Contract:
    return open_contract(
        unit,
        kind=RERATING,
        operator_id=offering.operator_id,
        buyer_id=grant.buyer_id,
        effective_from=days.start,
        effective_until=days.end,
        terms=[Terms(offering.id, COMMERCIAL)],
        price_basis=price_basis,
        consent_reference=decision_no,
        accepted=True,
    )


def _move(
    unit: Unit,
    rerating_id: str,
    grant: FreeUseGrant,
    grant_contract_id: str,
    contract: Contract,
    offering: Offering,
    used: Mapping[date, int],
) -> None:
    """Take the use of each day from the grant as it came, and deliver it to the contract that is billed."""
    book, asset = contract.operator_id, product_of(unit, offering.id).asset
    free = use_account(FREE, book, grant_contract_id, grant.offering_id, asset)
    unbilled = use_account(UNBILLED, book, contract.id, offering.id, asset)
    given, taken = (delivered_account(book, each, asset) for each in (grant.offering_id, offering.id))
    legs: list[Leg] = []
    for day, quantity in used.items():
        month = str(Month.from_date(day))
        legs += debit(given, quantity, month, day) + credit(free, quantity, month, day)
        legs += debit(unbilled, quantity, month, day) + credit(taken, quantity, month, day)
    posting = Posting(f"{RERATED}:{rerating_id}", RERATED, book, unit.today, tuple(legs), document_id=rerating_id)
    post(unit, [posting])


def _decision(grant: FreeUseGrant, given: Mapping[str, Any], days: Span) -> Step:
    """Return the step that each line of the bill ends with."""
    number, until = given["decision_no"], str(days.end)
    return Step(
        rule=RERATED_STEP,
        text_en=(
            f"Use under free-use grant {grant.id} from {days.start} until {until} was found to have been commercial "
            f"by decision {number}, and is charged at the tariff and ceiling of its days"
        ),
        text_zh=(
            f"无偿使用许可{grant.id}项下自{days.start}起至{until}（不含）的用量，经{number}认定属商业使用，"
            "按使用当日的收费标准及上限补计"
        ),
        inputs={
            "grant": grant.id,
            "decision_no": number,
            "from_date": days.start.isoformat(),
            "until_date": until,
            "reason": given["reason"],
        },
        source=_OPINION,
        article="六、七",
    )
