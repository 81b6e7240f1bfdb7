"""What Airflow would take for a template: it renders the values that ``expand_kwargs`` gives to a mapped task.

Airflow 2.11 to 3.3 render them even if they come from XCom: of the values, ``ListOfDictsExpandInput.resolve`` exempts
only those that are an XCom themselves. So a cell of a samplesheet, or an output of a run, could read the password of a
connection. Values that ``expand`` gives, and an XCom in an argument, are not rendered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


class Templates:
    """The templates of a DAG, with the delimiters that its ``jinja_environment_kwargs`` may set.

    :param environment: that of the DAG; by default one with Jinja's own delimiters
    """

    def __init__(self, environment: Environment | None = None) -> None:
        self._given = environment

    @cached_property
    def _environment(self) -> Environment:
        if self._given is not None:
            return self._given
        import jinja2

        return jinja2.Environment()  # noqa: S701 - it renders nothing

    @property
    def marks(self) -> str:
        """What a template begins with, in words: ``{{, {% or {#``."""
        found = self._environment
        marks = [found.variable_start_string, found.block_start_string, found.comment_start_string]
        marks += filter(None, [found.line_statement_prefix, found.line_comment_prefix])
        return f"{', '.join(marks[:-1])} or {marks[-1]}"

    def is_template(self, text: str) -> bool:
        """Tell whether Jinja finds anything but plain text: its own lexer says so, which never backtracks."""
        from jinja2 import TemplateError

        try:
            return any(kind != "data" for _, kind, _ in self._environment.lex(self._environment.preprocess(text)))
        except TemplateError:  # a template that is broken
            return True

    def in_value(self, value: Any) -> bool:
        """Tell whether there is a template in plain JSON, in the names of its objects too."""
        return any(map(self.is_template, texts(value)))


def texts(value: Any) -> Iterator[str]:
    """Yield every text in plain JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield str(name)
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)
