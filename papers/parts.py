"""Parts that several documents share: facts read off an object, its parties, its rows, the banner of a sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from papers.layout import Column, Fact, Group, Row
from papers.wording import Label, Lang, word

SANDBOX_COLUMN: Final = Column("sandbox", Label("沙盒", "Sandbox"))
OFFERING_ON_PAGE: Final = Column("title", Label("产品与应用场景", "Offering"), remarks="remarks")
PARTY: Final = (
    Column("name", Label("名称", "Name")),
    Column("code", Label("编码", "Code")),
    Column("credit_code", Label("统一社会信用代码", "Credit code")),
)


def facts_of(source: Row, columns: Iterable[Column], lang: Lang) -> tuple[Fact, ...]:
    """The facts that the object states, in the columns' order; what it leaves open is left out."""
    facts = (Fact(column.heading.in_(lang), column.text(source, lang), column.kind) for column in columns)
    return tuple(fact for fact in facts if fact.value)


def party(title: str, named: object, lang: Lang) -> Group:
    """A party given as an object, or by its name alone."""
    members = named if isinstance(named, Mapping) else {"name": named}
    return Group(title, facts_of(members, PARTY, lang))


def rows_of(source: Row, key: str) -> tuple[Row, ...]:
    """The rows of a list; none where the object does not have it."""
    rows = source.get(key)
    return tuple(rows) if isinstance(rows, list | tuple) else ()


def with_offering(line: Row, beside: str = "", remarks: Iterable[str] = ()) -> dict[str, object]:
    """A line as `OFFERING_ON_PAGE` prints it.

    The offering's name; below it in small its code and what stands ``beside`` it; then the remarks. Without a name the
    code is what is printed.
    """
    code, name = line.get("offering"), line.get("offering_name")
    first = " · ".join(filter(None, (str(code) if name else "", beside)))
    return {**line, "title": name or code, "remarks": [remark for remark in (first, *remarks) if remark]}


def banner(source: Row, lang: Lang) -> str:
    """The line that every document of a sandbox carries on every page; empty elsewhere."""
    return word("banner.sandbox", lang) if source.get("sandbox") is True else ""
