"""The kernel that posts: single transactions of many callers, large batches, and the bytes that a transaction takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from time import perf_counter

from sqlalchemy import create_engine, make_url, text

from benchmarks import pgbench
from benchmarks.books import (
    ACCOUNTS,
    BATCH,
    CALL,
    fill,
    founded_books,
    open_accounts,
    opened_books,
    post_batch,
    postings,
    used_books,
)
from benchmarks.databases import Place
from benchmarks.figures import RUNS, Figure, Goal, Scale, percentile
from benchmarks.raw_books import copied, inserted, made_plain, raw_batch
from benchmarks.writers import Writers, store_of, writers
from ledger.batches import Outcome, Result, post_each
from ledger.books import Posting
from store.crowd import Crowd
from store.settings import Settings

CALLERS = (8, 64)
WRITERS = {"sqlite": 1, "postgresql": 2}
CROWD = 64
BRANCHES = 64
"""pgbench's tables for as many clients as there may be; with fewer, its clients wait for each other."""
APART = 100_003
"""How far the numbers of one caller are from the next one's: they are not on the same accounts in step."""

_SINGLES = {
    "sqlite": {8: Goal(2, 2.4), 64: Goal(3, 4)},
    "postgresql": {8: Goal(1.0, 1.3), 64: Goal(3, 6)},
}
_IN_TIME = {"sqlite": None, "postgresql": Goal(15, of="value")}
_BATCHES = {
    "sqlite": {False: Goal(0.45, 0.60), True: Goal(0.45, 0.60)},
    "postgresql": {False: Goal(0.45, 0.60), True: Goal(0.6, 0.75)},
}
_BYTES = {"sqlite": Goal(140, 125, of="value"), "postgresql": Goal(420, 380, of="value")}
_KINDS = {False: "spread", True: "hot"}


@dataclass(frozen=True)
class Singles:
    """Callers of one process that post for some seconds, each its next when the last is answered; gives latencies."""

    settings: Settings
    series: str
    callers: int
    seconds: float
    hot: bool

    def ready(self) -> Callable[[], list[float]]:
        """Open the books."""
        store = store_of(self.settings)

        def together(several: Sequence[Posting]) -> list[Outcome]:
            return store.run(CALL, lambda unit: post_each(unit, several))

        crowd = Crowd(together, CROWD)

        def work() -> list[float]:
            until = perf_counter() + self.seconds
            with ThreadPoolExecutor(self.callers) as pool:
                taken = pool.map(lambda caller: self._post_until(until, crowd, caller), range(self.callers))
                return list(chain.from_iterable(taken))

        return work

    def _post_until(self, until: float, crowd: Crowd[Posting, Outcome], caller: int) -> list[float]:
        series, latencies = f"{self.series}-{caller}", []
        for number in count(caller * APART):
            [posting] = postings(series, [number], hot=self.hot)
            start = perf_counter()
            if start >= until:
                break
            outcome = crowd.do(posting)
            latencies.append(perf_counter() - start)
            if outcome.result is not Result.POSTED:
                message = f"a transaction was not posted: {outcome}"
                raise RuntimeError(message)
        return latencies


@dataclass(frozen=True)
class Batches:
    """A process that posts batches, a commit each."""

    settings: Settings
    series: str
    writer: int
    batches: int
    size: int
    hot: bool

    def ready(self) -> Callable[[], float]:
        """Make the batches."""
        store, series = store_of(self.settings), f"{self.series}-{self.writer}"
        made = [
            postings(series, range(first, first + self.size), hot=self.hot)
            for first in range(0, self.batches * self.size, self.size)
        ]
        return lambda: sum(post_batch(store, batch) for batch in made)


@dataclass(frozen=True)
class RawBatches:
    """A process that writes the rows of the like batches to plain tables; numbers go from ``first`` on."""

    kind: str
    url: str
    series: str
    first: int
    batches: int
    size: int
    hot: bool

    def ready(self) -> Callable[[], float]:
        """Make the rows."""
        numbers = range(self.first, self.first + self.batches * self.size)
        made = [
            raw_batch(self.kind, self.series, numbers[start : start + self.size], hot=self.hot)
            for start in range(0, len(numbers), self.size)
        ]
        write = inserted if self.kind == "sqlite" else copied
        return lambda: write(self.url, made)


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure single transactions, batches and bytes, on spread accounts and between the same two."""
    seconds, batches, size = scale.of(1, 3), scale.of(1, 5), scale.of(1000, BATCH)
    settings = used_books(place)
    with writers(1) as process:
        singles = _singles(place, settings, process, seconds)
    with writers(WRITERS[place.kind]) as processes:
        return [
            *singles,
            *chain.from_iterable(_batches(place, settings, processes, batches, size, hot=hot) for hot in (False, True)),
            _bytes(place, scale.of(8000, 10 * BATCH)),
        ]


def _singles(place: Place, settings: Settings, process: Writers, seconds: int) -> list[Figure]:
    """Measure single posts, spread and hot in turn with the baseline, for each number of callers."""
    baseline, against = _baseline(place, seconds)
    figures = []
    for callers in CALLERS:
        raw: list[float] = []
        rates: dict[bool, list[float]] = {False: [], True: []}
        latencies: dict[bool, list[float]] = {False: [], True: []}
        for run in range(RUNS):
            if baseline is not None:
                raw.append(baseline(callers))
            for hot in (False, True):
                series = f"single-{callers}-{_KINDS[hot]}-{run}"
                taken, rate = _post_singly(settings, process, series, callers, seconds, hot=hot)
                rates[hot].append(rate)
                latencies[hot] += taken
        note = f"{callers} callers of one process, {seconds} s a run"
        figures += [
            Figure(
                f"single posts, {callers} callers, {_KINDS[hot]}",
                place.kind,
                "/s",
                tuple(rates[hot]),
                tuple(raw),
                against,
                note,
                goal=_SINGLES[place.kind][callers],
            )
            for hot in (False, True)
        ]
        figures += [_latency(place, callers, latencies[hot], hot=hot) for hot in (False, True)]
        figures.append(
            Figure(
                f"single posts, {callers} callers, hot against spread",
                place.kind,
                "/s",
                tuple(rates[True]),
                tuple(rates[False]),
                "the same on spread accounts",
                note,
                goal=Goal(0.9) if place.kind == "postgresql" else None,
            )
        )
    return figures


def _post_singly(
    settings: Settings,
    process: Writers,
    series: str,
    callers: int,
    seconds: float,
    *,
    hot: bool,
) -> tuple[list[float], float]:
    """Return how long each post took, and how many there were a second."""
    done = process.timed([Singles(settings, series, callers, seconds, hot)])
    [latencies] = done.results
    return latencies, len(latencies) / done.seconds


def _latency(place: Place, callers: int, latencies: Sequence[float], *, hot: bool) -> Figure:
    return Figure(
        f"time of a single post, {callers} callers, {_KINDS[hot]}, p99",
        place.kind,
        "ms",
        (percentile(latencies, 99) * 1000,),
        note=f"{len(latencies):,} posts; p50 {percentile(latencies, 50) * 1000:.1f} ms",
        less_is_better=True,
        goal=_IN_TIME[place.kind],
    )


def _baseline(place: Place, seconds: int) -> tuple[Callable[[int], float] | None, str]:
    """Return what single posts are held against, by the number of callers, and what it is."""
    if place.kind == "sqlite":
        return _transaction_loop(place, seconds), "one thread: a transaction for the rows of each, plain tables"
    program = pgbench.program()
    if program is None:
        return None, "not measured: there is no pgbench beside the server's programs"
    url = place.empty()
    pgbench.prepare(program, url, BRANCHES)
    against = f"pgbench -M prepared, TPC-B, scale {BRANCHES}, as many clients"
    return lambda callers: pgbench.transactions_a_second(program, url, callers, seconds), against


def _transaction_loop(place: Place, seconds: int) -> Callable[[int], float]:
    url, runs, number = made_plain(place), count(), seconds * 1000

    def rate(_callers: int) -> float:
        first = 1 + next(runs) * number
        batches = [raw_batch(place.kind, "single", [each]) for each in range(first, first + number)]
        return number / inserted(url, batches)

    return rate


def _batches(
    place: Place, settings: Settings, processes: Writers, batches: int, size: int, *, hot: bool
) -> list[Figure]:
    """Measure batches against the same rows in plain tables, in turn."""
    kind, writing, url, which = place.kind, range(WRITERS[place.kind]), made_plain(place), _KINDS[hot]
    total = len(writing) * batches * size
    rates, raw = [], []
    for run in range(RUNS):
        first = 1 + run * total
        plain = [
            RawBatches(kind, url, f"{which}-{run}", first + writer * batches * size, batches, size, hot)
            for writer in writing
        ]
        raw.append(total / processes.timed(plain).seconds)
        ours = [Batches(settings, f"batch-{which}-{run}", writer, batches, size, hot) for writer in writing]
        rates.append(total / processes.timed(ours).seconds)
    how = "two executemany" if kind == "sqlite" else "binary COPY"
    return [
        Figure(
            f"two-leg transactions in batches of {size:,}, {which}",
            kind,
            "/s",
            tuple(rates),
            tuple(raw),
            f"{how} of the same rows into plain tables with the same indexes, connections: {len(writing)}",
            f"writers: {len(writing)}, batches of each in a run: {batches}",
            goal=_BATCHES[kind][hot],
        )
    ]


def _bytes(place: Place, transactions: int) -> Figure:
    settings = founded_books(place)
    with opened_books(settings) as store:
        open_accounts(store, "open")
        before = _size(place, settings)
        fill(store, "kernel", transactions)
        grown = _size(place, settings) - before
    return Figure(
        "storage of a two-leg transaction, indexes included",
        place.kind,
        "bytes",
        (grown / transactions,),
        note=f"{transactions:,} transactions posted in batches to 2 × {ACCOUNTS:,} accounts",
        less_is_better=True,
        goal=_BYTES[place.kind],
    )


def _size(place: Place, settings: Settings) -> int:
    """Return the bytes of heads and legs with their indexes; on SQLite of the whole file."""
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        if place.kind == "sqlite":
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).all()
            size = Path(str(make_url(settings.database_url).database)).stat().st_size
        else:
            query = (
                "SELECT pg_total_relation_size('ledger_transaction') + (SELECT sum(pg_total_relation_size(relid)) "
                "FROM pg_partition_tree('ledger_entry') WHERE isleaf)"
            )
            size = int(connection.execute(text(query)).scalar_one())
    engine.dispose()
    return size
