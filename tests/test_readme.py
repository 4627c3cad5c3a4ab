"""The README does what it says: its tour is run as it stands, its tables are held against the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import commands
from store.settings import Settings
from tests.cli.command import Command, Ended
from tests.played import keys_said, sample, sample_file
from tests.served import serving

__all__ = ["sample", "sample_file"]

README = Path(__file__).parent.parent / "README.md"
ADDRESS = "127.0.0.1:8000"


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        """Remember the name; nothing is set."""
        self.names.add(name)
        return default


def section(title: str) -> str:
    """The text under a heading, with the headings below it."""
    return README.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(title: str) -> set[str]:
    """What stands in the first column of a section's table, between backticks."""
    return set(re.findall(r"^\| `([^`]+)` \|", section(title), re.MULTILINE))


def leaves(group: click.Group, path: str) -> Iterator[str]:
    """Every command under a group, by its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from leaves(found, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_the_table_of_commands_is_the_command_line() -> None:
    assert first_column("Command line") == set(leaves(commands, "tariffbook"))


def test_the_table_of_settings_is_what_is_read_from_the_environment() -> None:
    asked = Asked()
    Settings.from_environment(asked)
    assert first_column("Settings") == asked.names


def test_every_file_that_is_named_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target


def test_every_command_that_the_papers_name_exists() -> None:
    known = set(leaves(commands, "tariffbook"))
    groups = {name.rpartition(" ")[0] for name in known}
    for path in (README, *sorted((README.parent / "docs").glob("*.md"))):
        for words in re.findall(
            r"(?:^|`)(tariffbook(?: [a-z][a-z-]*)+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            named = [" ".join(words.split()[:length]) for length in (2, 3)]
            assert known.intersection(named) or words in groups, f"{path.name}: {words}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is told in curl")
def test_the_tour_can_be_taken_as_it_stands(sample: Command, sample_file: tuple[Path, Ended]) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", section("A five-minute tour"), re.DOTALL)
    assert len(blocks) > 8
    with serving(sample) as served:
        script = "\n".join(["set -euo pipefail", *blocks]).replace(ADDRESS, f"127.0.0.1:{served.port}")
        taken = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=sample.folder,
            env={**os.environ, **keys_said(sample_file[1])},
            capture_output=True,
            timeout=300,
            check=False,
        )
    said = taken.stdout.decode()
    assert taken.returncode == 0, f"{said[-3000:]}\n{taken.stderr.decode()}"
    assert '"code": "price_above_ceiling"' in said
    assert '"accepted":2,"duplicates":1' in said
    assert '"gross": "1102.40"' in said
    assert '"reconciled": true' in said
    assert '"status": "passed"' in said
    assert (sample.folder / "bill.pdf").read_bytes().startswith(b"%PDF-")
    assert (sample.folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert "open" in (sample.folder / "books.beancount").read_text(encoding="utf-8")
