"""The documented tour does what it says: its commands are run as they stand, over one of its months."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tour-nycflights.md"
MONTH, DEPARTURES = "2026-04", 484


def test_the_commands_of_the_tour_run_as_they_are_written(tmp_path: Path) -> None:
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environment = {**os.environ, "TARIFFBOOK_TOUR_MONTHS": MONTH}
    ran = subprocess.run(
        ["/bin/bash", "-euc", commands], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{DEPARTURES} accepted, 0 duplicates, 0 conflicts, 0 refused" in ran.stdout
    assert "\npassed\n" in ran.stdout
    assert ran.stdout.endswith("differences: 0\n")
