"""Seals: Merkle trees by themselves, sealing from rows to signature, and what it costs those who post meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter

from benchmarks.books import BATCH, CALL, fill, founded_books, open_accounts, opened_books, post_batch, postings
from benchmarks.databases import Place
from benchmarks.figures import RUNS, Figure, Goal, Scale, paired
from ledger.books import Posting
from ledger.merkle import leaf_hash, root
from ledger.seals import seal
from store.settings import Settings
from store.unit import Store

LEAVES = 200_000
RECORD_BYTES = 250
"""What the canonical form of a two-leg transaction takes."""
SEALED_SECONDS_MAX = 120.0


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure trees, sealing end to end, and its cost on posting."""
    figures = [
        _end_to_end(place, scale.of(5000, 80_000)),
        _cost(place, pairs=scale.of(3, 60, 200), size=scale.of(1000, BATCH)),
    ]
    # A tree needs no database: once is enough.
    return [_tree(scale.of(20_000, LEAVES)), *figures] if place.kind == "sqlite" else figures


def founded_to_seal(place: Place) -> Settings:
    """Return the settings of new books with a file for the key that signs, a key for each."""
    settings = founded_books(place)
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    return replace(settings, signing_key_file=str(place.folder / f"{place.kind}-{name}.pem"))


def sealed(store: Store) -> int:
    """Seal all that was posted; return how many transactions these were."""
    return seal(store, CALL).transactions


def _tree(leaves: int) -> Figure:
    records = [number.to_bytes(8, "big") * (RECORD_BYTES // 8) for number in range(leaves)]

    def rate() -> float:
        start = perf_counter()
        root(list(map(leaf_hash, records)))
        return leaves / (perf_counter() - start)

    return Figure(
        "leaves of a Merkle tree, hashed up to the root",
        "none",
        "leaves/s",
        tuple(rate() for _ in range(RUNS)),
        note=f"{leaves:,} leaves of {RECORD_BYTES // 8 * 8} bytes",
        goal=Goal(500_000, 1_000_000, of="value"),
    )


def _end_to_end(place: Place, transactions: int) -> Figure:
    rates = []
    with opened_books(founded_to_seal(place)) as store:
        open_accounts(store, "open")
        sealed(store)
        for run in range(RUNS):
            fill(store, f"run-{run}", transactions)
            start = perf_counter()
            found = sealed(store)
            rates.append(transactions / (perf_counter() - start))
            if found != transactions:
                message = f"{found} of {transactions} transactions were sealed"
                raise RuntimeError(message)
    return Figure(
        "transactions sealed, end to end",
        place.kind,
        "/s",
        tuple(rates),
        note=f"{transactions:,} two-leg transactions a run: read, hashed, signed, committed",
        goal=Goal(50_000, 150_000, of="value"),
    )


def _cost(place: Place, pairs: int, size: int) -> Figure:
    """Post a batch while the one before it is sealed by another process, and post the like to books without seals."""
    with_seals, without = founded_to_seal(place), founded_books(place)
    with opened_books(with_seals) as ours, opened_books(without) as theirs, _sealer(with_seals) as sealer:
        for store in (ours, theirs):
            open_accounts(store, "open")
            post_batch(store, postings("first", range(size)))

        def alone(batch: Sequence[Posting]) -> float:
            return post_batch(theirs, batch)

        def beside(batch: Sequence[Posting]) -> float:
            sealer.send(None)
            seconds = post_batch(ours, batch)
            _await(sealer)
            return seconds

        raw, sealing = (map(post, _batches(pairs, size)) for post in (alone, beside))
        values, baselines = paired(lambda: next(raw), lambda: next(sealing), pairs)
    return Figure(
        "seconds to post a batch while the one before it is sealed",
        place.kind,
        "s",
        values,
        baselines,
        "the same batch posted to books that are not sealed",
        f"{pairs} pairs of batches of {size:,}; another process seals each batch while the next is posted",
        less_is_better=True,
        goal=Goal(1.05, 1.02),
    )


def _batches(number: int, size: int) -> Iterator[list[Posting]]:
    return (postings(f"pair-{pair}", range(size)) for pair in range(number))


@contextmanager
def _sealer(settings: Settings) -> Iterator[Connection]:
    """Yield a line to a process that seals whenever something is sent, and answers how much it was."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_seal_on_demand, args=(settings, theirs))
    process.start()
    theirs.close()
    try:
        _await(ours)
        yield ours
    finally:
        ours.close()
        process.join(SEALED_SECONDS_MAX)


def _seal_on_demand(settings: Settings, line: Connection) -> None:
    with opened_books(settings) as store:
        line.send(sealed(store))
        while True:
            try:
                line.recv()
            except EOFError:
                return
            line.send(sealed(store))


def _await(line: Connection) -> None:
    if not line.poll(SEALED_SECONDS_MAX):
        message = f"the sealer did not answer within {SEALED_SECONDS_MAX:g} s"
        raise RuntimeError(message)
    line.recv()
