"""Rendering of documents: values in, bytes out.

Every function takes an object as the JSON API answers it (money ``"10.00"``, dates and instants as text) and a
language, and answers the bytes of a file. The same input gives the same bytes: a document is dated by its input,
never by a clock. Nothing here computes a charge; totals are sums of the rows that are shown.

    bill.py        the bill (账单), as PDF and workbook
    statement.py   the revenue statement of a beneficiary, as PDF, workbook and CSV
    compliance.py  the cap-compliance report: the table of its sections, as PDF, workbook and CSV
    report.py      any report that is a header and a table of sections
    wording.py     the words in both languages
    layout.py      what a paper is made of
    parts.py       parts that several documents share
    typeset.py     a paper as PDF, by templates/paper.typ
    page_table.py  how a table fills a page
    workbook.py    a paper as XLSX
    csv_table.py   rows as CSV
"""
