"""A paper as PDF, set by typst: data goes in as JSON, never as markup, and the paper's own moment dates the file."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final

import pylopdf_fonts_zh_cn
import typst

from papers.layout import Block, Fact, Facts, Note, Paper, Sum, Sums, Table, display_length, printed
from papers.page_table import breakable, page_table
from papers.wording import word

# Controls, and the marks that would let a name turn the reading direction of what is printed beside it.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# A longer fact takes a line of its own.
_FACT_LENGTH_MAX: Final = 36
# Facts that are longer in all might not fit a page, so they may go on over its end.
_TOGETHER_LENGTH_MAX: Final = 1200
# The width of an A4 page between its margins, upright and across.
_ROOM_PT, _ROOM_ACROSS_PT = Decimal("481.8"), Decimal("728.4")


def pdf(paper: Paper) -> bytes:
    """The paper as a tagged PDF; the same paper gives the same bytes."""
    return typst.compile(
        _template(),
        format="pdf",
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"paper": json.dumps(_clean(_paper(paper)), ensure_ascii=False)},
        timestamp=paper.dated_at,
    )


@cache
def _template() -> bytes:
    return files("papers").joinpath("templates/paper.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    """The two Chinese families and typst's own for what they lack; never the machine's, so that all print alike."""
    folder = pylopdf_fonts_zh_cn.sans_path().parent
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[folder])


def _clean(value: object) -> object:
    """The same data with unprintable characters blanked."""
    if isinstance(value, str):
        return _UNPRINTABLE.sub(" ", value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _paper(paper: Paper) -> dict[str, object]:
    return {
        "lang": paper.lang,
        "title": paper.title,
        "number": paper.number,
        "issuer": paper.issuer,
        "reminder": paper.reminder,
        "banner": paper.banner,
        "page": word("page", paper.lang),
        "landscape": paper.is_landscape,
        "blocks": [_block(block, paper) for block in paper.blocks],
    }


def _block(block: Block, paper: Paper) -> dict[str, object]:
    match block:
        case Facts():
            return _facts(block)
        case Table():
            return page_table(block, paper.lang, _ROOM_ACROSS_PT if paper.is_landscape else _ROOM_PT)
        case Sums():
            return {"kind": "sums", "items": [_sum(item) for item in block.items]}
        case Note():
            return {"kind": "note", "text": breakable(block.text), "warning": block.is_warning}


def _facts(facts: Facts) -> dict[str, object]:
    groups = [
        {
            "title": group.title,
            "facts": [_fact(fact) for fact in group.facts],
        }
        for group in facts.groups
    ]
    length = sum(len(fact.value) for group in facts.groups for fact in group.facts)
    return {"kind": "facts", "title": facts.title, "groups": groups, "together": length <= _TOGETHER_LENGTH_MAX}


def _fact(fact: Fact) -> dict[str, object]:
    is_digest = fact.kind == "digest"
    return {
        "label": fact.label,
        "value": breakable(printed(fact.value, fact.kind)),
        "digest": is_digest,
        "wide": is_digest or display_length(fact.value) > _FACT_LENGTH_MAX,
    }


def _sum(item: Sum) -> dict[str, object]:
    return {"label": item.label, "value": printed(item.value, item.kind), "main": item.is_main}
