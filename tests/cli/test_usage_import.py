"""Importing usage from files: every form reads alike, nothing counts twice, what is refused is told."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from cli import usage_import
from cli.usage_files import ImportUnreadable
from cli.usage_import import usage
from metering import intake
from store.settings import Settings
from tests.web.usage_story import AT_START, Story
from tests.world import World


@pytest.fixture
def story(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A jurisdiction in which one contract is in force, and the environment of a command on its database."""
    monkeypatch.setenv("TARIFFBOOK_DATABASE_URL", settings.database_url)
    return Story(world)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(usage, ["import", "--operator", "operator", *map(str, arguments)], catch_exceptions=False)


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def listed(story: Story) -> dict[tuple[str, str], str]:
    items: list[Any] = story.world.operator.seen("/usage-events", limit=1000)["items"]
    return {(item["source"], item["id"]): item["quantity"] for item in items}


def rows_of(story: Story, count: int) -> list[tuple[str, str, str, str, str]]:
    contract = story.contracts["contract"]
    return [(f"e{number}", AT_START, contract, "offering", "1.5") for number in range(count)]


COLUMNS = ("id", "time", "subject", "offering", "quantity")


def test_csv_whose_columns_are_named_as_attributes_needs_no_mapping(story: Story, tmp_path: Path) -> None:
    result = run(write_csv(tmp_path / "use.csv", COLUMNS, rows_of(story, 3)))
    assert (result.exit_code, result.stdout.strip()) == (0, "3 accepted, 0 duplicates, 0 conflicts, 0 refused")
    assert listed(story) == {("use.csv", f"e{number}"): "1.5" for number in range(3)}
    assert [path.name for path in tmp_path.glob("use.csv*")] == ["use.csv"]


def test_columns_are_mapped_and_constants_set(story: Story, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "calls.csv", ("ref", "at"), [("a", AT_START), ("b", AT_START)])
    options = ("--map", "id=ref", "--map", "time=at", "--set", "quantity=2", "--set", "offering=offering")
    constants = ("--set", f"subject={story.contracts['contract']}", "--set", "source=gateway/1")
    assert run(path, *options, *constants).exit_code == 0
    assert listed(story) == {("gateway/1", "a"): "2", ("gateway/1", "b"): "2"}


def test_without_an_id_the_number_of_the_row_is_the_id(story: Story, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "use.csv", COLUMNS[1:], [row[1:] for row in rows_of(story, 2)])
    assert run(path).exit_code == 0
    assert run(path).stdout.strip() == "0 accepted, 2 duplicates, 0 conflicts, 0 refused"
    assert listed(story) == {("use.csv", "1"): "1.5", ("use.csv", "2"): "1.5"}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_row_that_names_another_event_takes_it_back(story: Story, tmp_path: Path, ending: str) -> None:
    contract, path = story.contracts["contract"], tmp_path / f"use.{ending}"
    rows = [("a", "", ""), ("b", "", ""), ("back", "a", ""), ("again", "b", f"use.{ending}")]
    whole = [(name, AT_START, contract, "offering", "1.5", *named) for name, *named in rows]
    columns = (*COLUMNS, "taken_back", "reversessource")
    if ending == "csv":
        write_csv(path, columns, whole)
    else:
        nulls = [[value or None for value in row] for row in whole]
        pq.write_table(pa.table(dict(zip(columns, zip(*nulls, strict=True), strict=True))), path)
    result = run(path, "--map", "reversesid=taken_back")
    assert (result.exit_code, result.stdout.strip()) == (0, "4 accepted, 0 duplicates, 0 conflicts, 0 refused")
    assert story.world.operator.seen("/usage", contract=contract, offering="offering")["accepted"] == "0"


def test_json_lines_hold_whole_events_or_flat_members(story: Story, tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    whole.write_text("\n".join(json.dumps(story.event({"id": name, "tenant": "t"})) for name in "ab") + "\n\n")
    assert run(whole).exit_code == 0
    flat = tmp_path / "flat.ndjson"
    row = f'"time": "{AT_START}", "subject": "{story.contracts["contract"]}", "offering": "offering"'
    flat.write_text(f'{{"id": 7, "quantity": 0.1, {row}}}\n\n{{"id": 8, "quantity": 30, {row}}}\n')
    assert run(flat).exit_code == 0
    assert listed(story) == {
        ("gateway", "a"): "1",
        ("gateway", "b"): "1",
        ("flat.ndjson", "7"): "0.1",
        ("flat.ndjson", "8"): "30",
    }


@pytest.mark.parametrize(
    ("quantities", "kind"),
    [
        ([Decimal("0.1"), Decimal("2.5")], pa.decimal128(12, 6)),
        ([0.1, 2.5], pa.float64()),
        (["0.1", "2.5"], pa.dictionary(pa.int32(), pa.string())),
    ],
)
def test_parquet_columns_are_read_exactly(
    story: Story, tmp_path: Path, quantities: list[Any], kind: pa.DataType
) -> None:
    at = datetime(2025, 2, 28, 16, 0, 0, 250_000, tzinfo=UTC)
    columns = {
        "id": pa.array([1, 2], pa.int64()),
        "time": pa.array([at, at], pa.timestamp("ns", tz="Asia/Shanghai")),
        "subject": pa.array([story.contracts["contract"]] * 2),
        "offering": pa.array(["offering"] * 2),
        "quantity": pa.array(quantities, kind),
    }
    pq.write_table(pa.table(columns), tmp_path / "use.parquet", row_group_size=1)
    assert run(tmp_path / "use.parquet").exit_code == 0
    assert listed(story) == {("use.parquet", "1"): "0.1", ("use.parquet", "2"): "2.5"}
    [first, _] = story.world.operator.seen("/usage-events")["items"]
    assert first["time"] == "2025-03-01T00:00:00.250000+08:00"


def test_parquet_instants_without_a_zone_are_refused(story: Story, tmp_path: Path) -> None:
    at = pa.array([datetime(2025, 3, 1)], pa.timestamp("us"))  # noqa: DTZ001 - that is the point
    pq.write_table(pa.table({"time": at}), tmp_path / "use.parquet")
    constants = ("--set", "quantity=1", "--set", "offering=o", "--set", "subject=c")
    assert run(tmp_path / "use.parquet", *constants).exit_code == 1
    [line] = (tmp_path / "use.parquet.refused.jsonl").read_text().splitlines()
    assert json.loads(line)["code"] == "instant_without_offset"


def test_what_is_refused_is_written_down_with_its_row_and_reason(story: Story, tmp_path: Path) -> None:
    rows = rows_of(story, 3)
    rows[1] = ("e1", AT_START, "ctr_none", "offering", "1")
    rows.append(("e0", AT_START, story.contracts["contract"], "offering", "9"))
    path = write_csv(tmp_path / "use.csv", COLUMNS, [*rows, ("short",)])
    result = run(path)
    assert (result.exit_code, result.stdout.strip()) == (1, "2 accepted, 0 duplicates, 1 conflicts, 2 refused")
    lines = [json.loads(line) for line in (tmp_path / "use.csv.refused.jsonl").read_text().splitlines()]
    told = [(line["row"], line["status"], line["code"], line["event"]["id"]) for line in lines]
    assert told == [
        (2, "refused", "contract_unknown", "e1"),
        (4, "conflict", "key_conflict", "e0"),
        (5, "refused", "malformed_event", "short"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--map", "id=nothing"), "no column 'nothing'"),
        ((), "quantity is neither mapped nor set"),
        (("--map", "colour=time"), "colour=time"),
        (("--map", "id"), "--map id"),
        (("--map", "id=time", "--set", "id=1"), "both --map and --set name id"),
    ],
)
def test_a_mapping_that_does_not_fit_is_said_before_anything_is_counted(
    story: Story, tmp_path: Path, arguments: Sequence[str], said: str
) -> None:
    path = write_csv(tmp_path / "use.csv", COLUMNS[:-1], [row[:-1] for row in rows_of(story, 1)])
    result = CliRunner().invoke(usage, ["import", "--operator", "operator", str(path), *arguments])
    assert result.exit_code != 0
    assert said in (result.exception.detail if isinstance(result.exception, ImportUnreadable) else result.stderr)
    assert listed(story) == {}


def test_a_file_of_another_kind_or_operator_is_refused(story: Story, tmp_path: Path) -> None:
    (tmp_path / "use.parquet").write_text("no")
    (tmp_path / "use.xls").write_text("no")
    for name in ("use.parquet", "use.xls"):
        with pytest.raises(ImportUnreadable):
            run(tmp_path / name)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([["a"], ["b"]]), "column 'id' (list<element: string>), rows 1 to 2"),
        (pa.array([{"a": 1}, {"a": 2}]), "column 'id' (struct<a: int64>), rows 1 to 2"),
        (pa.array([b"a", b"\xff"]), "column 'id' (binary), rows 1 to 2"),
    ],
)
def test_a_parquet_column_that_is_no_text_is_named(
    story: Story, tmp_path: Path, column: pa.Array[Any], said: str
) -> None:
    path = tmp_path / "use.parquet"
    others = zip(COLUMNS[1:], zip(*(row[1:] for row in rows_of(story, 2)), strict=True), strict=True)
    pq.write_table(pa.table({"id": column, **{name: pa.array(values) for name, values in others}}), path)
    with pytest.raises(ImportUnreadable) as refused:
        run(path)
    assert str(path) in refused.value.detail
    assert said in refused.value.detail
    assert [found.name for found in tmp_path.glob("use.parquet*")] == ["use.parquet"]


def test_a_parquet_page_that_is_damaged_is_told_with_the_rows_before_it(story: Story, tmp_path: Path) -> None:
    path = tmp_path / "use.parquet"
    columns = zip(COLUMNS, zip(*rows_of(story, 2), strict=True), strict=True)
    table = pa.table({name: pa.array(values) for name, values in columns})
    pq.write_table(table, path, row_group_size=1, use_dictionary=False)
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    begin = chunk.data_page_offset
    content[begin : begin + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)
    with pytest.raises(ImportUnreadable, match=r"use\.parquet, after row [01]: "):
        run(path)
    assert not (tmp_path / "use.parquet.refused.jsonl").exists()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_that_is_there_twice_could_be_either_and_is_named(story: Story, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"use.{ending}"
    rows = [(*row, "2") for row in rows_of(story, 2)]
    if ending == "csv":
        write_csv(path, (*COLUMNS, "quantity"), rows)
    else:
        values = [pa.array(column) for column in zip(*rows, strict=True)]
        pq.write_table(pa.Table.from_arrays(values, names=[*COLUMNS, "quantity"]), path)
    with pytest.raises(ImportUnreadable, match="'quantity' are there more than once"):
        run(path)
    assert listed(story) == {}
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith("use.")] == [path.name]


def test_an_import_that_failed_half_way_goes_on_where_it_was(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_import, "BATCH_EVENTS", 2)
    rows: list[Sequence[str]] = [*rows_of(story, 4), ("bad", "", "", "", ""), *rows_of(story, 6)[4:]]
    path = write_csv(tmp_path / "use.csv", COLUMNS, rows)
    taken = intake.take_events
    sizes: list[int] = []

    def fail_at_the_third(*given: Any) -> Any:
        sizes.append(len(given[2]))
        if len(sizes) == 3:
            taken(*given)
            raise OSError("killed")
        return taken(*given)

    monkeypatch.setattr(usage_import, "take_events", fail_at_the_third)
    with pytest.raises(OSError, match="killed"):
        run(path)
    assert run(path).stdout.strip() == "6 accepted, 0 duplicates, 0 conflicts, 1 refused"
    assert sizes == [2, 2, 2, 2, 1]
    assert len((tmp_path / "use.csv.refused.jsonl").read_text().splitlines()) == 1
    assert len(listed(story)) == 6


def test_a_file_that_changed_is_read_from_its_beginning(story: Story, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "use.csv", COLUMNS, rows_of(story, 2))
    (tmp_path / "use.csv.progress.json").write_text('{"made_for": {}, "rows": 2, "refused_bytes": 0, "counts": {}}')
    assert run(path).stdout.strip() == "2 accepted, 0 duplicates, 0 conflicts, 0 refused"


def test_an_import_killed_at_any_moment_and_started_again_counts_each_row_once(
    story: Story, settings: Settings, tmp_path: Path
) -> None:
    count = 25_000
    contract = story.contracts["contract"]
    rows = [(f"e{number}", AT_START, contract, "offering", "1") for number in range(count)]
    path = write_csv(tmp_path / "use.csv", COLUMNS, rows)
    command = [sys.executable, "-c", "from cli.usage_import import usage; usage()", "import"]
    command += ["--operator", "operator", str(path)]
    environment = {**os.environ, "TARIFFBOOK_DATABASE_URL": settings.database_url}
    for batches in (1, 3):
        process = subprocess.Popen(command, env=environment)
        wait_for_rows(tmp_path / "use.csv.progress.json", batches * usage_import.BATCH_EVENTS)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    seen = story.world.operator.seen("/usage", contract=contract, offering="offering")
    assert (seen["accepted"], seen["unbilled"]) == (str(count), str(count))


def wait_for_rows(progress: Path, rows: int) -> None:
    """Wait until an import says that it has done so many rows."""
    deadline = time.monotonic() + 60
    while not progress.exists() or json.loads(progress.read_bytes())["rows"] < rows:
        assert time.monotonic() < deadline
        time.sleep(0.001)
