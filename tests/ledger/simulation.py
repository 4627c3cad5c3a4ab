"""A simulation of the books: the kernel on a real database against a model in memory, by dice from a seed.

The clock is the simulation's: it stands still for several steps, goes a microsecond, or leaps to the edge of a month.
Work runs in threads, but one at a time: each stops before its commit until the dice say whether it commits, is
answered, or dies. On PostgreSQL several pieces of work are open at once and wait for each other's keys and accounts.
"""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from threading import Event, Thread
from typing import Any, Final

import pytest
from sqlalchemy import func, select, text
from sqlmodel import col

from ledger import closing
from ledger.balances import Sought, Sums, sums
from ledger.batches import Outcome, Result, post_each
from ledger.books import AccountRef, Leg, Posting
from ledger.closing import EarlierMonthOpen, MonthNotEnded, close_month
from ledger.folding import bucket_fault, fold, fold_state, rebuild
from ledger.seals import seal
from ledger.tables import Account, Entry, Transaction
from pricing.errors import Conflict
from pricing.period import Month, day_of, instant_of, month_of
from reports.sealed import seals_fault
from store import engine, horizon, unit
from store.horizon import HorizonBehind, advance
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.ledger.histories import OPERATORS, found_parties
from tests.ledger.test_seals import sealed_ids

SECONDS_MAX: Final = 30
OPEN_MAX: Final = 3
TICK: Final = timedelta(microseconds=1)
START: Final = datetime.fromisoformat("2025-03-01T00:00:00+00:00")
SEED: Final = "TARIFFBOOK_TEST_SEED"
STEPS: Final = "TARIFFBOOK_TEST_STEPS"
KEY_CHARACTERS: Final = 8
_ALL: Final = (
    select(
        col(Transaction.id),
        col(Transaction.key),
        col(Transaction.kind),
        col(Transaction.recorded_at),
        col(Transaction.effective_on),
        col(Entry.leg),
        col(Account.code),
        col(Entry.side),
        col(Entry.amount),
        func.coalesce(col(Entry.service_month), ""),
    )
    .join(Entry, col(Entry.transaction_id) == col(Transaction.id))
    .join(Account, col(Account.id) == col(Entry.account_id))
)


class Deviation(AssertionError):
    """The books do not say what the model says; the message names the seed and the step."""


class Crash(Exception):
    """The process that did the work is gone."""


@dataclass
class Clock:
    """The time, which passes when the simulation says so."""

    now: datetime = START

    def rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be the clock of every module that reads the database's; what its reading does besides is still done."""

        def opening(*given: Any, **named: Any) -> engine.Opening:
            return engine.opening(*given, **named)._replace(clock=self.now)

        monkeypatch.setattr(unit, "opening", opening)
        for module in (horizon, closing):
            monkeypatch.setattr(module, "reader_clock", lambda _connection: self.now)


class Flight:
    """A piece of work in a thread of its own, which waits before its commit until it is told how to end."""

    def __init__(
        self,
        store: Store,
        work: Callable[[Unit], list[Outcome]],
        *,
        batch: Sequence[Posting] = (),
        month: tuple[str, Month] | None = None,
    ) -> None:
        self.batch, self.month = batch, month
        self.outcomes: list[Outcome] = []
        self.refusal: type[Conflict] | None = None
        self.fault: Exception | None = None
        self.now = START
        self.effective: list[date] = []
        self._work = work
        self._dies = False
        self._arrived, self._go, self._landed = Event(), Event(), Event()
        Thread(target=self._fly, args=(store,), daemon=True).start()

    @property
    def stands(self) -> bool:
        """Whether it has done its work, or failed."""
        return self._arrived.is_set() or self._landed.is_set()

    def end(self, *, dies: bool) -> None:
        """Let it commit, or die before."""
        self._dies = dies
        self._go.set()
        assert self._landed.wait(SECONDS_MAX), "the work does not end"
        if self.fault is not None:
            raise self.fault

    def let_go(self) -> None:
        """Have it die, whatever it was at."""
        self._dies = True
        self._go.set()
        self._landed.wait(SECONDS_MAX)

    def _fly(self, store: Store) -> None:
        try:
            store.run(LOCAL, self._wait_with)
        except Crash:
            pass
        except Exception as fault:  # noqa: BLE001 - raised where the flight is told to end
            self.fault = fault
        finally:
            self._landed.set()

    def _wait_with(self, opened: Unit) -> None:
        self.now = opened.now
        self.outcomes = self._work(opened)
        opened.session.flush()
        self._arrived.set()
        assert self._go.wait(SECONDS_MAX)
        if self._dies:
            raise Crash


@dataclass(frozen=True)
class Booked:
    """A transaction that is in the books, as the model has it."""

    id: int
    posting: Posting
    recorded_at: datetime
    effective_on: date


@dataclass
class Model:
    """What the books have to say."""

    booked: dict[str, Booked] = field(default_factory=dict)
    closed: set[tuple[str, Month]] = field(default_factory=set)
    horizon: datetime | None = None

    def first_open(self, book: str) -> date:
        """Return the first day of a book that takes entries."""
        return max((month.until for owner, month in self.closed if owner == book), default=date.min)

    def expected(self, batch: Sequence[Posting]) -> list[tuple[Result, int | None]]:
        """Return what has to become of a batch; of what is posted the database chooses the id."""
        seen: dict[str, Posting] = {}
        return [self._expected_one(posting, seen) for posting in batch]

    def _expected_one(self, posting: Posting, seen: dict[str, Posting]) -> tuple[Result, int | None]:
        if posting.key.endswith("bad"):
            return Result.REFUSED, None
        earlier = self.booked.get(posting.key)
        if earlier is not None:
            return (Result.DUPLICATE if earlier.posting == posting else Result.CONFLICT), earlier.id
        first = seen.get(posting.key)
        if first is None:
            seen[posting.key] = posting
            return Result.POSTED, None
        return (Result.DUPLICATE if first == posting else Result.CONFLICT), None

    def expected_close(self, book: str, month: Month, today: date) -> type[Conflict] | None:
        """Return how a close has to be refused, None where it is done."""
        if (book, month) in self.closed:
            return None
        if today < month.until:
            return MonthNotEnded
        opened = self.first_open(book)
        days = (one.effective_on for one in self.booked.values() if one.posting.book == book)
        return EarlierMonthOpen if any(opened <= day < month.first_day for day in days) else None

    def sums(self, sought: Sought) -> dict[str, Sums]:
        """Return debits and credits by account code."""
        found: dict[str, dict[str, int]] = defaultdict(lambda: {"D": 0, "C": 0})
        for one in self.booked.values():
            if _is_sought(one, sought):
                for leg in one.posting.legs:
                    if sought.service_month in (None, leg.service_month):
                        found[leg.account.code][leg.side] += leg.amount
        return {code: Sums(sides["D"], sides["C"]) for code, sides in found.items()}


def _is_sought(one: Booked, sought: Sought) -> bool:
    return (
        (sought.as_of is None or one.recorded_at <= sought.as_of)
        and (sought.day_from is None or one.effective_on >= sought.day_from)
        and (sought.day_until is None or one.effective_on < sought.day_until)
        and (sought.books is None or one.posting.book in sought.books)
    )


class Simulation:
    """Callers, closers, folders and sealers at work on one set of books."""

    def __init__(self, store: Store, clock: Clock, seed: int) -> None:
        self.store, self.clock, self.dice = store, clock, random.Random(seed)
        # Who moves the horizon gives up at once where work is open: nobody else could end it.
        self.hasty = Store(replace(store.settings, wait_seconds_max=0)) if self._is_shared else store
        self.model = Model()
        self.open: list[Flight] = []
        self.blocked: Flight | None = None
        self.unanswered: list[Sequence[Posting]] = []
        self.known: list[Posting] = []
        self.moments: list[datetime] = []
        self.steps = 0

    @property
    def _is_shared(self) -> bool:
        return self.store.engine.dialect.name == "postgresql"

    def step(self) -> None:
        """Do one thing that is possible now."""
        self.steps += 1
        kinds: list[tuple[Callable[[], None], int]] = [(self.look, 3), (self.tick, 4)]
        if self.open:
            kinds.append((self.end_one, 6))
        if self._is_shared or not self.open:
            kinds += [(self.advance, 3), (self.fold, 2), (self.seal, 1)]
        if self.blocked is None and len(self.open) < (OPEN_MAX if self._is_shared else 1):
            kinds += [(self.send, 8), (self.close, 2)]
        if self.blocked is not None:
            kinds = [(self.look, 1), (self.end_one, 3)]
        steps, weights = zip(*kinds, strict=True)
        self.dice.choices(steps, weights)[0]()

    def settle(self) -> None:
        """End what is open, send again whatever was not answered, fold, seal, and compare all that there is."""
        while self.open:
            self.end_one()
        for batch in self.unanswered:
            self._begin(Flight(self.store, partial(post_each, postings=batch), batch=batch))
            self._end(self.open[-1], dies=False)
        self.clock.now += TICK
        self.fold()
        self.seal()
        self.compare()

    def give_up(self) -> None:
        """Let nothing stay open."""
        for flight in (*self.open, *([self.blocked] if self.blocked else [])):
            flight.let_go()
        if self.hasty is not self.store:
            self.hasty.close()

    def tick(self) -> None:
        """Let time pass: not at all visibly, or past the edge of a month."""
        zone = _zone(self.store)
        edge = instant_of(month_of(self.clock.now, zone).until, zone)
        leaps = (self.clock.now + TICK, self.clock.now + timedelta(days=self.dice.random() * 9), edge, edge - TICK)
        self.clock.now = max(self.clock.now, self.dice.choices(leaps, (6, 2, 1, 1))[0])

    def send(self) -> None:
        """Begin a batch: new, known, changed and impossible postings, or one again that was not answered."""
        if self.unanswered and self.dice.random() < 0.4:
            batch = self.unanswered.pop(self.dice.randrange(len(self.unanswered)))
        else:
            batch = [self._posting() for _ in range(self.dice.randint(1, 5))]
        self._begin(Flight(self.store, partial(post_each, postings=batch), batch=batch))

    def end_one(self) -> None:
        """Commit an open piece of work, with or without an answer to whoever sent it, or let it die."""
        flight = self.dice.choice(self.open)
        fate = self.dice.random()
        self._end(flight, dies=fate < 0.2)
        if fate < 0.4 and flight.batch:
            self.unanswered.append(flight.batch)

    def close(self) -> None:
        """Close the month of a book that is due, or try to close some other."""
        book = self.dice.choice(OPERATORS)
        days = [one.effective_on for one in self.model.booked.values() if one.posting.book == book]
        due = [day for day in days if day >= self.model.first_open(book)]
        month = Month.from_date(min(due) if due and self.dice.random() < 0.6 else self._day())
        self._begin(Flight(self.store, partial(_closed, book=book, month=month), month=(book, month)))

    def advance(self) -> None:
        """Move the horizon, unless open work is in the way."""
        try:
            self.model.horizon = advance(self.hasty)
        except HorizonBehind:
            return
        self.moments.append(self.model.horizon)

    def fold(self) -> None:
        """Move the horizon, and fold up to it, in slices; now and then all over again."""
        self.advance()
        until = rebuild(self.store) if self.dice.random() < 0.1 else fold(self.store, self.dice.randint(1, 9))
        with self.store.reading(LOCAL) as opened:
            assert fold_state(opened.connection).until == until
            assert bucket_fault(opened) is None, bucket_fault(opened)
        self.look()

    def seal(self) -> None:
        """Seal, and recompute what the seals hold."""
        try:
            done = seal(self.hasty, LOCAL, transactions_max=self.dice.randint(1, 20))
        except HorizonBehind:
            return
        self.model.horizon = done.until
        with self.store.reading(LOCAL) as opened:
            assert seals_fault(opened) is None, seals_fault(opened)
        due = sorted(one.id for one in self.model.booked.values() if one.recorded_at <= done.until)
        assert sorted(sealed_ids(self.store)) == due, "other transactions are sealed than were recorded"

    def look(self) -> None:
        """Compare balances within bounds of any kind."""
        sought = self._sought()
        with self.store.reading(LOCAL) as opened:
            codes = {int(row[0]): row[1] for row in opened.connection.execute(text("SELECT id, code FROM account"))}
            found = {codes[number]: amounts for number, amounts in sums(opened, sought).items()}
        assert found == self.model.sums(sought), f"balances within {sought}"

    def compare(self) -> None:
        """Compare every transaction with all its legs, and the balances without bounds."""
        with self.store.reading(LOCAL) as opened:
            found = sorted(map(tuple, opened.connection.execute(_ALL)))
        assert found == sorted(self._rows()), "the books hold other transactions than the model"

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for one in self.model.booked.values():
            for number, leg in enumerate(one.posting.legs, start=1):
                said = (leg.account.code, leg.side, leg.amount, leg.service_month or "")
                yield one.id, one.posting.key, one.posting.kind, one.recorded_at, one.effective_on, number, *said

    def _begin(self, flight: Flight) -> None:
        self.open.append(flight)
        deadline = time.monotonic() + SECONDS_MAX
        while not flight.stands:
            if self._is_shared and self._waits():
                self.open.remove(flight)
                self.blocked = flight
                return
            assert time.monotonic() < deadline, "the work does not come to its end"
            time.sleep(0.0005)
        self._judge(flight)

    def _end(self, flight: Flight, *, dies: bool) -> None:
        self.open.remove(flight)
        if flight.batch:
            flight.end(dies=dies)
            if not dies:
                self._book(flight)
        else:
            self._end_close(flight, dies=dies)
        if self.blocked is not None:
            waiting, self.blocked = self.blocked, None
            self._begin(waiting)

    def _end_close(self, flight: Flight, *, dies: bool) -> None:
        """A close that is refused has ended by itself."""
        refusal = None if flight.fault is None else type(flight.fault)
        assert refusal is flight.refusal, f"{flight.month}: {flight.fault or 'closed'}, not {flight.refusal}"
        if refusal is None:
            flight.end(dies=dies)
        if refusal is None and not dies and flight.month is not None:
            self.model.closed.add(flight.month)

    def _judge(self, flight: Flight) -> None:
        """Compare what became of a batch with what has to, as of the moment at which it was done."""
        if flight.fault is not None and not isinstance(flight.fault, Conflict):
            raise flight.fault
        if flight.month is not None:
            flight.refusal = self.model.expected_close(*flight.month, day_of(flight.now, _zone(self.store)))
            return
        expected = self.model.expected(flight.batch)
        for posting, outcome, (result, number) in zip(flight.batch, flight.outcomes, expected, strict=True):
            assert outcome.result == result, f"{posting.key} became {outcome}, not {result}"
            assert number in (None, outcome.id), f"{posting.key} became {outcome}, and {number} has the key"
        flight.effective = [max(posting.effective_on, self.model.first_open(posting.book)) for posting in flight.batch]

    def _book(self, flight: Flight) -> None:
        for posting, outcome, day in zip(flight.batch, flight.outcomes, flight.effective, strict=True):
            if outcome.result is not Result.POSTED or outcome.id is None:
                continue
            assert posting.key not in self.model.booked, f"{posting.key} was posted twice"
            assert day >= self.model.first_open(posting.book), f"{posting.key} entered a closed month"
            late = self.model.horizon is not None and flight.now <= self.model.horizon
            assert not late, f"{posting.key} was recorded at {flight.now}, below the horizon"
            self.model.booked[posting.key] = Booked(outcome.id, posting, flight.now, day)
        self.moments.append(flight.now)
        if self.dice.random() < 0.2:
            self.compare()

    def _waits(self) -> bool:
        """Say whether somebody waits for a lock: nobody but the newest flight can."""
        query = (
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE NOT granted AND datname = current_database()"
        )
        with self.store.engine.connect() as connection:
            return bool(connection.execute(text(query)).scalar_one())

    def _posting(self) -> Posting:
        dice = self.dice
        if self.known and dice.random() < 0.25:
            posting = dice.choice(self.known)
            return posting if dice.random() < 0.6 else posting._replace(legs=_more(posting.legs))
        key = f"{dice.getrandbits(4 * KEY_CHARACTERS):0{KEY_CHARACTERS}x}"
        legs = _legs(book := dice.choice(OPERATORS), dice.choice((None, *self._months())), dice)
        if dice.random() < 0.08:
            return Posting(f"{key}-bad", "simulated", book, self._day(), (*legs[:-1], legs[-1]._replace(amount=10**15)))
        posting = Posting(key, "simulated", book, self._day(), legs)
        self.known.append(posting)
        return posting

    def _day(self) -> date:
        day = day_of(self.clock.now, _zone(self.store)) + timedelta(days=self.dice.randint(-70, 20))
        return day.replace(day=1) if self.dice.random() < 0.3 else day

    def _months(self) -> list[str]:
        return sorted({str(self._day())[:7] for _ in range(2)})

    def _sought(self) -> Sought:
        dice = self.dice
        as_of = dice.choice([None, *self.moments[-9:]])
        return Sought(
            as_of=None if as_of is None else as_of + TICK * dice.choice((-1, 0, 0, 1)),
            day_from=dice.choice((None, None, self._day())),
            day_until=dice.choice((None, None, self._day())),
            service_month=dice.choice((None, None, self._months()[0])),
            books=dice.choice((None, None, [OPERATORS[0]])),
        )


def simulate(store: Store, monkeypatch: pytest.MonkeyPatch, seed: int, steps: int) -> Model:
    """Play so many steps, and return the model that the books agree with; raises Deviation."""
    clock = Clock()
    clock.rule(monkeypatch)
    _found(store)
    played = Simulation(store, clock, seed)
    try:
        for _ in range(steps):
            played.step()
        played.settle()
    except Exception as fault:
        message = f"{SEED}={seed} {STEPS}={steps}, step {played.steps}: {type(fault).__name__}: {fault}"
        raise Deviation(message) from fault
    finally:
        played.give_up()
    return played.model


def told(name: str, otherwise: int) -> int:
    """Return a number that the environment may give."""
    return int(os.environ.get(name, otherwise))


def _found(store: Store) -> None:
    """Set the sandbox's clock to the simulation's, and enter the operators."""
    store.run(LOCAL, lambda opened: opened.connection.execute(text("UPDATE instance SET clock_offset_us = 0")))
    found_parties(store)


def _closed(opened: Unit, book: str, month: Month) -> list[Outcome]:
    close_month(opened, book, month)
    return []


def _legs(book: str, month: str | None, dice: random.Random) -> tuple[Leg, ...]:
    """Return two legs of money, of use, or both; the same few accounts are popular."""
    amount, quantity = dice.randint(1, 10**6), dice.randint(1, 10**9)
    contract, offering = f"con_{dice.randrange(3)}", f"off_{dice.randrange(2)}"
    money = (
        Leg(AccountRef("receivable", book), "D", amount, month),
        Leg(AccountRef("revenue", book), "C", amount, month),
    )
    use = (
        Leg(AccountRef("unbilled_use", book, "CALL", None, contract, offering), "D", quantity, month),
        Leg(AccountRef("delivered_use", book, "CALL", offering_id=offering), "C", quantity, month),
    )
    return dice.choice((money, use, money + use))


def _more(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """Return the same legs for one more of their asset each."""
    return tuple(leg._replace(amount=leg.amount + 1) for leg in legs)


def _zone(store: Store) -> Any:
    with store.reading(LOCAL) as opened:
        return opened.zone
