"""A story: steps written in YAML, each a call of the API by a party at an instant, and how they are read.

A file holds ``steps``. Each says ``as`` whom (a role and, but for an administrator, a party's code), what to ``do``,
``on`` what, ``with`` what body, and may ``keep`` the answer under a name for later steps (``$name.member``). ``each``
holds several bodies, ``on_each`` bodies by what they are done on. ``at`` moves the sandbox's clock; without it a step
follows the one before at once. ``refused`` names the code of the refusal that the step is there to show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

_FIELDS = frozenset({"at", "as", "do", "on", "with", "each", "on_each", "keep", "refused"})


class _TextLoader(yaml.SafeLoader):
    """Plain text stays text, so that dates and decimal numbers are as on the wire, and ``on`` is a word."""


_TextLoader.yaml_implicit_resolvers = {"~": [("tag:yaml.org,2002:null", re.compile("^~$"))]}
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^null$"), ["n"])
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), ["t", "f"])
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[0-9]+$"), list("0123456789"))
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("^<<$"), ["<"])


class StoryBroken(Exception):
    """A story that cannot be read or played as it is written."""


@dataclass(frozen=True)
class Step:
    """One call of the API: by whom, what, on what, with what. ``key`` names it for good, also when played again."""

    key: str
    at: datetime
    role: str
    party: str | None
    do: str
    on: str | None = None
    body: Any = None
    keep: str | None = None
    refused: str | None = None


def read_yaml(path: Path) -> Any:
    """Return what a file of a story says, with dates and decimal numbers as text."""
    return yaml.load(path.read_text(encoding="utf-8"), _TextLoader)  # noqa: S506 - a child of the safe loader


def read_steps(folder: Path) -> list[Step]:
    """Return the steps of a folder's files in the order of their instants; those of one instant as they are written.

    Files that hold no ``steps`` are something else's to read.
    """
    steps: list[Step] = []
    for path in sorted(folder.glob("*.yaml")):
        written = read_yaml(path).get("steps", [])
        steps += _steps_of(path.stem, written)
    return sorted(steps, key=lambda step: step.at)


def resolved(said: Any, kept: Mapping[str, Any]) -> Any:
    """Return a body with ``$name.member`` replaced by what was kept, at any depth; raises StoryBroken.

    >>> resolved({"contract": "$offer.contract.id"}, {"offer": {"contract": {"id": "ctr_1"}}})
    {'contract': 'ctr_1'}
    """
    if isinstance(said, Mapping):
        return {name: resolved(value, kept) for name, value in said.items()}
    if isinstance(said, list):
        return [resolved(value, kept) for value in said]
    if isinstance(said, str) and said.startswith("$"):
        return _kept(said, kept)
    return said


def _kept(reference: str, kept: Mapping[str, Any]) -> Any:
    name, *members = reference.removeprefix("$").split(".")
    try:
        found = kept[name]
        for member in members:
            found = found[member]
    except KeyError as lacking:
        raise StoryBroken(f"{reference}: nothing of the name {lacking} was kept") from lacking
    return found


def _steps_of(chapter: str, written: list[dict[str, Any]]) -> Iterator[Step]:
    at: datetime | None = None
    for number, entry in enumerate(written):
        if unknown := entry.keys() - _FIELDS:
            raise StoryBroken(f"{chapter}, step {number}: {', '.join(sorted(unknown))} is no field of a step")
        at = datetime.fromisoformat(entry["at"]) if "at" in entry else at
        if at is None:
            raise StoryBroken(f"{chapter}: the first step says at which instant it is done")
        role, _, party = entry["as"].partition(" ")
        for part, (on, body) in enumerate(_calls(entry)):
            yield Step(
                key=f"{chapter}/{number}.{part}",
                at=at,
                role=role,
                party=party or None,
                do=entry["do"],
                on=on,
                body=body,
                keep=entry.get("keep"),
                refused=entry.get("refused"),
            )


def _calls(entry: Mapping[str, Any]) -> list[tuple[str | None, Any]]:
    on = entry.get("on")
    if "each" in entry:
        return [(on, body) for body in entry["each"]]
    if "on_each" in entry:
        return list(entry["on_each"].items())
    return [(on, entry.get("with"))]
