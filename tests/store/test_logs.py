"""Faults in the log."""

from __future__ import annotations

import json

import pytest
import structlog

from store.logs import write_json_lines


def test_a_fault_is_one_json_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    write_json_lines()
    structlog.get_logger().error("fault", request_id="r-1", exc_info=ValueError("broken"))
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["request_id"]) == ("fault", "error", "r-1")
    assert "ValueError: broken" in line["exception"]
