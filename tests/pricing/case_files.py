"""Cases of money and law as data: one YAML file a rule, its name the sentence that the cases hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

_CASES = Path(__file__).parent.parent / "cases"


def read(path: str) -> Any:
    """The content of one case file, by its path under ``tests/cases``."""
    return yaml.safe_load((_CASES / path).read_text(encoding="utf-8"))


def cases(folder: str) -> list[Any]:
    """Every case of every file in a folder as a parameter, over its file's defaults, named by file and case."""
    found = []
    for path in sorted((_CASES / folder).glob("*.yaml")):
        content = read(f"{folder}/{path.name}")
        found += [
            pytest.param(content.get("defaults", {}) | case, id=f"{path.stem}: {case['name']}")
            for case in content["cases"]
        ]
    if not found:
        raise FileNotFoundError(f"no case files in {_CASES / folder}")
    return found
