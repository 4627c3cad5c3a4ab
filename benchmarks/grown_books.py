"""One more batch after millions of transactions, against the same batch in books that are all but empty."""

from __future__ import annotations

from benchmarks.books import fill, founded_books, open_accounts, opened_books, post_batch, postings
from benchmarks.databases import Place
from benchmarks.figures import Figure, Goal, Scale, paired

BATCH = 1000


def one_more_batch(place: Place, scale: Scale) -> Figure:
    """Measure batches posted in turn to large and to new books with the same accounts."""
    behind, pairs = scale.of(10_000, 1_000_000, 10_000_000), scale.of(3, 100, 200)
    with opened_books(founded_books(place)) as large, opened_books(founded_books(place)) as new:
        for store in (large, new):
            open_accounts(store, "open")
        fill(large, "history", behind)
        into_new = (post_batch(new, postings(f"pair-{pair}", range(BATCH))) for pair in range(pairs))
        into_large = (post_batch(large, postings(f"pair-{pair}", range(BATCH))) for pair in range(pairs))
        values, baselines = paired(lambda: next(into_new), lambda: next(into_large), pairs)
    return Figure(
        f"seconds to post one more batch after {behind:,} transactions",
        place.kind,
        "s",
        values,
        baselines,
        "the same batch in empty books",
        f"{pairs} pairs of batches of {BATCH:,}",
        less_is_better=True,
        goal=Goal(1.2, 1.05),
    )
