"""Use by an operator's own group: end use is open to it, the redevelopment of its own products is not."""

from __future__ import annotations

from typing import Final

from pricing.errors import Refusal
from registry.lookup import code_of
from registry.parties import affiliated
from registry.tables import Party
from store.unit import Unit

END_USE: Final = "end_use"
REDEVELOPMENT: Final = "redevelopment"


class RedevelopmentByAffiliate(Refusal):
    """An operator, or an affiliate of it, that would redevelop the operator's own products (Operation Rules 6)."""

    code = "redevelopment_by_affiliate"


def require_no_own_redevelopment(unit: Unit, use: str, buyer: Party, operator_id: str) -> None:
    """Refuse redevelopment of an operator's products by its own group, whatever the paper it would be done under.

    A group is all parties that are affiliates of each other over any number of steps. Raises RedevelopmentByAffiliate.
    """
    if use == REDEVELOPMENT and affiliated(unit, buyer.id, operator_id):
        operator = code_of(unit, Party, operator_id)
        message = (
            f"{buyer.code} is {operator} or an affiliate of it, and may not take part in the redevelopment of the "
            "operator's own products (Operation Rules 6); end use is open to it"
        )
        raise RedevelopmentByAffiliate(message, errors={"use": [message]})
