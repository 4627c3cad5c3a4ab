"""Operating costs in accounts of their own: entered once, conserved, reversed, refused with field and value."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import Workbook
from werkzeug.test import TestResponse

from cli.costs import costs as costs_command
from store.settings import Settings
from tests.client import BASE, Client
from tests.web.flow_story import require_sound_books
from tests.world import World

COSTS = "/operating-costs"
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADINGS = ("month", "head", "use", "amount", "document_no", "line", "text", "product", "offering", "occurred_on")


def item(document_no: str = "V-1", line: int | None = 1, **given: Any) -> dict[str, Any]:
    body = {
        "month": "2025-03",
        "head": "platform",
        "use": "commercial",
        "amount": "1000.00",
        "document_no": document_no,
        "text": "Servers",
        "occurred_on": "2025-03-01",
    }
    return {**body, **({} if line is None else {"line": line}), **given}


def booked(world: World) -> dict[str, str]:
    """The balances of the cost accounts and of the clearing account, by kind and normal side."""
    rows = world.operator.seen("/ledger/trial-balance", operator="operator")["items"]
    return {row["kind"]: row["balance"] for row in rows if "cost" in row["kind"]}


def sent(client: Client, content: bytes, content_type: str = CSV, key: str = "k", query: str = "") -> TestResponse:
    headers = {"Authorization": f"Bearer {client.key}", "Idempotency-Key": key}
    options: dict[str, Any] = {"data": content, "content_type": content_type}
    if content_type == "multipart/form-data":
        options["data"] = {"file": (io.BytesIO(content), "costs.csv", CSV)}
    return client.app.test_client().post(f"{BASE}{COSTS}/import{query}", headers=headers, **options)


def csv_of(*rows: dict[str, Any]) -> bytes:
    lines = [",".join(str(row.get(name) or "") for name in HEADINGS) for row in rows]
    return "\r\n".join([",".join(HEADINGS), *lines]).encode("utf-8-sig")


def test_items_are_booked_by_head_and_use_and_conserved(world: World) -> None:
    world.priced()
    world.offering("welfare", "public_welfare")
    items = [
        item(line=None),
        item(line=None, head="personnel", amount="500.01", product="product"),
        item(line=None, head="period_expense", amount="0.01", offering="offering"),
        item(line=None, use="public_interest", amount="200.00", offering="welfare"),
    ]
    made = world.operator.made(COSTS, {"items": items})["items"]
    assert [row["line"] for row in made] == [1, 2, 3, 4]
    assert (made[1]["product"], made[3]["offering"], made[0]["status"]) == ("product", "welfare", "recorded")
    assert booked(world) == {
        "cost_platform_commercial": "1000.00",
        "cost_personnel_commercial": "500.01",
        "cost_period_expense_commercial": "0.01",
        "cost_platform_public_interest": "200.00",
        "accrued_operating_cost": "1700.02",
    }
    again = world.operator.made(COSTS, {"items": items})["items"]
    assert [row["id"] for row in again] == [row["id"] for row in made]
    assert booked(world)["accrued_operating_cost"] == "1700.02"
    for query, found in (({"use": "public_interest"}, 1), ({"head": "platform"}, 2), ({"month": "2025-02"}, 0)):
        assert len(world.regulator.seen(COSTS, operator="operator", **query)["items"]) == found
    assert world.regulator.seen(COSTS, offering="welfare")["items"][0]["id"] == made[3]["id"]
    (entry,) = world.auditor.seen("/ledger/transactions", account=made[1]["account"])["items"]
    assert entry["document"] == made[1]["id"]
    require_sound_books(world)


def test_an_item_is_taken_back_by_a_reversal_and_its_line_entered_anew(world: World) -> None:
    first = world.operator.made(COSTS, {"items": [item()]})["items"][0]
    wrong = world.operator.refused(COSTS, {"items": [item(amount="900.00")]}, 409, "cost_conflict")
    assert (wrong["cost"], list(wrong["errors"])) == (first["id"], ["items.0.line"])
    path = f"{COSTS}/{first['id']}/reverse"
    taken = world.operator.made(path, {"reason": "Typed wrongly"}, 200)
    assert (taken["status"], taken["reversal"]["reason"]) == ("reversed", "Typed wrongly")
    assert booked(world) == {"cost_platform_commercial": "0.00", "accrued_operating_cost": "0.00"}
    world.operator.refused(path, {"reason": "Again"}, 409, "cost_reversed")
    assert world.operator.made(COSTS, {"items": [item()]})["items"][0]["id"] == first["id"]
    second = world.operator.made(COSTS, {"items": [item(amount="900.00")]})["items"][0]
    assert (second["line"], second["status"]) == (1, "recorded")
    assert booked(world)["accrued_operating_cost"] == "900.00"


def test_a_cost_of_a_closed_month_is_booked_on_the_first_open_day(world: World) -> None:
    world.clock("2025-04-10")
    world.operator.made("/ledger/periods", {"operator": "operator", "month": "2025-03"})
    made = world.operator.made(COSTS, {"items": [item()]})["items"][0]
    (entry,) = world.auditor.seen("/ledger/transactions", account=made["account"])["items"]
    assert entry["effective_on"] == "2025-04-01"
    assert {leg["service_month"] for leg in entry["entries"]} == {"2025-03"}


def test_what_is_no_cost_of_the_operation_is_refused_with_field_and_value(
    world: World, subtests: pytest.Subtests
) -> None:
    world.priced()
    world.offering("welfare", "public_welfare")
    cases: list[tuple[dict[str, Any], int, str, str, str]] = [
        ({"amount": "-1.00"}, 422, "operating_cost_invalid", "amount", "-1.00"),
        ({"amount": "0.00"}, 422, "operating_cost_invalid", "amount", "0.00"),
        ({"head": "canteen"}, 400, "malformed", "head", "canteen"),
        ({"use": "charity"}, 400, "malformed", "use", "charity"),
        ({"amount": 5}, 400, "malformed", "amount", "5"),
        ({"month": "2025-04"}, 422, "cost_month_outside", "month", "2025-04"),
        ({"month": "2019-12"}, 422, "cost_month_outside", "month", "2019-12"),
        ({"occurred_on": "2025-03-02"}, 422, "day_in_the_future", "occurred_on", "2025-03-02"),
        ({"offering": "welfare"}, 422, "cost_use_mismatch", "use", "commercial"),
        ({"offering": "offering", "use": "public_interest"}, 422, "cost_use_mismatch", "use", "public_interest"),
        ({"offering": "nothing"}, 404, "not_found", "offering", "nothing"),
    ]
    for given, status, code, field, value in cases:
        with subtests.test(code, given=given):
            problem = world.operator.refused(COSTS, {"items": [item(), item(line=2, **given)]}, status, code)
            assert value in problem["errors"][f"items.1.{field}"][0]
    assert world.operator.seen(COSTS)["items"] == []
    two = {"items": [item(amount="-1.00"), item(line=2, month="2030-01")]}
    assert set(world.operator.refused(COSTS, two, 422, "operating_cost_invalid")["errors"]) == {
        "items.0.amount",
        "items.1.month",
    }


def test_a_file_is_entered_whole_or_not_at_all_and_once(world: World) -> None:
    good, bad = item(), item(line=2, amount="-5.00")
    refused = sent(world.operator, csv_of(good, bad, item(line=3, head="canteen")), key="one")
    assert (refused.status_code, refused.json["code"]) == (422, "cost_import_refused")  # type: ignore[index]
    assert set(refused.json["errors"]) == {"rows.2.amount", "rows.3.head"}  # type: ignore[index]
    assert [(row["row"], row["code"]) for row in refused.json["results"]] == [  # type: ignore[index]
        (2, "operating_cost_invalid"),
        (3, "malformed"),
    ]
    assert world.operator.seen(COSTS)["items"] == []
    skipped = sent(world.operator, csv_of(good, bad), key="two", query="?refused=skip").json
    assert skipped is not None
    assert [row["status"] for row in skipped["results"]] == ["accepted", "refused"]
    again = sent(world.operator, csv_of(good), "multipart/form-data", key="three").json
    assert again is not None
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    assert sent(world.operator, csv_of(good), key="three").headers["Idempotent-Replayed"] == "true"
    for content, media_type, status in (
        (b"month\r\n", CSV, 400),
        (b"\xff\xfe", CSV, 400),
        (b"PK", XLSX, 400),
        (csv_of(good), "application/json", 415),
    ):
        assert (
            sent(world.operator, content, media_type, key=f"{media_type}{status}{content[:3]!r}").status_code == status
        )


def test_a_workbook_is_read_exactly_by_its_chinese_headings(world: World) -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["服务月", "成本项目", "用途", "金额", "凭证号", "摘要", "发生日期"])
    sheet.append(["2025-02", "platform", "commercial", 1234.56, 1001, "云服务器", "2025-02-28"])
    sheet.append(["2025-02", "personnel", "commercial", 0.1 + 0.2, 1001, "工资", "2025-02-28"])
    content = io.BytesIO()
    book.save(content)
    assert sent(world.operator, content.getvalue(), XLSX).status_code == 201
    rows = world.operator.seen(COSTS)["items"]
    assert [(row["amount"], row["document_no"], row["line"]) for row in rows] == [
        ("1234.56", "1001", 1),
        ("0.30", "1001", 2),
    ]


def test_the_command_imports_files_and_tells_each_row_that_is_refused(
    world: World, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARIFFBOOK_DATABASE_URL", settings.database_url)
    right, wrong = tmp_path / "right.csv", tmp_path / "wrong.csv"
    right.write_bytes(csv_of(item(), item(line=2, amount="2.00")))
    wrong.write_bytes(csv_of(item("V-2"), item("V-2", 2, amount="-5.00")))
    done = CliRunner().invoke(costs_command, ["import", str(right), str(wrong), "--operator", "operator"])
    assert done.exit_code == 1
    assert "2 accepted, 0 duplicates, 0 refused" in done.output
    assert "row 2: operating_cost_invalid: amount: -5.00 is not above zero" in done.output
    assert [row["document_no"] for row in world.operator.seen(COSTS)["items"]] == ["V-1", "V-1"]


def _packed(book: Workbook, part: str | None = None, content: bytes = b"") -> bytes:
    """A workbook as bytes, one of its parts replaced."""
    written = io.BytesIO()
    book.save(written)
    if part is None:
        return written.getvalue()
    packed = io.BytesIO()
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("part", "content", "status"),
    [
        ("xl/worksheets/sheet1.xml", b"<a>" * 1_000_000, 413),
        ("xl/worksheets/sheet1.xml", b"<a>" + b"<b/>" * 1_100_000 + b"</a>", 413),
        ("xl/worksheets/sheet1.xml", b"<a>" + b" " * 33 * 1024 * 1024 + b"</a>", 413),
        ("xl/worksheets/sheet1.xml", b"<a><b></a>", 400),
    ],
    ids=["deep", "many elements", "large", "no XML"],
)
def test_a_workbook_that_would_cost_much_to_read_is_refused_before_it_is(
    world: World, part: str, content: bytes, status: int
) -> None:
    assert sent(world.operator, _packed(Workbook(), part, content), XLSX).status_code == status


def test_cells_far_to_the_right_and_rows_far_below_cost_nothing(world: World) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet["A1"], sheet["XFD2"], sheet["A1048576"] = "month", "x", "y"
    answer = sent(world.operator, _packed(book), XLSX)
    assert (answer.status_code, (answer.json or {})["code"]) == (400, "file_unreadable")


def test_a_cell_under_no_heading_is_refused_and_not_lost(world: World) -> None:
    row = csv_of(item()).replace(b"\r\n", b"\n").rstrip(b"\n") + b", and more\n"
    answer = sent(world.operator, row)
    assert answer.status_code == 422
    assert "stands under no heading" in answer.text
    many = sent(world.operator, b"a," * 100_000, key="many")
    assert (many.status_code, len(many.data) < 5_000) == (400, True)
