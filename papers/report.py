"""Any report that is a header and a table of sections: as PDF, as workbook, and a section of it as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from papers.csv_table import table_csv
from papers.layout import Block, Column, Fact, Facts, Group, Note, Paper, Row, Table, moment, plain, reach
from papers.parts import SANDBOX_COLUMN, banner, facts_of
from papers.typeset import pdf
from papers.wording import Label, Lang, known_word, word
from papers.workbook import sheet_name, xlsx
from pricing.errors import Malformed


class SectionUnknown(Malformed):
    """A section that this report does not have."""

    code = "section_unknown"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report: its key in the report, its title, and its columns.

    A list under the key is printed as a table, an object as facts under the columns' headings. A section that the
    report does not have is left out, as are columns that no row fills; an empty list is printed as none. ``of`` is the
    key of the rows where several sections print parts of the same ones.
    """

    key: str
    title: Label
    columns: tuple[Column, ...]
    of: str = ""

    def content(self, report: Row) -> object:
        """What the report holds for this section; None where it has none."""
        return report.get(self.of or self.key)


@dataclass(frozen=True, slots=True)
class Form:
    """What a kind of report looks like.

    ``header``: what is read off the report's ``header``. ``settings`` in the header is printed member by member,
    whatever it holds. ``notes``: a column and the note that is printed where a row of any section has it true.
    """

    title: Label
    header: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[tuple[str, Label], ...] = ()

    def section(self, key: str) -> Section:
        """The section of that key, or `SectionUnknown`."""
        for section in self.sections:
            if section.key == key:
                return section
        known = ", ".join(section.key for section in self.sections)
        raise SectionUnknown(f"there is no section {key!r}; there are {known}", errors={"section": ["unknown"]})


def report_pdf(report: Mapping[str, object], form: Form, lang: Lang) -> bytes:
    """The report as PDF, A4 across. Required: ``header.as_of`` (dates the file)``, header.operator``."""
    return pdf(_paper(report, form, lang))


def report_xlsx(report: Mapping[str, object], form: Form, lang: Lang) -> bytes:
    """The report as a workbook: a cover, then a sheet a section; totals and differences are live formulas."""
    return xlsx(_paper(report, form, lang))


def report_csv(report: Mapping[str, object], form: Form, section: str) -> bytes:
    """One section as CSV under its keys, guarded as `table_csv` says; of a sandbox a column ``sandbox`` says so.

    Errors: `SectionUnknown`.
    """
    chosen = form.section(section)
    rows = _section_rows(report, chosen)
    if reach(report, "header.sandbox") is True:
        return table_csv(({**row, "sandbox": True} for row in rows), (*chosen.columns, SANDBOX_COLUMN))
    return table_csv(rows, chosen.columns)


def _section_rows(report: Row, section: Section) -> tuple[Row, ...]:
    content = section.content(report)
    if isinstance(content, Mapping):
        return (content,)
    return tuple(content) if isinstance(content, list | tuple) else ()


def _paper(report: Row, form: Form, lang: Lang) -> Paper:
    header = report["header"]
    header = header if isinstance(header, Mapping) else {}
    return Paper(
        lang=lang,
        title=form.title.in_(lang),
        number=plain(reach(header, "number"), lang),
        issuer=plain(reach(header, "operator.name") or header.get("operator"), lang),
        dated_at=moment(header["as_of"]),
        blocks=tuple(_blocks(report, header, form, lang)),
        reminder=word("report.reminder", lang),
        banner=banner(header, lang),
        is_landscape=True,
    )


def _blocks(report: Row, header: Row, form: Form, lang: Lang) -> Iterator[Block]:
    cover = sheet_name(word("report.cover", lang))
    yield Facts((Group("", facts_of(header, form.header, lang)),), sheet=cover)
    yield from _settings(header, lang)
    yield from _notes(report, form, lang)
    for place, section in enumerate((s for s in form.sections if s.content(report) is not None), start=1):
        yield _section(report, section, f"{place}. {section.title.in_(lang)}", lang)
    if report.get("report_hash") is not None:
        digest = Fact(word("report.hash", lang), str(report["report_hash"]), "digest")
        yield Facts((Group("", (digest,)),))


def _settings(header: Row, lang: Lang) -> Iterator[Block]:
    settings = header.get("settings")
    if isinstance(settings, Mapping) and settings:
        facts = tuple(
            Fact(known_word("setting", key, lang), known_word("setting_value", plain(value, lang), lang))
            for key, value in settings.items()
        )
        yield Facts((Group("", facts),), title=word("report.settings", lang))


def _notes(report: Row, form: Form, lang: Lang) -> Iterator[Block]:
    rows = [row for section in form.sections for row in _section_rows(report, section)]
    for key, note in form.notes:
        if any(row.get(key) is True for row in rows):
            yield Note(note.in_(lang), is_warning=True)


def _section(report: Row, section: Section, title: str, lang: Lang) -> Block:
    content = section.content(report)
    if isinstance(content, Mapping):
        return Facts((Group("", facts_of(content, section.columns, lang)),), title=title, sheet=sheet_name(title))
    return Table(title, section.columns, _section_rows(report, section), sheet=sheet_name(title))
