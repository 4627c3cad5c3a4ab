"""The checks over the books, from the rows themselves and not from anything the service counts along the way.

1. Every transaction balances in each of its assets, and use in each month of service.
2. Every transaction has exactly the legs that its head announces, and no leg is without a head.
3. Every leg is in the asset of its account, which is in the book of its head, and in the head's month of recording; a
   day of service is in its month. Every account's code says what the account is for.
4. Use is conserved: for each book and offering, delivered = unbilled + billed + free + written off.
5. Every transaction of use equals its events: how many they are, what they add up to, and the digest of what each of
   their rows says; every key has its event, and every event its key.
6. Quotas equal the use that they count, less what was reversed, and no limited use is without its quota; a reversal
   takes back one counted event as a whole.
7. Unbilled use of a month that was billed is known to the next bill.
8. Every bill and credit note equals the sum of its lines.
9. What buyers owe in the books = bills - credit notes - payments + refunds, buyer by buyer.
10. Revenue (with what is billed of months to come) and VAT in the books = those of bills less credit notes.
11. What the books owe in service = what bills charged of months whose own bill is still to come, less credits of it.
12. What is payable in the books = shares of the statements less payouts.
13. Frozen documents still have the hash they were issued with: quotes, statements, files.
14. What is sealed makes the roots that were signed, nothing is missing or added, the closed months are those that were
    attested, and the chain of seals is whole.
15. The guards of the database itself are as the migrations made them.
16. Folded balances equal the entries recorded up to the fold.
17. Nothing entered a closed month after its close.
18. The horizon has come, and neither folds nor seals go beyond it.

Each check stops at its first row at fault and says it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, text
from sqlmodel import col, select

from ledger.attested import TRANSACTION, Window, extent, pages
from ledger.books import AccountRef
from ledger.folding import NOTHING_FOLDED, bucket_fault, fold_state
from ledger.seals import last_seal
from ledger.tables import Account, Transaction, Verification
from pricing.canonical import sha256_of
from reports.counted_events import events_fault
from reports.postings import ASSETS_MATCH, BALANCED, LEGS_COMPLETE, MONTHS_MATCH, Postings
from reports.sealed import seals_fault
from settlement.tables import Quote, Statement
from store.columns import Instant
from store.exact import worded
from store.guards import guards_fault
from store.horizon import latest_horizon
from store.ids import new_id
from store.months import month_numbered, recorded_month
from store.tables import IssuedFile
from store.unit import Unit

_SEALS_HOLD = "seals_hold"


@dataclass
class Books:
    """The books as a unit sees them, with what several checks ask of them, found once."""

    unit: Unit

    @cached_property
    def row_faults(self) -> dict[str, str]:
        """The first fault of each check that goes through all rows: one pass for seals and postings."""
        postings = Postings(self.unit)
        fault = seals_fault(self.unit, postings.take)
        if fault is not None:  # it ended there: the postings are gone through by themselves
            postings = Postings(self.unit)
        last = None if fault else last_seal(self.unit)
        rest = Window(last.recorded_until if last else None, None)
        for page in pages(self.unit, rest, extent(self.unit, TRANSACTION, rest)):
            postings.take(page)
        return postings.faults() | ({_SEALS_HOLD: fault} if fault else {})

    @cached_property
    def bucket_fault(self) -> str | None:
        """The first folded balance that is not the sum of its entries."""
        return bucket_fault(self.unit)

    @cached_property
    def held(self) -> str:
        """Where amounts by account and service month are read: in buckets that were found true, else in entries."""
        return _IN_ENTRIES if self.bucket_fault else _IN_BUCKETS

    @cached_property
    def folded_until(self) -> datetime:
        """Up to when the buckets hold every transaction."""
        return fold_state(self.unit.connection).until


@dataclass(frozen=True)
class Check:
    """A check by its key and what it holds; ``fault`` finds the first row at fault, as text."""

    key: str
    title: str
    fault: Callable[[Books], str | None]


def _in_rows(key: str) -> Callable[[Books], str | None]:
    return lambda books: books.row_faults.get(key)


def _by_itself(fault: Callable[[Unit], str | None]) -> Callable[[Books], str | None]:
    return lambda books: fault(books.unit)


def _first(*queries: str) -> Callable[[Books], str | None]:
    """Return a check that finds the first row of queries that should give none."""
    return lambda books: next((fault for query in queries if (fault := _row(books, query)) is not None), None)


def _first_held(query: str) -> Callable[[Books], str | None]:
    """Return the like of a query that reads account, service month and amount from ``held``."""

    def fault(books: Books) -> str | None:
        given = bindparam("folded_until", books.folded_until, Instant())
        return _row(books, f"WITH held AS ({books.held}) {query}", given)

    return fault


def _row(books: Books, query: str, *given: BindParameter[Any]) -> str | None:
    statement = text(worded(query, books.unit.dialect)).bindparams(*given)
    row = books.unit.connection.execute(statement).mappings().first()
    return None if row is None else ", ".join(f"{name}={value}" for name, value in row.items())


_SIGNED = "CASE entry.side WHEN 'D' THEN entry.amount ELSE -entry.amount END"

_IN_BUCKETS = f"""
    SELECT account_id, nullif(service_month, '') AS service_month, debit AS amount FROM balance_bucket
    UNION ALL SELECT account_id, nullif(service_month, ''), exact_minus(credit) FROM balance_bucket
    UNION ALL SELECT entry.account_id, entry.service_month, {_SIGNED}
    FROM ledger_transaction AS head JOIN ledger_entry AS entry ON entry.transaction_id = head.id
         AND entry.recorded_month = head.recorded_month
    WHERE head.recorded_at > :folded_until"""

_IN_ENTRIES = f"""
    SELECT account_id, service_month, {_SIGNED} AS amount FROM ledger_entry AS entry WHERE :folded_until IS NOT NULL"""

_MONTHS = """
    SELECT entry.transaction_id, entry.leg, entry.recorded_month, head.recorded_month AS of_head
    FROM ledger_entry AS entry JOIN ledger_transaction AS head ON head.id = entry.transaction_id
    WHERE entry.recorded_month <> head.recorded_month LIMIT 1"""

_STRAY_KEYS = """
    SELECT held.operator_id, held.source, held.event_id, held.transaction_id FROM event_key AS held
    LEFT JOIN usage_event AS event ON event.transaction_id = held.transaction_id AND event.number = held.number
         AND event.recorded_month = held.recorded_month AND event.operator_id = held.operator_id
         AND event.source = held.source AND event.event_id = held.event_id
    WHERE event.event_id IS NULL LIMIT 1"""

_USE_KINDS = "'unbilled_use', 'billed_use', 'free_use', 'written_off_use', 'delivered_use'"

_CONSERVATION = f"""
    SELECT account.book, account.offering_id, account.asset, exact_sum(held.amount) AS left_over
    FROM held JOIN account ON account.id = held.account_id
    WHERE account.kind IN ({_USE_KINDS})
    GROUP BY account.book, account.offering_id, account.asset HAVING exact_sum(held.amount) <> 0 LIMIT 1"""

_EVENTS = """
    SELECT head.id AS transaction_id, head.event_count AS announced, events.found, events.quantity, booked.amount
    FROM ledger_transaction AS head
    LEFT JOIN (SELECT transaction_id, count(*) AS found, exact_sum(quantity) AS quantity FROM usage_event
               GROUP BY transaction_id) AS events ON events.transaction_id = head.id
    LEFT JOIN (SELECT entry.transaction_id, exact_sum(entry.amount) AS amount FROM ledger_entry AS entry
               WHERE entry.side = 'D' GROUP BY entry.transaction_id) AS booked ON booked.transaction_id = head.id
    WHERE head.kind IN ('usage', 'usage_reversal') AND (coalesce(events.found, 0) <> head.event_count
                                   OR coalesce(events.quantity, 0) <> booked.amount)
    LIMIT 1"""

_ORPHAN_EVENTS = """
    SELECT event.operator_id, event.source, event.event_id, event.transaction_id FROM usage_event AS event
    LEFT JOIN ledger_transaction AS head ON head.id = event.transaction_id AND head.kind IN ('usage', 'usage_reversal')
    WHERE head.id IS NULL LIMIT 1"""

_COUNTED = "exact_sum(CASE WHEN back.event_id IS NULL THEN event.quantity ELSE -event.quantity END)"

_QUOTAS = f"""
    SELECT quota.contract_id, quota.offering_id, quota.period, quota.used,
           coalesce({_COUNTED}, 0) AS counted
    FROM quota LEFT JOIN usage_event AS event ON event.contract_id = quota.contract_id
         AND event.offering_id = quota.offering_id
         AND (quota.period = 'all' OR substr(CAST(event.service_on AS text), 1, 7) = quota.period)
    LEFT JOIN usage_reversal AS back ON back.operator_id = event.operator_id AND back.source = event.source
         AND back.event_id = event.event_id
    GROUP BY quota.contract_id, quota.offering_id, quota.period, quota.used
    HAVING quota.used <> coalesce({_COUNTED}, 0)
    LIMIT 1"""

# A grant is counted as a whole, a contract by month; where there is a limit, what was counted has its row.
_UNCOUNTED = f"""
    SELECT held.contract_id, held.offering_id, substr(CAST(event.service_on AS text), 1, 7) AS service_month,
           {_COUNTED} AS counted
    FROM contract_offering AS held
    JOIN usage_event AS event ON event.contract_id = held.contract_id AND event.offering_id = held.offering_id
    LEFT JOIN usage_reversal AS back ON back.operator_id = event.operator_id AND back.source = event.source
         AND back.event_id = event.event_id
    WHERE held.quantity_limit IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM quota WHERE quota.contract_id = held.contract_id AND quota.offering_id = held.offering_id
        AND quota.period IN ('all', substr(CAST(event.service_on AS text), 1, 7))
    )
    GROUP BY held.contract_id, held.offering_id, substr(CAST(event.service_on AS text), 1, 7)
    HAVING {_COUNTED} <> 0 LIMIT 1"""

_REVERSALS = """
    SELECT event.operator_id, event.source, event.event_id
    FROM usage_event AS event
    JOIN ledger_transaction AS head ON head.id = event.transaction_id AND head.kind = 'usage_reversal'
    LEFT JOIN usage_reversal AS back ON back.operator_id = event.operator_id AND back.source = event.source
         AND back.event_id = event.event_id AND back.transaction_id = event.transaction_id
    LEFT JOIN event_key AS held ON held.operator_id = back.operator_id
         AND held.source = back.reversed_source AND held.event_id = back.reversed_id
    LEFT JOIN usage_event AS counted ON counted.transaction_id = held.transaction_id AND counted.number = held.number
         AND counted.recorded_month = held.recorded_month AND counted.operator_id = back.operator_id
         AND counted.source = back.reversed_source AND counted.event_id = back.reversed_id
         AND counted.contract_id = event.contract_id AND counted.offering_id = event.offering_id
         AND counted.service_on = event.service_on AND counted.quantity = event.quantity
    LEFT JOIN ledger_transaction AS origin ON origin.id = counted.transaction_id AND origin.kind = 'usage'
    WHERE origin.id IS NULL LIMIT 1"""

_REVERSED_BY_NONE = """
    SELECT back.operator_id, back.reversed_source, back.reversed_id FROM usage_reversal AS back
    LEFT JOIN event_key AS held ON held.operator_id = back.operator_id AND held.source = back.source
         AND held.event_id = back.event_id
    LEFT JOIN usage_event AS event ON event.transaction_id = held.transaction_id AND event.number = held.number
         AND event.recorded_month = held.recorded_month AND event.operator_id = back.operator_id
         AND event.source = back.source AND event.event_id = back.event_id
    LEFT JOIN ledger_transaction AS head ON head.id = event.transaction_id AND head.kind = 'usage_reversal'
    WHERE head.id IS NULL LIMIT 1"""

_LATE_USE = """
    SELECT account.contract_id, held.service_month, exact_sum(held.amount) AS unbilled
    FROM held JOIN account ON account.id = held.account_id
    WHERE account.kind = 'unbilled_use'
    GROUP BY account.contract_id, held.service_month
    HAVING exact_sum(held.amount) <> 0
       AND EXISTS (SELECT 1 FROM invoice
                   WHERE invoice.contract_id = account.contract_id AND invoice.month >= held.service_month)
       AND NOT EXISTS (SELECT 1 FROM late_use AS late
                       WHERE late.contract_id = account.contract_id AND late.service_month = held.service_month)
    LIMIT 1"""

_BILL_SUMS = """
    SELECT invoice.id, invoice.net, invoice.tax, coalesce(sum(line.net), 0) AS lines_net,
           coalesce(sum(line.tax), 0) AS lines_tax
    FROM invoice LEFT JOIN invoice_line AS line ON line.invoice_id = invoice.id
    GROUP BY invoice.id, invoice.net, invoice.tax
    HAVING invoice.net <> coalesce(sum(line.net), 0) OR invoice.tax <> coalesce(sum(line.tax), 0) LIMIT 1"""

_CREDIT_SUMS = """
    SELECT note.id, note.net, note.tax, coalesce(sum(line.net), 0) AS lines_net, coalesce(sum(line.tax), 0) AS lines_tax
    FROM credit_note AS note LEFT JOIN credit_note_line AS line ON line.credit_note_id = note.id
    GROUP BY note.id, note.net, note.tax
    HAVING note.net <> coalesce(sum(line.net), 0) OR note.tax <> coalesce(sum(line.tax), 0) LIMIT 1"""

_OWED = """
    SELECT operator_id, buyer_id, exact_sum(papers) AS by_papers, exact_sum(books) AS by_books FROM (
        SELECT operator_id, buyer_id, gross AS papers, 0 AS books FROM invoice
        UNION ALL SELECT operator_id, buyer_id, -gross, 0 FROM credit_note
        UNION ALL SELECT operator_id, buyer_id, -amount, 0 FROM payment
        UNION ALL SELECT operator_id, buyer_id, amount, 0 FROM refund
        UNION ALL SELECT account.book, account.party_id, 0, held.amount
            FROM held JOIN account ON account.id = held.account_id
            WHERE account.kind IN ('receivable', 'buyer_balance')
    ) AS owed GROUP BY operator_id, buyer_id HAVING exact_sum(papers) <> exact_sum(books) LIMIT 1"""

_REVENUE = """
    SELECT operator_id, exact_sum(net) AS left_over_net, exact_sum(tax) AS left_over_tax FROM (
        SELECT operator_id, net, tax FROM invoice
        UNION ALL SELECT operator_id, -net, -tax FROM credit_note
        UNION ALL SELECT account.book,
            CASE WHEN account.kind IN ('revenue', 'revenue_relief', 'contract_liability') THEN held.amount ELSE 0 END,
            CASE WHEN account.kind IN ('output_vat', 'red_pending_vat') THEN held.amount ELSE 0 END
            FROM held JOIN account ON account.id = held.account_id
            WHERE account.kind IN
                ('revenue', 'revenue_relief', 'contract_liability', 'output_vat', 'red_pending_vat')
    ) AS earned GROUP BY operator_id HAVING exact_sum(net) <> 0 OR exact_sum(tax) <> 0 LIMIT 1"""

_AHEAD = """
    SELECT contract_id, offering_id, exact_sum(papers) AS by_papers, exact_sum(-books) AS by_books FROM (
        SELECT invoice.contract_id, line.offering_id, line.net AS papers, 0 AS books
            FROM invoice_line AS line JOIN invoice ON invoice.id = line.invoice_id
            WHERE line.service_month > invoice.month AND NOT EXISTS (
                SELECT 1 FROM invoice AS own
                WHERE own.contract_id = invoice.contract_id AND own.month = line.service_month
            )
        UNION ALL SELECT invoice.contract_id, line.offering_id, -credited.net, 0
            FROM credit_note_line AS credited JOIN credit_note AS note ON note.id = credited.credit_note_id
            JOIN invoice ON invoice.id = note.invoice_id
            JOIN invoice_line AS line ON line.invoice_id = invoice.id AND line.position = credited.position
            WHERE line.service_month > invoice.month AND NOT EXISTS (
                SELECT 1 FROM invoice AS own
                WHERE own.contract_id = invoice.contract_id AND own.month = line.service_month
            )
        UNION ALL SELECT account.contract_id, account.offering_id, 0, held.amount
            FROM held JOIN account ON account.id = held.account_id WHERE account.kind = 'contract_liability'
    ) AS ahead GROUP BY contract_id, offering_id HAVING exact_sum(papers) + exact_sum(books) <> 0 LIMIT 1"""

_PAYABLE = """
    SELECT operator_id, exact_sum(amount) AS left_over FROM (
        SELECT settlement.operator_id, share.taken AS amount FROM settlement_share AS share
            JOIN settlement ON settlement.id = share.settlement_id
            WHERE share.beneficiary_id <> settlement.operator_id AND share.kind <> 'holdback'
            AND NOT (share.kind = 'reversal' AND EXISTS (
                SELECT 1 FROM settlement_share AS held WHERE held.id = share.reverses AND held.kind = 'holdback'
                AND NOT EXISTS (
                    SELECT 1 FROM settlement_share AS release
                    JOIN settlement AS earlier ON earlier.id = release.settlement_id
                    WHERE release.kind = 'release' AND release.reverses = held.id AND earlier.month < settlement.month
                )
            ))
        UNION ALL SELECT statement.operator_id, -payout.amount FROM payout
            JOIN statement ON statement.id = payout.statement_id
        UNION ALL SELECT account.book, held.amount
            FROM held JOIN account ON account.id = held.account_id
            WHERE account.kind IN ('payable', 'treasury_payable')
    ) AS shared GROUP BY operator_id HAVING exact_sum(amount) <> 0 LIMIT 1"""


# Between two closes nothing may take effect before the first day that was open then.
_CLOSED = """
    SELECT head.id AS transaction_id, head.effective_on, closed.opens_on
    FROM (SELECT book, closed_at, max(opens_on) OVER earlier AS opens_on, lead(closed_at) OVER earlier AS next_closed_at
          FROM closed_period WINDOW earlier AS (PARTITION BY book ORDER BY closed_at)) AS closed
    JOIN ledger_transaction AS head ON head.book = closed.book AND head.recorded_at > closed.closed_at
         AND (closed.next_closed_at IS NULL OR head.recorded_at <= closed.next_closed_at)
    WHERE head.effective_on < closed.opens_on LIMIT 1"""


def _months_fault(books: Books) -> str | None:
    """Return the first leg whose day is not in its month, month of heads recorded in another, or leg of another."""
    if MONTHS_MATCH in books.row_faults:
        return books.row_faults[MONTHS_MATCH]
    recorded_at, zone = col(Transaction.recorded_at), books.unit.zone
    heads = select(
        col(Transaction.recorded_month), func.min(recorded_at, type_=Instant()), func.max(recorded_at, type_=Instant())
    ).group_by(col(Transaction.recorded_month))
    for number, first, last in books.unit.connection.execute(heads):
        if {recorded_month(first, zone), recorded_month(last, zone)} != {number}:
            said = f"{first.isoformat()} to {last.isoformat()}"
            return f"recorded_month={number} ({month_numbered(number)}): what it holds was recorded from {said}"
    return _row(books, _MONTHS)


def _accounts_fault(unit: Unit) -> str | None:
    """Return the first account whose code is not made of what the account is for."""
    accounts = select(Account).order_by(col(Account.id)).execution_options(yield_per=5000)
    with unit.connection.execute(accounts) as found:
        for row in found:
            ref = AccountRef(row.kind, row.book, row.asset, row.party_id, row.contract_id, row.offering_id)
            if row.code != ref.code:
                return f"account_id={row.id}, code={row.code}, of={ref.code}"
    return None


def _horizon_fault(unit: Unit) -> str | None:
    """Return which of the horizon, the folds and the seals is of a moment that nothing has reached."""
    horizon, folded, last = latest_horizon(unit.connection), fold_state(unit.connection).until, last_seal(unit)
    reached = horizon or NOTHING_FOLDED
    if reached > unit.now:
        return f"horizon at={reached.isoformat()} has not come yet: it is {unit.now.isoformat()}"
    if folded > reached:
        return f"balance_fold folded_until={folded.isoformat()} is beyond the horizon of {reached.isoformat()}"
    if last is not None and last.recorded_until > reached:
        return (
            f"seal {last.number} until={last.recorded_until.isoformat()} is beyond the horizon of {reached.isoformat()}"
        )
    return None


def _frozen(unit: Unit) -> str | None:
    """Return the first frozen document whose content no longer has its hash."""
    return next(_broken_hashes(unit), None)


def _broken_hashes(unit: Unit) -> Iterator[str]:
    quotes = select(col(Quote.id), col(Quote.snapshot), col(Quote.snapshot_hash))
    for quote in unit.connection.execute(quotes.execution_options(yield_per=500)):
        if sha256_of(quote.snapshot) != quote.snapshot_hash:
            yield f"quote={quote.id}"
    statements = select(col(Statement.id), col(Statement.document), col(Statement.sha256))
    for statement in unit.connection.execute(statements.execution_options(yield_per=500)):
        if sha256_of(statement.document) != statement.sha256:
            yield f"statement={statement.id}"
    files = select(col(IssuedFile.document_id), col(IssuedFile.form), col(IssuedFile.content), col(IssuedFile.sha256))
    for file in unit.connection.execute(files.execution_options(yield_per=20)):
        if hashlib.sha256(file.content).hexdigest() != file.sha256:
            yield f"file={file.document_id}.{file.form}"


def _guards(unit: Unit) -> str | None:
    """Return the first guard of the database that is not as it was made."""
    return guards_fault(unit.connection)


CHECKS = (
    Check(BALANCED, "every transaction balances in each asset", _in_rows(BALANCED)),
    Check(LEGS_COMPLETE, "every transaction has the legs it announces", _in_rows(LEGS_COMPLETE)),
    Check(ASSETS_MATCH, "every leg is in the asset of its account, in the book of its head", _in_rows(ASSETS_MATCH)),
    Check(MONTHS_MATCH, "every head and leg is in its month of recording, days of service in theirs", _months_fault),
    Check("accounts_named", "every account's code says what it is for", _by_itself(_accounts_fault)),
    Check("use_conserved", "delivered = unbilled + billed + free + written off", _first_held(_CONSERVATION)),
    Check("events_booked", "every transaction of use equals its events", _first(_EVENTS)),
    Check(
        "event_digests", "every event is what was counted, and the digest of its transaction", _by_itself(events_fault)
    ),
    Check("events_have_postings", "every event names its transaction", _first(_ORPHAN_EVENTS)),
    Check("keys_have_events", "every key of an event has its event", _first(_STRAY_KEYS)),
    Check("quotas_match", "quotas equal the use they count", _first(_QUOTAS, _UNCOUNTED)),
    Check("reversals_match", "every reversal takes back one counted event as a whole", _first(_REVERSALS)),
    Check("reversals_counted", "what is named as reversed was reversed by an event", _first(_REVERSED_BY_NONE)),
    Check("late_use_known", "unbilled use of billed months is known to the next bill", _first_held(_LATE_USE)),
    Check("bills_add_up", "bills equal the sum of their lines", _first(_BILL_SUMS)),
    Check("credit_notes_add_up", "credit notes equal the sum of their lines", _first(_CREDIT_SUMS)),
    Check("receivables_match", "receivables = bills - credits - payments + refunds", _first_held(_OWED)),
    Check("revenue_matches", "revenue and VAT = bills - credits", _first_held(_REVENUE)),
    Check("liability_matches", "contract liability = bills of months to come - credits", _first_held(_AHEAD)),
    Check("payables_match", "payables = shares not held back - payouts", _first_held(_PAYABLE)),
    Check("documents_frozen", "frozen documents have their hash", _by_itself(_frozen)),
    Check(_SEALS_HOLD, "what is sealed makes the roots that were signed", _in_rows(_SEALS_HOLD)),
    Check("guards_present", "the database's own guards are as the migrations made them", _by_itself(_guards)),
    Check("buckets_match", "folded balances equal the entries", lambda books: books.bucket_fault),
    Check("closed_months_kept", "nothing entered a closed month after its close", _first(_CLOSED)),
    Check("horizon_reached", "horizon, folds and seals are of moments that have come", _by_itself(_horizon_fault)),
)


def findings(unit: Unit, progress: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Run every check on the snapshot of ``unit``; return key, title, ok, and the first row at fault of each."""
    if unit.dialect == "postgresql":  # compiling a statement that is run once costs more than it saves
        unit.connection.execute(text("SET LOCAL jit = off"))
    books, found = Books(unit), []
    for check in CHECKS:
        if progress is not None:
            progress(check.title)
        fault = check.fault(books)
        found.append({"check": check.key, "title": check.title, "ok": fault is None, "first_fault": fault})
    return found


def record(unit: Unit, checks: list[dict[str, Any]], as_of: datetime) -> Verification:
    """Keep the result of a run."""
    row = Verification(
        id=new_id("vrf"),
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
        as_of=as_of,
        status="passed" if all(check["ok"] for check in checks) else "failed",
        checks=checks,
    )
    unit.session.add(row)
    unit.object_id = row.id
    return row


def last_run(unit: Unit) -> Verification | None:
    """Return the newest result, or None before the first run."""
    newest = select(Verification).order_by(col(Verification.id).desc()).limit(1)
    return unit.session.exec(newest).first()
