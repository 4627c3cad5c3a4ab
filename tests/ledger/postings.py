"""Postings to try the books with."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ledger.books import AccountRef, Leg, Posting

BOOK = "pty_operator"
BANK = AccountRef("bank", BOOK)
OWED = AccountRef("receivable", BOOK, party_id="pty_buyer")
REVENUE = AccountRef("revenue", BOOK)
UNBILLED = AccountRef("unbilled_use", BOOK, "CALL", contract_id="con_1", offering_id="ofr_1")
DELIVERED = AccountRef("delivered_use", BOOK, "CALL", offering_id="ofr_1")
DAY = date(2025, 3, 5)


def sale(key: str, amount: int = 100, *more: Leg, day: date = DAY, book: str = BOOK) -> Posting:
    """A sale on credit, with more legs if any are given."""
    owed, revenue = replace(OWED, book=book), replace(REVENUE, book=book)
    return Posting(key, "bill", book, day, (Leg(owed, "D", amount), Leg(revenue, "C", amount), *more))


def use(amount: int) -> tuple[Leg, Leg]:
    """Two legs of use."""
    return Leg(UNBILLED, "D", amount, "2025-03", DAY), Leg(DELIVERED, "C", amount, "2025-03", DAY)
