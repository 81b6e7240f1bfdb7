"""Read a samplesheet: CSV by RFC 4180, https://www.rfc-editor.org/rfc/rfc4180, in UTF-8."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from airflow_provider_omics.limits import SAMPLESHEET_CELLS, SAMPLESHEET_FINDINGS, SAMPLESHEET_ROWS
from airflow_provider_omics.samplesheet.layout import KEY_PARAM, Layout

EMPTY = "the samplesheet is empty: give a header line that names the columns, and a line for each run"
NO_ROWS = (
    "the samplesheet has a header but no rows, so that nothing would run: add a line for each run, or, where an empty "
    "sheet is no mistake, look before this task whether there is anything to do, e.g. with a ShortCircuitOperator"
)
NO_TEXT = (
    "is not text in UTF-8: save the sheet as 'CSV UTF-8'; workbooks (.xlsx), compressed files and other encodings are "
    "not read"
)

TOO_MANY_ROWS = f"the samplesheet has more than {SAMPLESHEET_ROWS:,} rows, which no batch could start: split it"
TOO_MANY_CELLS = (
    f"the rows up to here have more than {SAMPLESHEET_CELLS:,} parameters, the common ones of each row included: split "
    "the sheet, or put what all rows share into a file on S3"
)

Line = tuple[int, list[str] | str]
"""The number of a line with content, and its cells, or what is wrong where it is no CSV."""


def parse(
    data: bytes, layout: Layout, *, most: int = SAMPLESHEET_ROWS, too_many: str = TOO_MANY_ROWS
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the arguments of a run for each row, in the sheet's order, and what is wrong with the sheet.

    Spaces around cells, a byte order mark, lines without any content and columns without any (which spreadsheets
    leave behind) mean nothing. The sheet is read line by line, and no further than the largest number of rows, of their
    cells, or of problems.

    :param data: the file
    :param layout: what its columns stand for
    :param most: how many rows it may have
    :param too_many: what to say of a sheet that has more
    :returns: the rows, each ``{"parameters": …, "params": …}`` and the arguments that the layout names; and the
        problems in words, each with its line, by line, one more than an error lists if there are more. If there are
        problems, there are no rows
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [], [f"line {line}: {NO_TEXT}"]
    lines = _lines(text, layout.delimiter)
    first, header = next(lines, (0, EMPTY))
    if isinstance(header, str):  # without a header, the other lines say nothing
        return [], [f"line {first}: {header}" if first else header]
    header = _cut(header)
    wrong, is_header = layout.check(header)
    problems = [f"line {first}: {problem}" for problem in wrong]
    if not is_header:  # the other lines say nothing then
        return [], problems[: SAMPLESHEET_FINDINGS + 1]
    rows: list[dict[str, Any]] = []
    for row, wrong in _rows(lines, header, layout, most, too_many):
        problems += wrong
        if len(problems) > SAMPLESHEET_FINDINGS:
            return [], problems[: SAMPLESHEET_FINDINGS + 1]
        if row is not None and not problems:
            rows.append(row)
    if not rows and not problems:
        problems.append(NO_ROWS)
    return ([] if problems else rows), problems


def _lines(text: str, delimiter: str) -> Iterator[Line]:
    """Yield each line that has content."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"is not CSV ({error}); is a quotation mark not closed?"
        else:
            if any(cells):
                yield line, cells


def _rows(
    lines: Iterator[Line], header: list[str], layout: Layout, most: int, too_many: str
) -> Iterator[tuple[dict[str, Any] | None, list[str]]]:
    """Yield the arguments of each row, or None if it is no row, and what is wrong with it, with its line."""
    seen: dict[str, int] = {}
    wide = len(header) + len(layout.common_parameters)
    for count, (line, content) in enumerate(lines, start=1):
        if count > most:
            yield None, [too_many]
            return
        if count * wide > SAMPLESHEET_CELLS:
            yield None, [f"line {line}: {TOO_MANY_CELLS}"]
            return
        row, wrong = (None, [content]) if isinstance(content, str) else _row(line, content, header, layout, seen)
        yield row, [f"line {line}: {problem}" for problem in wrong]


def _row(
    line: int, content: list[str], header: list[str], layout: Layout, seen: dict[str, int]
) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the arguments of a row, and what is wrong with it.

    :param seen: the keys of the rows before it with their lines, to which its own is added
    """
    cells = content[: len(header)] + _cut(content[len(header) :])
    if len(cells) != len(header):
        return None, [f"has {len(cells)} cells, but the header has {len(header)}"]
    row, problems = layout.row(header, cells)
    key = unicodedata.normalize("NFC", row["params"][KEY_PARAM])  # an accent may be a character of its own
    if key in seen:
        problems.append(_repeated(header, seen[key], layout))
    elif key:
        seen[key] = line
    return row, problems


def _cut(cells: list[str]) -> list[str]:
    """Return cells without the empty ones at their end."""
    return cells[: max((number for number, cell in enumerate(cells, start=1) if cell), default=0)]


def _repeated(header: Sequence[str], line: int, layout: Layout) -> str:
    advice = "" if layout.key_column else "; if another column tells the rows apart, name it in key_column="
    return f"{layout.label(header, layout.key_of(header))} has the same key as line {line}{advice}"
