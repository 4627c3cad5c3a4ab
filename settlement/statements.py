"""Revenue statements: one a beneficiary and run, frozen as the document that is answered, with its hash.

opening + lines + adjustments − held back + released − paid = closing. The opening balance is the closing one of the
statement before; ``paid`` is what was paid out of it since. What the operator keeps for itself counts as paid with its
next statement. A closing balance below zero is carried, not paid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, or_, select, true
from sqlmodel import col

from pricing.canonical import sha256_of
from pricing.money import format_money, parse_money
from pricing.period import format_instant
from registry.lookup import missing
from registry.relations import SEES_EVERYTHING, operators_overseen
from registry.tables import Party
from settlement.price_book import Named, offerings_named
from settlement.shares import Share, Sharing, step_kind
from settlement.signed_agreements import Version
from settlement.tables import Payout, Settlement, Statement
from store.ids import new_id
from store.unit import Unit

NOTHING = "0.00"
_BILLS_NAMED_MAX = 3


@dataclass(frozen=True)
class Before:
    """The statement of the last run: what it closed with, what it held back, and what was paid of it since."""

    closing: int = 0
    held: int = 0
    payouts: tuple[Payout, ...] = ()


class Issuing:
    """The statements of one run."""

    def __init__(self, unit: Unit, settlement: Settlement, operator: Party, sharing: Sharing) -> None:
        self.unit, self.settlement, self.operator, self.sharing = unit, settlement, operator, sharing
        self.names = offerings_named(unit, {share.pool.offering_id for share in sharing.shares})
        self.shares: dict[str, list[Share]] = defaultdict(list)
        for share in sharing.shares:
            self.shares[share.beneficiary].append(share)

    def issue(self, last: Settlement | None, parties: Mapping[str, Party]) -> None:
        """Freeze and store a statement for each beneficiary: nobody who has a share or a balance is left out."""
        before = _before(self.unit, last)
        carried = {code for code, balance in before.items() if balance.closing or balance.held}
        rows = [self._row(parties[code], before.get(code, Before())) for code in sorted(set(self.shares) | carried)]
        if rows:
            self.unit.connection.execute(insert(Statement), rows)

    def _row(self, beneficiary: Party, before: Before) -> dict[str, object]:
        shares = self.shares[beneficiary.code]
        held_back = sum(share.held_back for share in shares if share.kind != "release")
        released = sum(share.taken for share in shares if share.kind == "release")
        paid = before.closing if beneficiary.id == self.operator.id else sum(each.amount for each in before.payouts)
        closing = before.closing - paid + sum(share.payable for share in shares)
        statement_id = new_id("stm")
        document = {
            **self._header(statement_id, beneficiary),
            "opening": format_money(before.closing),
            "lines": [self._line(share) for share in shares if share.reverses is None],
            "adjustments": [self._adjustment(share) for share in shares if share.kind == "reversal"],
            "holdback": {
                "withheld": format_money(held_back),
                "released": format_money(released),
                "held": format_money(before.held + held_back - released),
            },
            "paid": format_money(paid),
            "payouts": [_payout(payout) for payout in before.payouts],
            "closing": format_money(closing),
            "control_totals": self._control_totals(),
        }
        return {
            "id": statement_id,
            "settlement_id": self.settlement.id,
            "operator_id": self.operator.id,
            "beneficiary_id": beneficiary.id,
            "opening": before.closing,
            "closing": closing,
            "document": document,
            "sha256": sha256_of(document),
            "recorded_at": self.unit.now,
            "recorded_by": self.unit.principal.party_id,
        }

    def _header(self, statement_id: str, beneficiary: Party) -> dict[str, object]:
        versions = self._versions(beneficiary.code)
        payee = next((version.payees[beneficiary.code] for version in reversed(versions)), None)
        bases = {version.basis for version in versions}
        return {
            "id": statement_id,
            "number": f"{self.settlement.month}-{beneficiary.code}",
            "settlement": self.settlement.id,
            "month": self.settlement.month,
            "as_of": format_instant(self.settlement.as_of, self.unit.zone),
            "currency": "CNY",
            **_named("operator", self.operator),
            **_named("beneficiary", beneficiary),
            "payable_to": payee.payable_to if payee else None,
            "collecting_body": payee.collecting_body if payee else None,
            "revenue_item": payee.revenue_item if payee else None,
            "basis": bases.pop() if len(bases) == 1 else None,
            "agreements": [_agreement(version) for version in versions],
            "minimum_payout": format_money(max((each.agreement.minimum_payout for each in versions), default=0)),
            "sandbox": self.unit.sandbox,
        }

    def _versions(self, code: str) -> list[Version]:
        """Return the agreements that a beneficiary has part in, in the order of their beginnings."""
        shared = {share.pool.agreement_id for share in self.shares[code]}
        versions = self.sharing.versions.by_id.values()
        named = [each for each in versions if each.id in shared or (not shared and code in each.payees)]
        return sorted(named, key=lambda version: (version.effective_from, version.id))

    def _line(self, share: Share) -> dict[str, object]:
        return {
            **self._source(share),
            "pool": format_money(share.of_pool),
            "due": format_money(share.due),
            "taken": format_money(share.taken),
            "carried": format_money(share.carried),
            "lapsed": format_money(share.due - share.taken - share.carried),
        }

    def _adjustment(self, share: Share) -> dict[str, object]:
        bills = sorted(share.reversal.bills) if share.reversal else []
        reasons = share.reversal.reasons if share.reversal else set()
        more = f" +{len(bills) - _BILLS_NAMED_MAX}" if len(bills) > _BILLS_NAMED_MAX else ""
        return {
            **self._source(share),
            "month": share.month,
            "reference": ", ".join(bills[:_BILLS_NAMED_MAX]) + more,
            "reason": next(iter(reasons)) if len(reasons) == 1 else None,
            "amount": format_money(share.taken),
        }

    def _source(self, share: Share) -> dict[str, object]:
        version = self.sharing.versions.by_id[share.pool.agreement_id]
        named: Named = self.names[share.pool.offering_id]
        return {
            "agreement": version.agreement_no,
            "clause": version.clause,
            "offering": named.code,
            "offering_name": named.name,
            "step": str(int(share.step) + 1) if share.step.isdecimal() else share.step,
            "kind": step_kind(version, share.step),
        }

    def _control_totals(self) -> dict[str, object]:
        """Return the sums of the whole run, by which each statement can be held against the others."""
        shares = sum(share.of_distribution for share in self.sharing.shares)
        return {
            "output_vat": format_money(self.settlement.output_vat),
            "pool": format_money(self.settlement.pool),
            "shares": format_money(shares),
            "difference": format_money(self.settlement.pool - shares),
        }


def find_statement(unit: Unit, statement_id: str, field: str | None = None) -> Statement:
    """Return a statement that the caller may see; raises NotFound, naming ``field`` where the body said it."""
    query = visible_statements(unit).where(col(Statement.id) == statement_id)
    row: Statement | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("statement", statement_id, field)
    return row


def visible_statements(unit: Unit) -> Select[Statement]:
    """Return the query of the statements that the caller may see."""
    return select(Statement).where(sees_statement(unit))


def sees_statement(unit: Unit) -> ColumnElement[bool]:
    """Return the condition that the caller may see a statement: its beneficiary, its operator, who oversees that."""
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return true()
    own = col(Statement.beneficiary_id) == unit.principal.party
    if role in ("operator", "regulator"):
        return or_(own, col(Statement.operator_id).in_(operators_overseen(unit) or []))
    return own


def statement_document(_unit: Unit, row: Statement) -> dict[str, Any]:
    """Return a statement as it was frozen, with the hash of everything else that it says."""
    return {**row.document, "sha256": row.sha256}


def _before(unit: Unit, last: Settlement | None) -> dict[str, Before]:
    """Return what the last run's statements left, by the beneficiary's code."""
    if last is None:
        return {}
    query = select(Statement, col(Party.code)).join(Party, col(Party.id) == col(Statement.beneficiary_id))
    statements = unit.session.execute(query.where(col(Statement.settlement_id) == last.id)).all()
    payouts: dict[str, list[Payout]] = defaultdict(list)
    paid = select(Payout).join(Statement, col(Statement.id) == col(Payout.statement_id))
    for payout in unit.session.execute(paid.where(col(Statement.settlement_id) == last.id)).scalars():
        payouts[payout.statement_id].append(payout)
    return {
        code: Before(row.closing, parse_money(row.document["holdback"]["held"]), tuple(payouts[row.id]))
        for row, code in statements
    }


def _named(role: str, party: Party) -> dict[str, object]:
    return {role: party.code, f"{role}_name": party.name, f"{role}_credit_code": party.credit_code}


def _agreement(version: Version) -> dict[str, object]:
    has_table = bool(version.agreement.utility_table)
    return {
        "id": version.id,
        "agreement_no": version.agreement_no,
        "clause": version.clause,
        "effective_from": version.effective_from.isoformat(),
        "basis": version.basis,
        "utility_table_sha256": version.agreement.utility_digest() if has_table else None,
    }


def _payout(payout: Payout) -> dict[str, object]:
    return {
        "id": payout.id,
        "paid_on": payout.paid_on.isoformat(),
        "bank_reference": payout.bank_reference,
        "remittance_no": payout.remittance_no,
        "amount": format_money(payout.amount),
    }
