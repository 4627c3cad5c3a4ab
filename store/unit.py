"""The unit of work: one use case, one transaction, one reading of the clock.

``Store.run`` opens a transaction, hands the use case a ``Unit`` (connection, now, who asks; the mapper's session opens
on demand) and commits. A refusal is an outcome too: it is written to the audit log in a transaction that keeps nothing
else of the use case. What loses a race is done again, at most three times. ``Store.answer`` does the same under an
idempotency key.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import Session

from pricing.errors import Conflict, NotFound, Problem, Refusal, Unavailable
from pricing.parameters import Law
from pricing.period import day_of
from store import audit, idempotency
from store.crowd import Crowd
from store.deadlines import bounded, hold_to_deadlines, renew
from store.engine import WRITING, open_engine, opening, writer_turn
from store.faults import DatabaseBusy, is_away, is_transient, lost_at_commit, unavailable
from store.idempotency import Answer, Claim
from store.settings import Settings

ATTEMPTS_MAX = 4
CROWD_MAX = 32
"""So many calls are served in one transaction at most."""
CROWD_WAIT_SECONDS_MAX = 0.25
"""So long such a transaction waits for a lock that one of its calls needs; then each goes alone."""
POOL_SIZE_MIN = 16
"""Connections kept for the service, and more where it does more at once."""

T = TypeVar("T")


@dataclass(frozen=True)
class Principal:
    """Who asks: a role, the party it acts for (none for an administrator or auditor at large), and the key used."""

    role: str
    party_id: str | None = None
    key_id: str | None = None

    @property
    def name(self) -> str:
        """The name under which idempotency keys are kept: a party's keys in one role share it, through rotation."""
        return f"{self.role}:{self.party_id or self.key_id or 'local'}"

    @property
    def party(self) -> str:
        """The party this principal acts for; NotFound when it has none, so that nobody acts for everybody."""
        if self.party_id is None:
            message = f"a key of the role {self.role} without a party cannot act for one"
            raise NotFound(message)
        return self.party_id


@dataclass(frozen=True)
class Call:
    """One call at a door: who, what, what the log should name, and the seconds it may take where somebody waits."""

    principal: Principal
    action: str
    request_id: str | None = None
    seconds_max: float | None = None


@dataclass
class Unit:
    """An open transaction. ``now`` is the database's clock (plus a sandbox's offset), read once, in UTC.

    ``object_id`` and ``detail`` are what the audit log will say; ``stored_body`` replaces the answer that is kept for
    replay where the real one holds a secret; ``after_commit`` runs once the work is durable.
    """

    connection: Connection
    call: Call
    now: datetime
    zone: ZoneInfo
    settings: Settings
    sandbox: bool
    cache: dict[str, Any]
    object_id: str | None = None
    detail: dict[str, object] = field(default_factory=dict)
    stored_body: bytes | None = None
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    autoflush: bool = True
    _session: Session | None = field(default=None, init=False)

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.call.principal

    @property
    def today(self) -> date:
        """The business day of ``now``."""
        return day_of(self.now, self.zone)

    @property
    def law(self) -> Law:
        """The law that prices follow."""
        return self.settings.law

    @property
    def session(self) -> Session:
        """The mapper's session on the connection, opened when it is first asked for."""
        if self._session is None:
            self._session = Session(
                bind=self.connection, autoflush=self.autoflush, join_transaction_mode="rollback_only"
            )
        return self._session

    def renew_deadline(self) -> None:
        """Give the work that follows the time of a call anew: for a stream, whose parts are asked for one by one."""
        if self.call.seconds_max is not None:
            renew(self.connection, self.call.seconds_max)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.connection.dialect.name

    def flush(self) -> None:
        """Write what the session holds."""
        if self._session is not None:
            self._session.flush()

    def forget(self) -> None:
        """Leave what the session holds unwritten."""
        if self._session is not None:
            self._session.close()
            self._session = None


Work = Callable[[Unit], tuple[int, bytes]]
"""A use case that ends in the status and the bytes of its answer."""

Wording = Callable[[Problem], tuple[int, bytes]]
"""How a door words a refusal: its status and the bytes of its document."""


@dataclass(frozen=True)
class Refused:
    """How a use case ended that was refused."""

    problem: Problem


@dataclass(frozen=True, eq=False)
class Asked:
    """A call that may be served together with others: what it gives, and how it is answered if it goes alone."""

    call: Call
    claim: Claim
    given: Any
    alone: Work
    wording: Wording


@dataclass(frozen=True)
class Served:
    """How one of several calls ended: status and bytes of its answer, and what the audit log says of it."""

    status: int
    body: bytes
    detail: Mapping[str, object]


Together = Callable[[Unit, Sequence[Any]], Sequence[Served]]
"""A use case for several calls of one principal at once: what each gives in, how each ended out."""


class Store:
    """The database of one installation, and the only way to open a transaction on it.

    ``cache`` keeps what never changes once it is committed (accounts by code), for this process.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = self._open(settings.database_url)
        self.read_engine = self._open(settings.read_database_url) if settings.read_database_url else self.engine
        self.cache: dict[str, Any] = {}
        self._crowds: dict[str, Crowd[Asked, Answer | Unavailable | None]] = {}
        self._crowds_lock = Lock()

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()
        self.read_engine.dispose()

    def _open(self, url: str) -> Engine:
        size = max(POOL_SIZE_MIN, self.settings.calls_in_work_max)
        engine = open_engine(url, self.settings.wait_seconds_max, pool_size=size)
        hold_to_deadlines(engine)
        return engine

    @contextmanager
    def reading(self, call: Call, *, fresh: bool = False) -> Iterator[Unit]:
        """Open a transaction that only reads, on one snapshot; a ``fresh`` one is never of a replica."""
        try:
            with (self.engine if fresh else self.read_engine).connect() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with (
                    bounded(connection, call.seconds_max),
                    connection.begin(),
                    self._unit(connection, call, writes=False) as unit,
                ):
                    yield unit
        except SQLAlchemyError as fault:
            _tell(fault)
            raise

    def run(self, call: Call, use_case: Callable[[Unit], T]) -> T:
        """Run a use case in one transaction, again when it loses a race; return what it returns.

        Raises what the use case raises; a Conflict or Refusal only after it has been written to the audit log.
        """
        return self._attempts(lambda: self._run_once(call, use_case))

    def answer(self, call: Call, claim: Claim, work: Work, wording: Wording) -> Answer:
        """Run a use case under an idempotency key: the same request gets the same answer, however often it comes."""
        return self._attempts(lambda: self._answer_once(call, claim, work, wording))

    def answer_among(self, kind: str, asked: Asked, together: Together) -> Answer:
        """Run a use case under an idempotency key, together with others of its kind that come while one is under way.

        ``together`` serves several in one transaction. What cannot be done so is done alone, by its own ``answer``:
        a key that was used before, or work that is refused.
        """
        crowd = self._crowd(f"{kind} {asked.call.principal.name}", together)
        answered = crowd.do(asked)
        if isinstance(answered, Unavailable):
            raise answered
        if answered is not None:
            return answered
        return self.answer(asked.call, asked.claim, asked.alone, asked.wording)

    def _crowd(self, name: str, together: Together) -> Crowd[Asked, Answer | Unavailable | None]:
        with self._crowds_lock:
            if name not in self._crowds:
                self._crowds[name] = Crowd(lambda several: self._answer_each(several, together), CROWD_MAX)
            return self._crowds[name]

    def _answer_each(self, several: Sequence[Asked], together: Together) -> Sequence[Answer | Unavailable | None]:
        try:
            return self._attempts(lambda: self._answer_each_once(several, together))
        except (Conflict, Refusal):
            return [None] * len(several)
        except DatabaseBusy as fault:
            # One of them needs what others hold; on SQLite all wait for the same turn, and have waited for it.
            return [fault if self.engine.dialect.name == "sqlite" else None] * len(several)
        except Unavailable as fault:
            # Nobody's own: none is done again here, for the outcome may be unknown to all.
            return [fault] * len(several)

    def _answer_each_once(self, several: Sequence[Asked], together: Together) -> list[Answer | None]:
        firsts = {asked.claim.key: asked for asked in reversed(several)}
        with self._writing(several[0].call, CROWD_WAIT_SECONDS_MAX) as unit:
            free = idempotency.claim_each(unit, [asked.claim for asked in firsts.values()])
            served = [asked for asked in several if asked.claim.key in free and firsts[asked.claim.key] is asked]
            done = dict(zip(served, together(unit, [asked.given for asked in served]), strict=True)) if served else {}
            idempotency.keep_each(unit, {asked.claim.key: (end.status, end.body) for asked, end in done.items()})
            audit.record_each(unit, [(asked.call, end.detail) for asked, end in done.items()])
        return [Answer(done[asked].status, done[asked].body) if asked in done else None for asked in several]

    def _run_once(self, call: Call, use_case: Callable[[Unit], T]) -> T:
        unit: Unit | None = None
        try:
            with self._writing(call) as unit:
                result = use_case(unit)
                unit.flush()
                audit.record(unit, "done")
        except (Conflict, Refusal) as refused:
            object_id = None if unit is None else unit.object_id
            with self._writing(call) as unit:
                unit.object_id = object_id
                audit.record(unit, "refused", refused)
            raise
        return result

    def _answer_once(self, call: Call, claim: Claim, work: Work, wording: Wording) -> Answer:
        with self._writing(call) as unit:
            earlier = idempotency.claim(unit, claim)
            if earlier is not None:
                return earlier
            outcome = _outcome(unit, work)
            status, body = wording(outcome.problem) if isinstance(outcome, Refused) else outcome
            idempotency.keep(unit, claim, status, unit.stored_body or body)
            return Answer(status, body)

    @contextmanager
    def _writing(self, call: Call, wait_seconds_max: float | None = None) -> Iterator[Unit]:
        with (
            writer_turn(self.engine, self.settings.wait_seconds_max),
            self.engine.connect().execution_options(**{WRITING: True}) as connection,
        ):
            with (
                bounded(connection, call.seconds_max),
                _committed(connection),
                self._unit(connection, call, writes=True, wait_seconds_max=wait_seconds_max) as unit,
            ):
                yield unit
                unit.flush()
            for follow_up in unit.after_commit:
                follow_up()

    @contextmanager
    def _unit(
        self, connection: Connection, call: Call, *, writes: bool, wait_seconds_max: float | None = None
    ) -> Iterator[Unit]:
        opened = opening(connection, writes=writes, seconds_max=call.seconds_max, wait_seconds_max=wait_seconds_max)
        unit = Unit(
            connection=connection,
            call=call,
            now=opened.clock + timedelta(microseconds=opened.clock_offset_us),
            zone=ZoneInfo(opened.timezone),
            settings=self.settings,
            sandbox=opened.sandbox,
            cache=self.cache,
            autoflush=writes,
        )
        try:
            yield unit
        finally:
            unit.forget()

    def _attempts(self, attempt: Callable[[], T]) -> T:
        """Do the work again while it loses races and there is time; what then remains is told as what it means."""
        begun, number = monotonic(), 1
        while True:
            try:
                return attempt()
            except SQLAlchemyError as fault:
                in_time = number < ATTEMPTS_MAX and monotonic() - begun < self.settings.wait_seconds_max
                if not (isinstance(fault, DBAPIError) and is_transient(fault) and in_time):
                    _tell(fault)
                    raise
            sleep(random.uniform(0.002, 0.02) * number)  # noqa: S311 - jitter, not a secret
            number += 1


def _tell(fault: SQLAlchemyError) -> None:
    """Raise the problem that a fault of the database is to the caller, if it is one."""
    problem = unavailable(fault)
    if problem is not None:
        raise problem from fault


@contextmanager
def _committed(connection: Connection) -> Iterator[None]:
    """Commit at the end, or roll back; a commit whose answer is lost is told apart from one that failed."""
    transaction = connection.begin()
    try:
        yield
    except BaseException:
        transaction.rollback()
        raise
    try:
        transaction.commit()
    except DBAPIError as fault:
        if is_away(fault):
            raise lost_at_commit() from fault
        raise


def _outcome(unit: Unit, use_case: Callable[[Unit], T]) -> T | Refused:
    """Run the use case inside a savepoint: what is refused leaves nothing behind but its row in the log."""
    savepoint = unit.connection.begin_nested()
    try:
        result = use_case(unit)
        unit.flush()
    except (Conflict, Refusal) as refused:
        unit.forget()
        savepoint.rollback()
        unit.after_commit.clear()
        unit.stored_body = None
        audit.record(unit, "refused", refused)
        return Refused(refused)
    savepoint.commit()
    audit.record(unit, "done")
    return result
