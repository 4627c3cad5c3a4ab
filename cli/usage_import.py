"""``tariffbook usage import``: events from files, counted through the same use case as the API's.

An import can be stopped at any moment, killed even, and started again: keys are unique, so nothing counts twice, and
a file beside the input says how far it had come.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec
from tqdm import tqdm

from cli.terminal import call, opened
from cli.usage_files import ATTRIBUTES, ColumnMapping, Numbered, UsageFile, open_usage_file
from metering.events import Status, Verdict
from metering.intake import count_by_status, take_events
from registry.lookup import party_of_kind
from store.unit import Store

BATCH_EVENTS: Final = 5_000
_COUNTED: Final = (Status.ACCEPTED, Status.DUPLICATE)


@dataclass
class Progress:
    """How far an import has come: rows done, what became of their events, and how long the file of refusals is.

    It is good for the file and the options it was made with only.
    """

    made_for: dict[str, Any]
    rows: int = 0
    refused_bytes: int = 0
    counts: dict[str, int] = field(default_factory=dict)


@click.group()
def usage() -> None:
    """Use of data products."""


@usage.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
)
@click.option("--operator", required=True, metavar="CODE", help="The operator whose use it is.")
@click.option("--map", "maps", multiple=True, metavar="ATTRIBUTE=COLUMN", help="The column an attribute stands in.")
@click.option("--set", "constants", multiple=True, metavar="ATTRIBUTE=VALUE", help="What an attribute is in all rows.")
def import_usage(files: Sequence[Path], operator: str, maps: Sequence[str], constants: Sequence[str]) -> None:
    """Count the usage events in FILES: CSV (.csv), JSON Lines (.jsonl, .ndjson) or Parquet (.parquet).

    An event has the attributes id, source, type, time, subject (the id of the contract), offering and quantity. Each
    is taken from the column of its own name unless --map names another or --set gives one value for all rows. Without
    any of these, the id is the number of the row, the source the name of the file, and the type "usage". A line of
    JSON Lines may also be a whole CloudEvents event. A row takes another event back where reversesid names that one's
    id (and reversessource its source, where it is another); these two may be left empty.

    What is refused goes to FILE.refused.jsonl with the reason, and the exit code is then 1. An import that was
    stopped goes on where it was; what was counted before is a duplicate and counts no more.
    """
    mapping = ColumnMapping(_pairs(maps, "--map"), _pairs(constants, "--set"))
    both = sorted(mapping.columns.keys() & mapping.constants.keys())
    if both:
        raise click.UsageError(f"both --map and --set name {', '.join(both)}: give one of them")
    with opened() as store:
        with store.reading(call("usage import")) as unit:
            operator_id = party_of_kind(unit, operator, "operator", "operator").id
        counts: Counter[str] = Counter()
        for path in files:
            counts.update(import_file(store, operator_id, path, mapping))
    click.echo(_summary(counts))
    if counts["conflicts"] or counts["refused"]:
        sys.exit(1)


def import_file(store: Store, operator_id: str, path: Path, mapping: ColumnMapping) -> dict[str, int]:
    """Count the events of a file, from where an earlier import of it stopped; return what became of them.

    Raises ImportUnreadable.
    """
    source = open_usage_file(path)
    progress = _resumed(path, operator_id, mapping)
    refused_path = _beside(path, "refused.jsonl")
    try:
        with refused_path.open("r+b" if progress.refused_bytes else "wb") as refused:
            refused.truncate(progress.refused_bytes)
            refused.seek(progress.refused_bytes)
            with _bar(path, source) as bar:
                for batch in _batches(source.events(mapping, progress.rows)):
                    _count(store, operator_id, batch, progress, refused)
                    _save(path, progress)
                    bar.update(source.place - bar.n)
    finally:
        if not progress.refused_bytes:
            refused_path.unlink()
    _beside(path, "progress.json").unlink(missing_ok=True)
    return progress.counts


def _count(store: Store, operator_id: str, batch: Sequence[Numbered], progress: Progress, refused: BinaryIO) -> None:
    events = [event for _, event in batch]
    verdicts = store.run(
        call("usage import", "operator", operator_id), lambda unit: take_events(unit, operator_id, events)
    )
    refused.writelines(_refused_lines(batch, verdicts))
    refused.flush()
    progress.refused_bytes = refused.tell()
    progress.rows = batch[-1][0]
    progress.counts = dict(Counter(progress.counts) + Counter(count_by_status(verdicts)))


def _refused_lines(batch: Sequence[Numbered], verdicts: Sequence[Verdict]) -> Iterator[bytes]:
    for (number, event), verdict in zip(batch, verdicts, strict=True):
        if verdict.status not in _COUNTED:
            why = {"row": number, "status": verdict.status, "code": verdict.code, "detail": verdict.detail}
            yield msgspec.json.encode({**why, "event": event.document}) + b"\n"


def _batches(events: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    rows = iter(events)
    return iter(lambda: list(islice(rows, BATCH_EVENTS)), [])


def _resumed(path: Path, operator_id: str, mapping: ColumnMapping) -> Progress:
    """Return how far an earlier import of this very file with these options came; else a new beginning."""
    state = path.stat()
    options = {"columns": dict(mapping.columns), "constants": dict(mapping.constants)}
    made_for = {"bytes": state.st_size, "changed_ns": state.st_mtime_ns, "operator": operator_id, **options}
    try:
        kept = msgspec.json.decode(_beside(path, "progress.json").read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError):
        return Progress(made_for)
    refused = _beside(path, "refused.jsonl")
    whole = not kept.refused_bytes or (refused.exists() and refused.stat().st_size >= kept.refused_bytes)
    return kept if kept.made_for == made_for and whole else Progress(made_for)


def _save(path: Path, progress: Progress) -> None:
    """Write how far the import has come, whole or not at all."""
    target = _beside(path, "progress.json")
    written = _beside(path, "progress.json.new")
    written.write_bytes(msgspec.json.encode(progress))
    written.replace(target)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _bar(path: Path, source: UsageFile) -> tqdm[Any]:
    make = partial(tqdm, total=source.total, desc=path.name, unit=source.unit, unit_scale=True)
    return make(disable=None)


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if name not in ATTRIBUTES or not equals or name in pairs:
            raise click.UsageError(f"{option} {text}: write ATTRIBUTE=…, each once, of {', '.join(ATTRIBUTES)}")
        pairs[name] = value
    return pairs


def _summary(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in ("accepted", "duplicates", "conflicts", "refused"))
