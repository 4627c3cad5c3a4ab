"""The machine that figures were taken on, and the memory that processes took."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from pathlib import Path


def described(postgresql: str | None) -> dict[str, str]:
    """Return what should stand beside every figure; ``postgresql`` is the version that was measured."""
    kibibytes = int(_first(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)") or 0)
    return {
        "processor": _first(Path("/proc/cpuinfo"), r"model name\s*: (.*)") or platform.processor() or "unknown",
        "cores": str(os.cpu_count()),
        "memory": f"{kibibytes / 1024**2:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": postgresql or "not measured",
    }


def peak_mebibytes(pid: int) -> float:
    """Return the most memory that a running process and its children have held, each at its own peak; Linux only."""
    peak = _first(Path(f"/proc/{pid}/status"), r"VmHWM:\s*(\d+)")
    return int(peak or 0) / 1024 + sum(peak_mebibytes(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


def _first(path: Path, pattern: str) -> str | None:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1].strip() if found else None
