"""Read a samplesheet: CSV by RFC 4180, https://www.rfc-editor.org/rfc/rfc4180, in UTF-8."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

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

Line = tuple[int, list[str]]


def parse(data: bytes, layout: Layout) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the arguments of a run for each row, in the sheet's order, and everything that is wrong with the sheet.

    Spaces around cells, a byte order mark, lines without any content and columns without any (which spreadsheets
    leave behind) mean nothing.

    :param data: the file
    :param layout: what its columns stand for
    :returns: the rows, each ``{"parameters": …, "params": …}`` and the arguments that the layout names; and the
        problems in words, each with its line, by line. If there are problems, the rows are good for nothing
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [], [f"line {line}: {NO_TEXT}"]
    lines: list[Line] = []
    problems: list[tuple[int, str]] = []
    for line, content in _lines(text, layout.delimiter):
        if isinstance(content, str):
            problems.append((line, content))
            if not lines:  # without a header, the other lines say nothing
                break
        else:
            lines.append((line, content))
    rows = _rows(lines, layout, problems) if lines else []
    if not lines and not problems:
        problems.append((0, EMPTY))
    return rows, [f"line {line}: {text}" if line else text for line, text in sorted(problems, key=lambda each: each[0])]


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield each line that has content with the number of its first line, and where it is no CSV what is wrong."""
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


def _rows(lines: Sequence[Line], layout: Layout, problems: list[tuple[int, str]]) -> list[dict[str, Any]]:
    """Return the rows, and add to the problems."""
    (first, header), *others = lines
    header = _cut(header)
    problems += [(first, problem) for problem in layout.check(header)]
    if not layout.is_header(header):  # the other lines say nothing then
        return []
    if not others and not problems:
        problems.append((0, NO_ROWS))
    rows, seen = [], dict[str, int]()
    for line, content in others:
        cells = content[: len(header)] + _cut(content[len(header) :])
        if len(cells) != len(header):
            problems.append((line, f"has {len(cells)} cells, but the header has {len(header)}"))
            continue
        row, wrong = layout.row(header, cells)
        problems += [(line, problem) for problem in wrong]
        key = unicodedata.normalize("NFC", row["params"][KEY_PARAM])  # an accent may be a character of its own
        if key in seen:
            problems.append((line, _repeated(header, seen[key], layout)))
        elif key:
            seen[key] = line
        rows.append(row)
    return rows


def _cut(cells: list[str]) -> list[str]:
    """Return cells without the empty ones at their end."""
    return cells[: max((number for number, cell in enumerate(cells, start=1) if cell), default=0)]


def _repeated(header: Sequence[str], line: int, layout: Layout) -> str:
    advice = "" if layout.key_column else "; if another column tells the rows apart, name it in key_column="
    return f"{layout.label(header, layout.key_of(header))} has the same key as line {line}{advice}"
