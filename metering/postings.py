"""The posting of use: what events of one contract, offering and business day brought, or took back."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.books import Posting, credit, debit
from metering.accounts import FREE, UNBILLED, delivered_account, use_account
from metering.event_keys import Claim
from metering.events import events_digest
from metering.rights import Place
from metering.use import REVERSAL
from pricing.period import Month


def use_posting(kind: str, operator_id: str, place: Place, claims: Sequence[Claim], transaction_id: int) -> Posting:
    """Return the posting, under a reserved id, of events given in the order of their keys.

    Use is debited to the contract as unbilled, or free under a grant, and credited as delivered; a posting of the kind
    ``usage_reversal`` does the opposite.
    """
    right, month = place.right, str(Month.from_date(place.day))
    used = use_account(FREE if right.free else UNBILLED, operator_id, right.contract_id, right.offering_id, right.asset)
    delivered = delivered_account(operator_id, right.offering_id, right.asset)
    debited, credited = (delivered, used) if kind == REVERSAL else (used, delivered)
    quantity = sum(claim.event.quantity for claim in claims)
    return Posting(
        key=f"{kind}:{transaction_id}",
        kind=kind,
        book=operator_id,
        effective_on=place.day,
        legs=(*debit(debited, quantity, month, place.day), *credit(credited, quantity, month, place.day)),
        event_count=len(claims),
        event_digest=events_digest(claim.content for claim in claims),
        id=transaction_id,
    )
