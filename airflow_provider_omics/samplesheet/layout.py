"""What the columns of a samplesheet stand for, and whether a header fits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from airflow_provider_omics.limits import SAMPLESHEET_COLUMNS, SAMPLESHEET_HINTS, SAMPLESHEET_NAME
from airflow_provider_omics.parameters import unqualified
from airflow_provider_omics.samplesheet.cells import convert, fault
from airflow_provider_omics.templates import Templates

KEY_PARAM = "samplesheet_key"
"""The Airflow param of a mapped task that carries the key of its row."""

LONGEST_KEY = 250
"""Characters of a map label that Airflow's database has room for."""


NO_HEADER = (
    "looks like no header: none of its {} cells names a parameter of the workflow, or a column that the task names. "
    "Add a line above it that names the columns"
)


def nearest(name: str, known: Iterable[str], number: int) -> str:
    """Return a question after the name that may be meant, or nothing.

    :param number: how many such questions were asked before
    """
    found = get_close_matches(name, list(known), n=1) if number < SAMPLESHEET_HINTS else ()
    return f"; did you mean {found[0]!r}?" if found else ""


def nearest_column(name: str, header: Sequence[str], number: int) -> str:
    """Return a question after the column that may be meant, by its number: what the header says may be data.

    :param number: how many such questions were asked before
    """
    found = get_close_matches(name, header, n=1) if number < SAMPLESHEET_HINTS else ()
    return f"; is column {header.index(found[0]) + 1} meant?" if found else ""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the author and the workflow say of a samplesheet.

    A parameter template has no types: its entries hold a description and whether the parameter is optional. Source:
    https://docs.aws.amazon.com/omics/latest/dev/parameter-templates.html.
    """

    delimiter: str = ","
    """The character between two cells."""
    key_column: str | None = None
    """The column that tells the rows apart; None means the first."""
    columns: Mapping[str, str | None] = field(default_factory=dict)
    """The parameter of each column that is named otherwise; None for a column that is no parameter."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """The operator's argument that a column gives; it is no parameter then, unless ``columns`` says so too."""
    types: Mapping[str, str] = field(default_factory=dict)
    """The type of each column that is no text."""
    optional_columns: Collection[str] = ()
    """Columns that may be absent, and whose cells may be empty."""
    common_parameters: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of every run; a cell that is not empty goes before them."""
    template: Mapping[str, Mapping[str, Any]] | None = None
    """The workflow's parameter template; None where it is not known."""
    engine: str | None = None
    """The workflow's engine; None where it is not known."""
    templates: Templates = field(default_factory=Templates)
    """The templates of the DAG, which no cell may hold."""

    def in_template(self, parameter: str) -> str:
        """Return the name that a parameter has in the template."""
        return unqualified(parameter, self.template or {}, self.engine)

    def key_of(self, header: Sequence[str]) -> str:
        """Return the name of the key column."""
        return self.key_column or header[0]

    def knows(self, column: str) -> bool:
        """Tell whether the author or the workflow names a column; any other may be a cell where there is no header."""
        named = {*self.columns, *self.arguments, *self.types, *self.optional_columns, self.key_column}
        return column in named or self.in_template(column) in (self.template or {})

    def label(self, header: Sequence[str], column: str) -> str:
        """Return what a message calls a column: its name, or where that may be data its number."""
        return f"column {column!r}" if self.knows(column) else f"column {header.index(column) + 1}"

    def parameter(self, column: str) -> str | None:
        """Return the parameter that a column gives, if any."""
        return self.columns.get(column, None if column in self.arguments else column)

    def may_be_empty(self, column: str) -> bool:
        """Tell whether the cells of a column may be empty."""
        if column in self.optional_columns:
            return True
        if column in self.arguments:
            return False
        parameter = self.parameter(column)
        described = (self.template or {}).get(self.in_template(parameter or ""), {})
        return parameter is None or parameter in self.common_parameters or bool(described.get("optional"))

    def check(self, header: Sequence[str]) -> tuple[list[str], bool]:
        """Return what is wrong with a header, and whether it tells what the lines below it say.

        Of one that is too large, or that looks like no header, nothing else is said.
        """
        if excess := list(_excess(header)):
            return excess, False
        problems = list(self._names(header))
        if not self.is_header(header):
            return problems or [NO_HEADER.format(len(header))], False
        return [*problems, *self._columns(header)], True

    def _columns(self, header: Sequence[str]) -> Iterator[str]:
        """Yield which columns are missing, are too many, or do not fit the workflow."""
        named = {name for name, parameter in self.columns.items() if parameter is not None}
        named = (named | {*self.arguments, *self.types}) - {*self.optional_columns} | {self.key_of(header)}
        for number, missing in enumerate(sorted(named - {*header})):
            yield f"the column {missing!r} is missing{nearest_column(missing, header, number)}"
        distinct = dict.fromkeys(header)
        for targets in (map(self.parameter, distinct), map(self.arguments.get, distinct)):
            for name, count in Counter(filter(None, targets)).items():
                if count > 1:
                    yield f"{count} columns give {name!r}"
        if self.template is not None:
            yield from self._spelled_twice(header)
            yield from self._against(self.template, header)

    def is_header(self, header: Sequence[str]) -> bool:
        """Tell whether a line may be a header: it names something that is known, or nothing is known.

        Of its first cells it is enough that they nearly do.
        """
        known = {*self.columns, *self.arguments, *self.types, *self.optional_columns, *(self.template or ())}
        known |= {self.key_column} if self.key_column else set()
        if not known or any(map(self.knows, header)):
            return True
        return any(nearest(column, known, number) for number, column in enumerate(header))

    def _spelled_twice(self, header: Sequence[str]) -> Iterator[str]:
        """Yield the parameters that are given by two names: both would be sent, and a cell could not go first."""
        spellings: dict[str, set[str]] = {}
        for parameter in (*filter(None, map(self.parameter, header)), *self.common_parameters):
            spellings.setdefault(self.in_template(parameter), set()).add(parameter)
        for names in spellings.values():
            if len(names) > 1:
                yield f"{' and '.join(map(repr, sorted(names)))} are spellings of one parameter: choose one"

    def _names(self, header: Sequence[str]) -> Iterator[str]:
        if len(header) == 1 and any(other in header[0] for other in {",", ";", "\t", "|"} - {self.delimiter}):
            yield f"the whole line is one column: is {self.delimiter!r} the delimiter? Give delimiter="
        for number, name in enumerate(header, start=1):
            if not name:
                yield f"column {number} has no name"
            elif problem := fault(name):
                yield f"the name of column {number} {problem}"
        for name, count in Counter(filter(None, header)).items():
            if count > 1:
                numbers = [str(number) for number, each in enumerate(header, start=1) if each == name]
                yield f"columns {', '.join(numbers[:-1])} and {numbers[-1]} have the same name"

    def _against(self, template: Mapping[str, Mapping[str, Any]], header: Sequence[str]) -> Iterator[str]:
        given = {parameter: column for column in header if (parameter := self.parameter(column))}
        unknown = [(name, column) for name, column in given.items() if self.in_template(name) not in template]
        for number, (parameter, column) in enumerate(unknown):
            yield (
                f"{self.label(header, column)} is no parameter of the workflow"
                f"{nearest(parameter, template, number) or '.'} "
                "Name its parameter in columns=, or give it None there to leave it out"
            )
        for number, parameter in enumerate(
            name for name in self.common_parameters if self.in_template(name) not in template
        ):
            hint = nearest(parameter, template, number)
            yield f"common_parameters: {parameter!r} is no parameter of the workflow{hint}"
        named = {self.in_template(parameter) for parameter in (*given, *self.common_parameters)}
        lacking = [name for name, described in template.items() if not described.get("optional") and name not in named]
        for number, parameter in enumerate(lacking):
            yield f"no column gives the workflow's parameter {parameter!r}{nearest_column(parameter, header, number)}"

    def row(self, header: Sequence[str], cells: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """Return the arguments of a row's run, and what is wrong with its cells."""
        parameters, arguments, problems = dict(self.common_parameters), {}, []
        key = self.key_of(header)
        for column, cell in zip(header, cells, strict=True):
            try:
                value = self._value(column, cell, is_key=column == key)
            except ValueError as error:
                problems.append(f"{self.label(header, column)} {error}")
                continue
            if value is None:
                continue
            if parameter := self.parameter(column):
                parameters[parameter] = value[0]
            if column in self.arguments:
                arguments[self.arguments[column]] = value[0]
        keys = [cell for column, cell in zip(header, cells, strict=True) if column == key]
        return {"parameters": parameters, **arguments, "params": {KEY_PARAM: "".join(keys[:1])}}, problems

    def _value(self, column: str, cell: str, *, is_key: bool) -> tuple[Any] | None:
        """Return what a cell says, wrapped, since JSON's null is something too; None for an empty one."""
        if not cell:
            if is_key or not self.may_be_empty(column):
                raise ValueError("is empty")
            return None
        if problem := fault(cell):
            raise ValueError(problem)
        if is_key and len(cell) > LONGEST_KEY:
            raise ValueError(f"is the key and has {len(cell)} characters; Airflow keeps {LONGEST_KEY} of a label")
        return (convert(cell, self.types.get(column, "str"), self.templates),)


def _excess(header: Sequence[str]) -> Iterator[str]:
    """Yield what is too large in a header."""
    if len(header) > SAMPLESHEET_COLUMNS:
        yield f"has {len(header):,} columns; at most {SAMPLESHEET_COLUMNS:,} are read"
    for number, name in enumerate(header, start=1):
        if len(name) > SAMPLESHEET_NAME:
            yield f"the name of column {number} has {len(name):,} characters; at most {SAMPLESHEET_NAME} are read"
