"""Admission: how many calls a process works on at once, how many wait for their turn, and how often a key may ask.

What is too much is refused at once, before its body is read and before the database is asked: a queue that may grow
makes every call late instead of a few.
"""

from __future__ import annotations

from collections import deque
from threading import Event, Lock
from time import time

from flask import Flask, current_app, g, request
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter, Gauge

from pricing.errors import TooMany, Unavailable
from store.settings import Settings
from store.unit import Principal

EXEMPT = ("/healthz", "/readyz", "/metrics")
"""What says how the process is must answer when it is full."""

IN_WORK = Gauge("tariffbook_calls_in_work", "Calls in work now", multiprocess_mode="livesum")
WAITING = Gauge("tariffbook_calls_waiting", "Calls that wait for their turn now", multiprocess_mode="livesum")
REFUSED = Counter("tariffbook_calls_refused_total", "Calls refused before they were read", ["reason"])

_EXTENSION = "tariffbook_admission"


class ServiceOverloaded(Unavailable):
    """The process has as many calls in work and waiting as it takes."""

    code = "service_overloaded"


class Gate:
    """Lets so many calls work at once, so many more wait in the order in which they came, and refuses the rest."""

    def __init__(self, in_work_max: int, waiting_max: int, wait_seconds_max: float) -> None:
        self._in_work_max, self._waiting_max, self._seconds_max = in_work_max, waiting_max, wait_seconds_max
        self._lock = Lock()
        self._in_work = 0
        self._waiting: deque[Event] = deque()

    def enter(self) -> None:
        """Take a place among the calls in work, waiting for it if need be; raises ServiceOverloaded."""
        with self._lock:
            if self._in_work < self._in_work_max:
                self._in_work += 1
                IN_WORK.inc()
                return
            if len(self._waiting) >= self._waiting_max:
                raise self._refusal("full")
            turn = Event()
            self._waiting.append(turn)
        with WAITING.track_inprogress():
            turn.wait(self._seconds_max)
        with self._lock:
            if not turn.is_set():
                self._waiting.remove(turn)
                raise self._refusal("waited")

    def leave(self) -> None:
        """Hand the place on to the call that has waited longest, or give it back."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
                return
            self._in_work -= 1
            IN_WORK.dec()

    def _refusal(self, reason: str) -> ServiceOverloaded:
        REFUSED.labels(reason).inc()
        return ServiceOverloaded(
            f"{self._in_work} calls are in work and {len(self._waiting)} wait, which is all that is taken on at once; "
            "nothing was read: send it again"
        )


class KeyRates:
    """Holds each key to its rate in this process; without a limit, to none."""

    def __init__(self, rate_limit: str | None) -> None:
        self._limits: list[RateLimitItem] = parse_many(rate_limit) if rate_limit else []
        # the storage runs a timer, which is not wanted where nothing is limited
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage()) if self._limits else None

    def spend(self, principal: Principal) -> None:
        """Count a call of a key; raises TooMany."""
        if self._windows is None or principal.key_id is None:
            return
        for limit in self._limits:
            if not self._windows.hit(limit, principal.key_id):
                REFUSED.labels("rate").inc()
                again = max(1, round(self._windows.get_window_stats(limit, principal.key_id).reset_time - time()))
                message = f"this key may ask {limit}; ask again in {again} s"
                raise TooMany(message, retry_after_seconds=again)


def admit_calls(app: Flask, settings: Settings) -> None:
    """Put the gate before every call of an application but those that say how it is."""
    gate = Gate(settings.calls_in_work_max, settings.calls_waiting_max, settings.wait_seconds_max)
    app.extensions[_EXTENSION] = KeyRates(settings.rate_limit)

    def enter() -> None:
        if request.path not in EXEMPT:
            gate.enter()
            g.admitted = True

    def leave(_fault: BaseException | None) -> None:
        if g.pop("admitted", False):
            gate.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def spend(principal: Principal) -> None:
    """Count a call of a key against its rate; raises TooMany."""
    rates: KeyRates = current_app.extensions[_EXTENSION]
    rates.spend(principal)
