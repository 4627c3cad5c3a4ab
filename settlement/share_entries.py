"""The entries of a run: shares become payable, and what is billed but not yet distributed is accrued.

One transaction an offering. The cost of a revenue share is booked as revenue arises, so that on collected basis the
accrued share of each beneficiary is brought to what it would get of the pool that still stands out; as the bills are
paid it turns to payable, and once everything is paid nothing but holdbacks is accrued. The operator's own share is no
expense and is not booked. What an administrative body receives is payable to the treasury (Asset Notice).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date

from ledger.balances import balances
from ledger.books import AccountRef, Posting, credit, post
from registry.tables import Party
from settlement.shares import Sharing
from store.unit import Unit

KIND = "share_revenue"

OfBeneficiary = tuple[str, str]
"""A beneficiary's code and an offering."""


def payable_account(operator_id: str, beneficiary: Party, payee: Party | None) -> AccountRef:
    """Return the account of what an operator owes for a beneficiary's shares: to itself, or to the treasury."""
    if payee is not None or "treasury" in beneficiary.kinds:
        return AccountRef("treasury_payable", operator_id, party_id=(payee or beneficiary).id)
    return AccountRef("payable", operator_id, party_id=beneficiary.id)


def accrued_account(operator_id: str, beneficiary_id: str, offering_id: str) -> AccountRef:
    """Return the account of what a beneficiary will be owed of an offering's revenue, but is not yet."""
    return AccountRef("accrued_share", operator_id, party_id=beneficiary_id, offering_id=offering_id)


def cost_account(operator_id: str, offering_id: str) -> AccountRef:
    """Return the account of the cost of revenue share of an offering."""
    return AccountRef("revenue_share_cost", operator_id, offering_id=offering_id)


def post_shares(
    unit: Unit,
    settlement_id: str,
    operator: Party,
    booked_on: date,
    sharing: Sharing,
    parties: Mapping[str, Party],
    payees: Mapping[str, Party | None],
) -> None:
    """Book a run: what became payable, and the difference to what was accrued so far; nothing where nothing moved."""
    moved: dict[str, dict[AccountRef, int]] = defaultdict(lambda: defaultdict(int))
    for share in sharing.shares:
        if share.beneficiary != operator.code:
            account = payable_account(operator.id, parties[share.beneficiary], payees[share.beneficiary])
            moved[share.pool.offering_id][account] += share.payable
    wanted = _accrued(sharing, operator.code)
    for (code, offering_id), difference in _differences(unit, operator.id, wanted, parties).items():
        moved[offering_id][accrued_account(operator.id, parties[code].id, offering_id)] += difference
    post(
        unit,
        [
            posting
            for offering_id, amounts in sorted(moved.items())
            for posting in _posting(settlement_id, operator.id, offering_id, booked_on, amounts)
        ],
    )


def _accrued(sharing: Sharing, operator_code: str) -> dict[OfBeneficiary, int]:
    """Return what has to be accrued after the run: holdbacks, and each part of the pools that still stand out."""
    wanted: dict[OfBeneficiary, int] = defaultdict(int, sharing.held_now())
    for key, state in sharing.states.items():
        for beneficiary in sharing.versions.by_id[key.agreement_id].payees:
            wanted[beneficiary, key.offering_id] += 0
        if state.outstanding:
            for row in state.distributed(state.outstanding, sharing.agreement_of(key)).rows:
                wanted[row.beneficiary, key.offering_id] += row.taken
    return {named: amount for named, amount in wanted.items() if named[0] != operator_code}


def _differences(
    unit: Unit, operator_id: str, wanted: Mapping[OfBeneficiary, int], parties: Mapping[str, Party]
) -> dict[OfBeneficiary, int]:
    accounts = {named: accrued_account(operator_id, parties[named[0]].id, named[1]) for named in wanted}
    present = _balances(unit, list(accounts.values()))
    return {named: amount - present[accounts[named].code] for named, amount in wanted.items()}


def _balances(unit: Unit, accounts: list[AccountRef]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(accounts), 500):
        found |= balances(unit, accounts[start : start + 500])
    return found


def _posting(
    settlement_id: str, operator_id: str, offering_id: str, booked_on: date, amounts: Mapping[AccountRef, int]
) -> Collection[Posting]:
    """Return the transaction of an offering: none where no account moved."""
    legs = [leg for account in sorted(amounts, key=_code) for leg in credit(account, amounts[account])]
    if not legs:
        return ()
    cost = credit(cost_account(operator_id, offering_id), -sum(amounts.values()))
    return (
        Posting(
            key=f"{KIND}:{settlement_id}:{offering_id}",
            kind=KIND,
            book=operator_id,
            effective_on=booked_on,
            legs=(*cost, *legs),
            document_id=settlement_id,
        ),
    )


def _code(account: AccountRef) -> str:
    return account.code
