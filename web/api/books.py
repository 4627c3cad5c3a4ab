"""Routes of the books: accounts, transactions, trial balance, export, verification, the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import Select, select
from sqlmodel import col

from registry.lookup import code_of, party_of_kind
from registry.relations import operators_overseen, require_overseer
from registry.tables import Party
from reports import verification
from reports.book_export import FORMATS
from reports.books import Bounds, account_page, transaction_page, trial_balance
from schemas.books import (
    AccountOut,
    AuditOut,
    AuditQuery,
    BookPageQuery,
    ExportQuery,
    TransactionOut,
    TransactionQuery,
    TrialBalanceOut,
    TrialBalanceQuery,
    VerificationOut,
)
from schemas.wire import NoQuery, page_of
from store.horizon import reached, settle_as_of
from store.paging import CursorInvalid, storable
from store.tables import AuditEntry
from store.unit import Unit
from web.door import Door, describe, guard, lists, long_call, reads, store, streamed, writes

door = Door("books", __name__, url_prefix="", description="The books")

READERS = ("auditor", "regulator", "operator")


@reads(door, "/ledger/accounts", roles=READERS, answer=page_of(AccountOut), query=BookPageQuery)
def list_accounts(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """List the accounts."""
    accounts, following = account_page(unit, _bounds(unit, query), query["limit"], _after(query))
    return {"items": [account.document() for account in accounts], "next_cursor": _cursor(following)}


@reads(door, "/ledger/transactions", roles=READERS, answer=page_of(TransactionOut), query=TransactionQuery)
def list_transactions(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """List transactions with their legs; of one account, if named by its id."""
    items, following = transaction_page(unit, _bounds(unit, query), query["account"], query["limit"], _after(query))
    return {"items": items, "next_cursor": _cursor(following)}


@reads(door, "/ledger/trial-balance", roles=READERS, answer=TrialBalanceOut, query=TrialBalanceQuery)
def show_trial_balance(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Show debits, credits and balance of every account, as of a moment."""
    return trial_balance(unit, _bounds(unit, query))


@door.arguments(ExportQuery, location="query")
@door.response(200, content_type="text/plain", description="The books in the format asked for")
def export_books(query: Mapping[str, Any]) -> Response:
    """Stream the books in the format of hledger, beancount or as CSV, with closing balances."""
    as_of = settle_as_of(store(), query["as_of"])
    with store().reading(long_call("export_books")) as unit:
        _bounds(unit, {**query, "as_of": as_of})  # refuse before the first byte is sent
    export, media_type = FORMATS[query["format"]]
    return streamed("export_books", lambda unit: export(unit, _bounds(unit, {**query, "as_of": as_of})), media_type)


door.route("/ledger/export", methods=["GET"])(guard(describe(door, export_books, READERS, refuses=True), READERS))


@reads(door, "/ledger/verify", roles=READERS, answer=VerificationOut, query=NoQuery)
def show_verification(unit: Unit, _query: Mapping[str, Any]) -> dict[str, Any]:
    """Show the last verification of the books."""
    run = verification.last_run(unit)
    if run is None:
        return {"status": "never_run", "checks": []}
    return run.model_dump()


def check_books(unit: Unit) -> tuple[datetime, list[dict[str, Any]]]:
    """Return the moment up to which the snapshot is complete, and what the checks found on it: long, without a lock."""
    return reached(unit), verification.findings(unit)


@writes(door, "/ledger/verify", roles=READERS, answer=VerificationOut, prepare=check_books)
def verify_books(unit: Unit, checked: tuple[datetime, list[dict[str, Any]]]) -> dict[str, Any]:
    """Check the books from their rows: balances, conservation of use, control totals, frozen documents."""
    as_of, checks = checked
    return verification.record(unit, checks, as_of).model_dump()


def audit_document(unit: Unit, row: AuditEntry) -> dict[str, Any]:
    """Return a row of the log as the wire says it."""
    return {
        **row.model_dump(),
        "party": code_of(unit, Party, row.party_id) if row.party_id else None,
        "object": row.object_id,
    }


@lists(
    door,
    "/audit-log",
    roles=(*READERS, "admin"),
    item=AuditOut,
    key=col(AuditEntry.id),
    document=audit_document,
    query=AuditQuery,
)
def list_audit_log(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List who did what, refused attempts included."""
    wanted = select(AuditEntry)
    overseen = operators_overseen(unit)
    if overseen is not None:
        wanted = wanted.where(col(AuditEntry.party_id).in_(overseen))
    for name in ("action", "outcome", "object_id"):
        if query[name] is not None:
            wanted = wanted.where(getattr(AuditEntry, name) == query[name])
    return wanted


def _bounds(unit: Unit, query: Mapping[str, Any]) -> Bounds:
    books = operators_overseen(unit)
    if query["operator"] is not None:
        operator = party_of_kind(unit, query["operator"], "operator", "operator")
        require_overseer(unit, operator.id)
        books = [operator.id]
    return Bounds(books, query["as_of"], query.get("day_from"), query.get("day_until"))


def _cursor(number: int | None) -> str | None:
    return None if number is None else str(number)


def _after(query: Mapping[str, Any]) -> int | None:
    cursor = query["cursor"]
    if cursor is None:
        return None
    try:
        return storable(int(cursor))
    except ValueError as fault:
        message = f"{cursor!r} is no cursor of this list; use next_cursor of the page before, or none"
        raise CursorInvalid(message, errors={"cursor": [message]}) from fault
