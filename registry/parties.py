"""Parties: registered once, with a code that never changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.credit_code import check_credit_code
from pricing.errors import Conflict, Refusal
from registry.lookup import code_of, find
from registry.tables import Party
from store.ids import new_id
from store.unit import Unit


class CodeTaken(Conflict):
    """The code already names something of this kind."""

    code = "code_taken"


class CreditCodeRequired(Refusal):
    """An enterprise is known by its unified social credit code (GB 32100-2015)."""

    code = "credit_code_required"


def require_free(unit: Unit, column: Any, value: str) -> None:
    """Refuse a code that is taken already; raises CodeTaken."""
    taken = unit.session.execute(select(column).where(column == value)).first()
    if taken is not None:
        message = f"{column.class_.__name__.lower()} {value!r} exists already; choose another {column.key}"
        raise CodeTaken(message, errors={column.key: [message]})


def register_party(unit: Unit, given: Mapping[str, Any]) -> Party:
    """Register a party; raises CodeTaken, CreditCodeRequired, CreditCodeInvalid."""
    require_free(unit, col(Party.code), given["code"])
    credit_code = given["credit_code"]
    if credit_code is None and given["legal_form"] == "enterprise":
        message = "an enterprise needs its 18-character credit_code"
        raise CreditCodeRequired(message, errors={"credit_code": [message]})
    affiliate_of = given["affiliate_of"]
    party = Party(
        id=new_id("pty"),
        code=given["code"],
        name=given["name"],
        kinds=sorted(set(given["kinds"])),
        credit_code=check_credit_code(credit_code) if credit_code else None,
        legal_form=given["legal_form"],
        region=given["region"],
        affiliate_of=find(unit, Party, affiliate_of, "affiliate_of").id if affiliate_of else None,
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(party)
    unit.object_id = party.id
    return party


def visible_parties(_unit: Unit) -> Select[tuple[Party]]:
    """Return the query of all parties: who takes part is no secret among those who hold a key."""
    return select(Party)


def party_document(unit: Unit, party: Party) -> dict[str, Any]:
    """Return a party as the wire says it, before formatting."""
    return {
        **party.model_dump(exclude={"recorded_by"}),
        "affiliate_of": code_of(unit, Party, party.affiliate_of) if party.affiliate_of else None,
    }


def affiliated(unit: Unit, buyer_id: str, operator_id: str) -> bool:
    """Say whether two parties are one, or affiliates of each other over any number of steps (Operation Rules 6).

    Parties that are affiliates of a common third are affiliates too.
    """
    return _head(unit, buyer_id) == _head(unit, operator_id)


def _head(unit: Unit, party_id: str) -> str:
    """Return the party at the head of a group. A party names one registered before it, so the way there ends."""
    party = unit.session.get_one(Party, party_id)
    while party.affiliate_of is not None:
        party = unit.session.get_one(Party, party.affiliate_of)
    return party.id
