"""Results kept beside the code: one JSON file a benchmark, and a page made of all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import RUNS, Figure

FOLDER = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "RESULTS.md"
_HEAD = ("figure", "database", "median", "raw", "ratio", "reach", "aim", "reached", "how")


def write(name: str, measured: Mapping[str, Any], figures: Iterable[Figure]) -> None:
    """Keep the figures of one benchmark, with when and on what they were ``measured``, and renew the page."""
    document = {"benchmark": name, **measured, "figures": [figure.document() for figure in figures]}
    FOLDER.mkdir(exist_ok=True)
    content = json.dumps(document, ensure_ascii=False, indent=1)
    (FOLDER / f"{name}.json").write_text(f"{content}\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page of all results that are kept."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    return "\n".join([_INTRODUCTION, *(line for document in documents for line in _section(document))])


def table(figures: Sequence[Figure]) -> str:
    """Return figures as lines for a terminal."""
    rows = [_HEAD, *(_row(figure.document()) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    )


def _section(document: Mapping[str, Any]) -> Iterable[str]:
    machine = ", ".join(f"{name} {value}" for name, value in document["machine"].items())
    yield f"\n## {document['benchmark']}\n"
    yield f"Measured {document['measured_on']}; {document['circumstances']}. {machine}.\n"
    yield f"| {' | '.join(_HEAD)} |"
    yield f"|{'---|' * len(_HEAD)}"
    for figure in document["figures"]:
        yield f"| {' | '.join(_row(figure))} |"


def _row(figure: Mapping[str, Any]) -> tuple[str, ...]:
    raw, ratio = figure["baseline_median"], figure["ratio"]
    how = "; ".join(part for part in (figure["note"], figure["against"] and f"raw: {figure['against']}") if part)
    return (
        figure["name"],
        figure["database"],
        f"{_number(figure['median'])} {figure['unit']}",
        "" if raw is None else _number(raw),
        "" if ratio is None else f"{ratio:.2f}",
        *_goal(figure),
        how,
    )


def _goal(figure: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what a figure has to reach, what it aims at, and which of them it has come to."""
    goal = figure.get("goal")
    if goal is None:
        return "", "", ""
    unit = "× raw" if goal["of"] == "ratio" else figure["unit"]
    sign = "≤" if figure["less_is_better"] else "≥"
    reach, aim = ("" if goal[name] is None else f"{sign} {goal[name]:,.10g} {unit}" for name in ("reach", "aim"))
    return reach, aim, figure["reached"] or "not measured"


def _number(value: float) -> str:
    """Return a figure with three digits that count."""
    places = next((places for places, least in ((0, 100), (1, 10), (2, 1)) if abs(value) >= least), 3)
    return f"{value:,.{places}f}"


_INTRODUCTION = f"""# What was measured

`make bench` takes these figures again, on the machine it runs on (`python -m benchmarks NAME --quick`: one of them, in
less time; `--full`: the largest files and books). Each stands beside a raw baseline that was taken in the same run, the
two in turn: the same rows written by the driver alone, without judgement, books, triggers or second indexes, unless its
line says otherwise. A figure is the median of {RUNS} runs or more, and so is a ratio. Where a figure has a goal, its
line says what it has to reach, what the best should show, and which of the two it has come to. PostgreSQL is durable
(`fsync` on), SQLite `synchronous=FULL`; everything goes through 127.0.0.1. The load generator runs on the same cores as
the service.

What is better when small: seconds, milliseconds, MiB, and × (cost late ÷ cost early, where 1 means that history costs
nothing)."""
